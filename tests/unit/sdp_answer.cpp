// SPDX-License-Identifier: LGPL-2.1-or-later
// Answers to the offers of several clients, what is refused and why, and fragments.
#include "core/sdp/answer.h"
#include "core/sdp/fragment.h"

#include "unit/sdp_rig.hpp"

#include "check.hpp"

#include "unit/sdp_seeds.hpp"

using namespace penstock;
using namespace penstock::sdp;

namespace {

constexpr ProfileLevelId high{0x64, 0x00, 40}, baseline{0x42, 0xC0, 31},
    main_profile{0x4D, 0x40, 31};

Answer answer_to(const Offer &offer, const AnswerPolicy &policy) {
    Answer answer;
    const Result result = make_answer(offer, policy, rig::local_transport(), answer);
    fail_unless(result.is_ok(), "%s", result.reason().c_str());
    return answer;
}

Answer answer_seed(const std::string &name, const AnswerPolicy &policy) {
    return answer_to(rig::read(rig::seed(name)), policy);
}

void is_refused(const Offer &offer, const AnswerPolicy &policy, const char *expected) {
    Answer answer;
    const Result result = make_answer(offer, policy, rig::local_transport(), answer);
    fail_unless(result.is_error() && answer.text.empty());
    fail_unless(result.reason().find(expected) != std::string::npos, "'%s' does not have '%s'",
                result.reason().c_str(), expected);
}

void has_line(const Answer &answer, const std::string &line) {
    fail_unless(answer.text.find("\r\n" + line + "\r\n") != std::string::npos,
                "'%s' is not in:\n%s", line.c_str(), answer.text.c_str());
}

void has_no(const Answer &answer, const std::string &text) {
    fail_unless(answer.text.find(text) == std::string::npos, "'%s' is in:\n%s", text.c_str(),
                answer.text.c_str());
}

uint8_t video_type(const std::string &name, const ProfileLevelId &profile) {
    for (const AnsweredSection &section : answer_seed(name, rig::play_policy(profile)).sections)
        if (section.kind == Kind::video) return section.codec.payload_type;
    return 0;
}

} // namespace

GST_START_TEST(test_whip) {
    const Answer answer = answer_seed("obs", rig::publish_policy());
    fail_unless_equals_string(
        answer.text.c_str(),
        "v=0\r\no=- 4711 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\n"
        "a=ice-lite\r\na=msid-semantic:WMS *\r\n"
        "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\n"
        "a=ice-ufrag:ownufrag\r\na=ice-pwd:an-own-password-of-enough\r\n"
        "a=fingerprint:sha-256 AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:"
        "AB:AB:AB:AB:AB:AB:AB:AB:AB:AB\r\na=setup:passive\r\na=recvonly\r\na=rtcp-mux\r\n"
        "a=rtpmap:111 opus/48000/2\r\n"
        "a=fmtp:111 minptime=10;maxaveragebitrate=96000;stereo=1;sprop-stereo=1;useinbandfec=1\r\n"
        "a=candidate:1 1 udp 2130706431 192.0.2.1 8189 typ host\r\n"
        "a=candidate:2 1 tcp 1520435199 2001:db8::1 8189 typ host tcptype passive\r\n"
        "a=end-of-candidates\r\n"
        "m=video 9 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\na=mid:1\r\n"
        "a=ice-ufrag:ownufrag\r\na=ice-pwd:an-own-password-of-enough\r\n"
        "a=fingerprint:sha-256 AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:"
        "AB:AB:AB:AB:AB:AB:AB:AB:AB:AB\r\na=setup:passive\r\na=recvonly\r\na=rtcp-mux\r\n"
        "a=rtpmap:96 H264/90000\r\n"
        "a=fmtp:96 profile-level-id=42e01f;packetization-mode=1;level-asymmetry-allowed=1\r\n"
        "a=rtcp-fb:96 nack\r\na=rtcp-fb:96 nack pli\r\n");
    fail_unless(answer.remote.ice.ufrag == "gDjL" && !answer.is_dtls_client);
    fail_unless(answer.sections[0].track == size_t(1) && answer.sections[1].track == size_t(0));
}
GST_END_TEST

GST_START_TEST(test_publishers) {
    Answer answer = answer_seed("chromium-publish", rig::publish_policy());
    // The first H.264 that is offered, though VP8 is in front of it.
    has_line(answer, "m=video 9 UDP/TLS/RTP/SAVPF 103 104");
    has_line(answer, "a=fmtp:104 apt=103");
    has_line(answer, "a=extmap:3 " + rig::transport_cc);
    has_line(answer, "a=extmap-allow-mixed");
    has_no(answer, "goog-remb");
    has_no(answer, "a=ssrc");
    has_no(answer, "simulcast");
    fail_unless(answer.sections[1].rtx == uint8_t(104));

    // Redundant audio is asked for by its place in front.
    AnswerPolicy redundant = rig::publish_policy();
    for (Track &track : redundant.tracks)
        track.red = track.kind == Kind::audio;
    answer = answer_seed("chromium-publish", redundant);
    has_line(answer, "m=audio 9 UDP/TLS/RTP/SAVPF 63 111");
    has_line(answer, "a=rtpmap:63 red/48000/2");
    has_line(answer, "a=fmtp:63 111/111");
    fail_unless(answer.sections[0].red == uint8_t(63) && !answer.sections[1].red);
    has_no(answer_seed("firefox-publish", redundant), "red/");

    answer = answer_seed("chromium-simulcast", rig::publish_policy());
    has_line(answer, "a=rid:m recv");
    has_line(answer, "a=simulcast:recv h;m;l");
    fail_unless(answer.sections[1].rids == std::vector<std::string>({"h", "m", "l"}));
    AnswerPolicy two = rig::publish_policy();
    two.tracks[0].max_layers = 2;
    has_line(answer_seed("chromium-simulcast", two), "a=simulcast:recv h;m");
    two.tracks[0].max_layers = 1;
    has_no(answer_seed("chromium-simulcast", two), "a=rid:");

    answer = answer_seed("firefox-publish", rig::publish_policy());
    has_line(answer, "m=video 9 UDP/TLS/RTP/SAVPF 126 127");
    answer = answer_seed("gstreamer", rig::publish_policy());
    has_line(answer, "m=audio 9 UDP/TLS/RTP/SAVPF 98"); // bundle-only
    has_line(answer, "a=group:BUNDLE video0 audio1");
    answer = answer_seed("simple-whip-client", rig::publish_policy());
    has_line(answer, "a=rtpmap:96 VP8/90000");
    // ffmpeg wants to be the server of DTLS.
    answer = answer_seed("ffmpeg", rig::publish_policy());
    fail_unless(answer.is_dtls_client);
    has_line(answer, "a=setup:active");
    has_line(answer, "m=video 9 UDP/TLS/RTP/SAVPF 106 105");

    LocalTransport local = rig::local_transport();
    local.trickle = true;
    fail_unless(
        make_answer(rig::read(rig::seed("obs")), rig::publish_policy(), local, answer).is_ok());
    has_line(answer, "a=ice-options:trickle");
}
GST_END_TEST

GST_START_TEST(test_players) {
    const Answer answer = answer_seed("chromium-play", rig::play_policy(baseline));
    fail_unless(answer.sections.size() == 3 && !answer.sections[2].is_accepted);
    has_line(answer, "a=group:BUNDLE 0 1");
    has_line(answer, "m=video 9 UDP/TLS/RTP/SAVPF 109 114");
    has_line(answer, "a=sendonly");
    has_line(answer, "a=msid:live video");
    has_line(answer, "a=ssrc-group:FID 11 12");
    has_line(answer, "a=ssrc:12 cname:penstock");
    has_line(answer, "a=ssrc:13 cname:penstock");
    has_line(answer, "a=extmap:5 " + rig::playout_delay);
    has_line(answer, "a=fmtp:111 minptime=10;useinbandfec=1;stereo=1");
    has_line(answer, "a=rtcp-fb:109 goog-remb");
    has_no(answer, "transport-cc");
    has_line(answer, "m=application 0 UDP/DTLS/SCTP webrtc-datachannel");
    AnswerPolicy chat = rig::play_policy(baseline);
    chat.max_message_size = 65536;
    const Answer both = answer_seed("chromium-play", chat);
    has_line(both, "a=group:BUNDLE 0 1 2");
    has_line(both, "m=application 9 UDP/DTLS/SCTP webrtc-datachannel");
    has_line(both, "a=max-message-size:65536");
    has_line(both, "a=sctp-port:5000");
    // Without a video track the section is rejected.
    AnswerPolicy radio = rig::play_policy(baseline);
    radio.tracks.erase(radio.tracks.begin());
    has_line(answer_seed("aiortc-play", radio), "m=video 0 UDP/TLS/RTP/SAVPF 97");
    // Without an audio track its section stays, because the transport of all is its own.
    AnswerPolicy silent = rig::play_policy(baseline);
    silent.tracks.pop_back();
    const Answer kept = answer_seed("aiortc-play", silent);
    has_line(kept, "a=group:BUNDLE 0 1");
    has_line(kept, "m=audio 9 UDP/TLS/RTP/SAVPF 96");
    has_line(kept, "a=inactive");
    fail_unless(kept.sections[0].is_accepted && !kept.sections[0].track);
}
GST_END_TEST

GST_START_TEST(test_profiles) {
    fail_unless(video_type("chromium-play", baseline) == 109);
    fail_unless(video_type("chromium-play", main_profile) == 117);
    fail_unless(video_type("chromium-play", high) == 109); // nothing fits: 42e01f, mode 1
    fail_unless(video_type("chromium-play", {0x42, 0x00, 31}) == 103);
    fail_unless(video_type("aiortc-play", main_profile) == 101);
    fail_unless(parse_profile_level_id("42E01f") == default_profile_level_id);
    for (const char *bad : {"", "42e01", "42e01f0", "42e01g", "-2e01f", "+2e01f", " 2e01f"})
        fail_if(parse_profile_level_id(bad).has_value(), "%s", bad);
    constexpr ProfileLevelId constrained_high{0x64, 0x0C, 31}, extended{0x58, 0x00, 31},
        high10{0x6E, 0x00, 31};
    const auto fit = [](const ProfileLevelId &stream, const ProfileLevelId &offered) {
        return profile_fit(stream, offered);
    };
    fail_unless(fit(high, {0x64, 0x00, 31}) == ProfileFit::same);
    fail_unless(fit(constrained_high, high) == ProfileFit::greater);
    fail_unless(fit(main_profile, high) == ProfileFit::greater);
    // As Safari offers it, beside constrained baseline.
    fail_unless(fit(high, constrained_high) == ProfileFit::greater);
    fail_unless(fit(main_profile, constrained_high) == ProfileFit::greater);
    fail_unless(fit({0x42, 0x00, 31}, constrained_high) == ProfileFit::none);
    fail_unless(fit(baseline, {0x4D, 0x80, 31}) == ProfileFit::same);
    fail_unless(fit(baseline, {0x58, 0xC0, 31}) == ProfileFit::same);
    fail_unless(fit({0x42, 0x00, 31}, {0x58, 0x80, 31}) == ProfileFit::same);
    fail_unless(fit({0x42, 0x00, 31}, extended) == ProfileFit::greater);
    fail_unless(fit(high10, {0x6E, 0x10, 31}) == ProfileFit::same);
    fail_unless(fit(high10, {0xF4, 0x00, 31}) == ProfileFit::none);
    fail_unless(fit(high, main_profile) == ProfileFit::none);
    fail_unless(fit(high, baseline) == ProfileFit::common);

    // Mode 0 is received if there is nothing else, and not sent.
    std::string text = rig::seed("odd");
    text.replace(text.find("Packetization-Mode = 1"), 22, "Packetization-Mode = 0");
    is_refused(rig::read(text), rig::play_policy(baseline), "it offers h264, rtx; wanted: H264");
    text.replace(text.find("recvonly"), 8, "sendonly");
    answer_to(rig::read(text), rig::publish_policy());
    text.replace(text.find("Packetization-Mode = 0"), 22, "Packetization-Mode = 2");
    is_refused(rig::read(text), rig::publish_policy(), "no codec of use");
}
GST_END_TEST

GST_START_TEST(test_matches) {
    AnswerPolicy policy = rig::play_policy(baseline);
    WantedCodec vp9 = rig::wanted_video("VP9");
    vp9.match = {{"profile-id", "2", "0"}};
    policy.tracks[0].codecs.insert(policy.tracks[0].codecs.begin(), vp9);
    const auto type = [&] {
        return int(answer_seed("chromium-play", policy).sections[1].codec.payload_type);
    };
    fail_unless_equals_int(type(), 100);
    policy.tracks[0].codecs[0].match = {{"profile-id", "0", "0"}};
    fail_unless_equals_int(type(), 98);
    policy.tracks[0].codecs[0].match = {{"profile-id", "1", "0"}};
    fail_unless_equals_int(type(), 109);
    policy.tracks[0].codecs[0].match = {{"nothing", "0", "0"}};
    fail_unless_equals_int(type(), 98);
}
GST_END_TEST

GST_START_TEST(test_refused) {
    const Offer offer = rig::read(rig::seed("chromium-publish"));
    const AnswerPolicy policy = rig::publish_policy();
    is_refused(offer, rig::play_policy(high), "no section receives");
    is_refused(rig::read(rig::seed("chromium-play")), policy, "no section sends");
    is_refused(rig::read("v=0"), policy, "no section sends");
    Offer changed = offer;
    changed.ice_lite = true;
    is_refused(changed, policy, "ICE-lite");
    changed = offer;
    changed.bundle = {"0"};
    is_refused(changed, policy, "section 1 (video) is not in the BUNDLE");
    changed = offer;
    changed.bundle.clear();
    is_refused(changed, policy, "section 1 (video) is not in the BUNDLE");
    // A single section needs no BUNDLE.
    changed.media.pop_back();
    const Answer alone = answer_to(changed, policy);
    has_no(alone, "BUNDLE");
    has_line(alone, "a=mid:0");
    changed = offer;
    changed.media[1].rtcp_mux = false;
    is_refused(changed, policy, "section 1 (video) has no rtcp-mux");
    changed = offer;
    changed.media[0].transport.fingerprints.clear();
    is_refused(changed, policy, "no fingerprint");
    changed = offer;
    changed.media[0].transport.ice.password.clear();
    is_refused(changed, policy, "no ice-ufrag and ice-pwd");
    // The whole offer or nothing of it.
    AnswerPolicy other = policy;
    other.tracks[0].codecs = {rig::wanted_video("H265")};
    is_refused(offer, other,
               "section 1 (video) has no codec of use: it offers VP8, rtx, H264, AV1, VP9, red");
    other = policy;
    other.tracks.pop_back();
    is_refused(offer, other, "section 0 (audio) is not received");
    // What is rejected already, or of another protocol, stays rejected.
    changed = offer;
    changed.media[0].is_rejected = true;
    const Answer video = answer_to(changed, policy);
    has_line(video, "m=audio 0 UDP/TLS/RTP/SAVPF 111");
    has_line(video, "a=group:BUNDLE 1");
    changed = offer;
    changed.media[1].protocol = "RTP/AVP";
    has_line(answer_to(changed, policy), "m=video 0 RTP/AVP 96");
}
GST_END_TEST

GST_START_TEST(test_extension_ids) {
    Offer offer = rig::read(rig::seed("chromium-publish"));
    auto &extensions = offer.media[1].extensions;
    extensions = {{16, rig::transport_cc, Direction::sendonly},
                  {15, rig::mid_uri, {}},
                  {3, rig::rid_uri, Direction::inactive}};
    const AnswerPolicy policy = rig::publish_policy();
    const Answer mixed = answer_to(offer, policy);
    fail_unless(mixed.sections[1].extensions.size() == 1);
    has_line(mixed, "a=extmap:16/recvonly " + rig::transport_cc);
    offer.media[1].extmap_allow_mixed = false;
    fail_unless(answer_to(offer, policy).sections[1].extensions.empty());
}
GST_END_TEST

GST_START_TEST(test_layers) {
    Offer offer = rig::read(rig::seed("chromium-simulcast"));
    MediaSection &video = offer.media[1];
    const AnswerPolicy policy = rig::publish_policy();
    const auto layers = [&] { return answer_to(offer, policy).sections[1].rids; };
    // An alternative that has another codec, one that no line describes, and one that receives.
    video.rids = {
        {"h", true, {96}, {}}, {"i", true, {103}, {}}, {"m", true, {}, {}}, {"l", false, {}, {}}};
    video.simulcast_send = {{{{"h", false}, {"i", true}}},
                            {{{"m", false}}},
                            {{{"l", false}}},
                            {{{"x", false}}},
                            {{{"m", false}}}};
    fail_unless(layers() == std::vector<std::string>({"i", "m"}));
    video.simulcast_send.resize(1);
    fail_unless(layers().empty()); // one layer is no simulcast
}
GST_END_TEST

GST_START_TEST(test_answers_can_be_read) {
    for (const std::string &name : rig::offer_names())
        for (const AnswerPolicy &policy : {rig::publish_policy(), rig::play_policy(main_profile)}) {
            const Offer offer = rig::read(rig::seed(name));
            Answer answer;
            if (!make_answer(offer, policy, rig::local_transport(), answer).is_ok()) continue;
            const Offer back = rig::read(answer.text);
            fail_unless(back.ice_lite && back.media.size() == offer.media.size());
            for (size_t i = 0; i < back.media.size(); ++i) {
                fail_unless(back.media[i].mid == offer.media[i].mid);
                fail_unless(back.media[i].is_rejected == !answer.sections[i].is_accepted);
                fail_unless(back.media[i].direction == answer.sections[i].direction);
            }
        }
}
GST_END_TEST

GST_START_TEST(test_fragments) {
    Fragment f;
    fail_unless(read_fragment(rig::seed("fragment-candidates"), f).is_ok());
    fail_unless(f.ice.ufrag == "EsAw" && f.candidates.size() == 4 && f.has_all_candidates);
    fail_unless(f.candidates[3].address.ends_with(".local"));
    const stun::Credentials same{"EsAw", "bP+XJMM09aR8AiX1jdukzR6Y"};
    fail_unless(!is_restart(f, same) && is_restart(f, {"EsAw", "other"}));
    fail_unless(read_fragment(rig::seed("fragment-restart"), f).is_ok());
    fail_unless(is_restart(f, same) && f.candidates.size() == 1 && !f.has_all_candidates);
    fail_unless(
        read_fragment("a=candidate:x\na=candidate:1 1 udp 1 192.0.2.1 1 typ host", f).is_ok());
    fail_unless(f.candidates.size() == 1 && f.ice.ufrag.empty() && !is_restart(f, same));
    fail_unless(read_fragment("", f).is_ok() && f.candidates.empty());
    for (const char *bad :
         {"a=ice-ufrag:abcd", "a=ice-pwd:abcdefghijklmnopqrstuv", "a=ice-ufrag:a", "{}", "m=audio",
          "a=ice-ufrag:abcd\na=ice-pwd:abcdefghijklmnopqrstuv\nm=audio 9 x 0\n"
          "a=ice-ufrag:efgh\na=ice-pwd:abcdefghijklmnopqrstuv"})
        fail_unless(read_fragment(bad, f).is_error(), "%s", bad);

    const Offer offer = rig::read(rig::seed("obs"));
    LocalTransport local = rig::local_transport();
    local.trickle = true;
    const std::string text =
        write_restart(restart_form(offer, answer_to(offer, rig::publish_policy())), local);
    fail_unless_equals_string(
        text.c_str(), "a=ice-lite\r\na=ice-options:trickle\r\na=group:BUNDLE 0 1\r\n"
                      "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=ice-ufrag:ownufrag\r\n"
                      "a=ice-pwd:an-own-password-of-enough\r\n"
                      "a=candidate:1 1 udp 2130706431 192.0.2.1 8189 typ host\r\n"
                      "a=candidate:2 1 tcp 1520435199 2001:db8::1 8189 typ host tcptype passive\r\n"
                      "a=end-of-candidates\r\n");
    fail_unless(read_fragment(text, f).is_ok() && f.ice == local.ice);
    fail_unless(f.candidates == local.candidates);
}
GST_END_TEST

GST_START_TEST(test_data_channels) {
    AnswerPolicy chat = rig::play_policy(baseline);
    chat.max_message_size = 65536;
    const std::string seed = rig::seed("chromium-play");
    const auto answered = [&](const std::string &from, const std::string &to) {
        std::string text = seed;
        const size_t at = text.find(from);
        fail_unless(at != text.npos);
        text.replace(at, from.size(), to);
        Offer offer;
        fail_unless(read_offer(text, offer).is_ok());
        Answer answer;
        const Result result = make_answer(offer, chat, rig::local_transport(), answer);
        fail_unless(result.is_ok(), "%s", result.reason().c_str());
        return answer;
    };
    const std::string section = "m=application 9 UDP/DTLS/SCTP webrtc-datachannel";
    has_line(answered("a=sctp-port:5000", "a=sctp-port:6000"), section);
    has_line(answered("a=sctp-port:5000", "a=sctp-port:0"),
             "m=application 0 UDP/DTLS/SCTP webrtc-datachannel");
    // The form of old browsers.
    has_line(answered(section, "m=application 9 DTLS/SCTP 5000"), "m=application 0 DTLS/SCTP 5000");
    // A second one.
    const std::string data = seed.substr(seed.find(section));
    std::string second = data;
    second.replace(second.find("a=mid:2"), 7, "a=mid:3");
    const Answer two = answered(data, data + second);
    fail_unless(two.sections.size() == 4 && two.sections[2].is_accepted);
    fail_if(two.sections[3].is_accepted);
}
GST_END_TEST

static Suite *sdp_answer_suite() {
    Suite *s = suite_create("sdp_answer");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_whip);
    tcase_add_test(tc, test_publishers);
    tcase_add_test(tc, test_players);
    tcase_add_test(tc, test_data_channels);
    tcase_add_test(tc, test_profiles);
    tcase_add_test(tc, test_matches);
    tcase_add_test(tc, test_refused);
    tcase_add_test(tc, test_extension_ids);
    tcase_add_test(tc, test_layers);
    tcase_add_test(tc, test_answers_can_be_read);
    tcase_add_test(tc, test_fragments);
    return s;
}
GST_CHECK_MAIN(sdp_answer)

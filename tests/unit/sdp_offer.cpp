// SPDX-License-Identifier: LGPL-2.1-or-later
// Session descriptions: lines, what offers of several clients say, oddities, errors.
#include "core/sdp/offer.h"

#include "check.hpp"

#include "unit/sdp_seeds.hpp"

using namespace penstock;
using namespace penstock::sdp;

namespace {

std::string error_of(const std::string &text) {
    Offer offer;
    const Result result = read_offer(text, offer);
    fail_unless(result.is_error() && offer.media.empty());
    return result.reason();
}

void is_error(const std::string &text, const char *expected) {
    const std::string error = error_of(text);
    fail_unless(error.find(expected) != error.npos, "'%s' does not have '%s'", error.c_str(),
                expected);
}

const std::string head = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n";

} // namespace

GST_START_TEST(test_lines) {
    Description d;
    fail_unless(parse("v=0\n\r\n o=x \ns=\nZ=?\nc=IN \nb=AS:1\na=flag\na=name : va:lue \n"
                      "m=audio 7/2  RTP/AVP\t0 8\nc=IN IP4 1.2.3.4\nb=TIAS:2\na=x:",
                      d)
                    .is_ok());
    fail_unless(d.origin == "x" && d.name.empty() && d.connection == "IN");
    fail_unless(d.bandwidths == std::vector<std::string>{"AS:1"});
    fail_unless(d.attributes.size() == 2 && d.attributes.has("flag") && !d.attributes.has("fla"));
    fail_unless(d.attributes[1].name == "name" && d.attributes[1].value == "va:lue");
    fail_unless(d.attributes[1].line == 9);
    fail_unless(d.media.size() == 1 && d.media[0].kind == "audio" && d.media[0].port == 7);
    fail_unless(d.media[0].protocol == "RTP/AVP" && d.media[0].line == 10);
    fail_unless(d.media[0].formats == std::vector<std::string>({"0", "8"}));
    fail_unless(d.media[0].connection == "IN IP4 1.2.3.4" && d.media[0].attributes.has("x"));
    fail_unless_equals_string(write(d).c_str(),
                              "v=0\r\no=x\r\ns=\r\nc=IN\r\nb=AS:1\r\nt=0 0\r\na=flag\r\n"
                              "a=name:va:lue\r\nm=audio 7 RTP/AVP 0 8\r\nc=IN IP4 1.2.3.4\r\n"
                              "b=TIAS:2\r\na=x\r\n");
    Description again;
    fail_unless(parse(write(d), again).is_ok() && again == d);
    for (const std::string &name : rig::offer_names()) {
        fail_unless(parse(rig::seed(name), d).is_ok(), "%s", name.c_str());
        fail_unless(parse(write(d), again).is_ok() && again == d, "%s", name.c_str());
    }
}
GST_END_TEST

GST_START_TEST(test_cuts) {
    // Cut anywhere, an offer is read or refused, and what is read has no more than the whole.
    for (const std::string &name : rig::offer_names()) {
        const std::string text = rig::seed(name);
        const size_t whole = rig::read(text).media.size();
        const size_t step = 1 + text.size() / size_t(rounds(500));
        for (size_t size = 0; size < text.size(); size += step) {
            Offer offer;
            const Result result = read_offer(std::string_view(text).substr(0, size), offer);
            fail_unless(offer.media.size() <= whole, "%s, %zu bytes", name.c_str(), size);
            fail_unless(result.is_ok() || !result.reason().empty());
        }
        // Line ends do not matter, nor that of the last line.
        std::string bare = text;
        std::erase(bare, '\r');
        if (bare.ends_with('\n')) bare.pop_back();
        fail_unless(rig::read(bare).media.size() == whole);
    }
}
GST_END_TEST

GST_START_TEST(test_chromium) {
    const Offer offer = rig::read(rig::seed("chromium-simulcast"));
    fail_unless(!offer.ice_lite && offer.trickle && offer.media.size() == 2);
    fail_unless(offer.bundle == std::vector<std::string>({"0", "1"}) && offer.is_bundled("1"));
    const MediaSection &audio = offer.media[0], &video = offer.media[1];
    fail_unless(audio.kind == Kind::audio && audio.mid == "0" && audio.is_rtp());
    fail_unless(audio.direction == Direction::sendonly && audio.extmap_allow_mixed);
    fail_unless(audio.transport.ice.ufrag == "EsAw" && audio.transport.setup == Setup::actpass);
    fail_unless(audio.transport.fingerprints.size() == 1);
    fail_unless(audio.transport.fingerprints[0].hash == "sha-256");
    fail_unless(audio.transport.fingerprints[0].digest.size() == 32);
    fail_unless(to_string(audio.transport.fingerprints[0]).starts_with("7B:8B:F0:65"));
    const Codec *opus = audio.codec(111);
    fail_unless(opus && opus->is("OPUS") && opus->clock == 48000 && opus->channels == 2);
    fail_unless(*opus->parameters.find("useinbandfec") == "1");
    fail_unless(opus->parameters.to_string() == "minptime=10;useinbandfec=1");
    fail_unless(audio.ssrcs.size() == 1 && audio.ssrcs[0].ssrc == 1001);
    fail_unless(audio.ssrcs[0].cname == "4TOk42mSjXCkVIa6" && !audio.ssrcs[0].msid.empty());

    fail_unless(video.codecs.size() == 23 && video.rtcp_mux && video.rtcp_rsize);
    fail_unless(video.codecs[0].is("VP8") && video.codecs[0].feedback.size() == 5);
    fail_unless(video.rtx_of(109) && video.rtx_of(109)->payload_type == 114);
    fail_unless(!video.rtx_of(125) && !video.codec(1));
    fail_unless(*video.codec(109)->parameters.find("Profile-Level-Id") == "42e01f");
    const Extension *delay =
        video.extension("http://www.webrtc.org/experiments/rtp-hdrext/playout-delay");
    fail_unless(delay && delay->id == 5 && delay->direction == Direction::sendrecv);
    fail_unless(video.rids.size() == 3 && video.rids[0].id == "h" && video.rids[0].is_send);
    fail_unless(video.simulcast_send.size() == 3 && video.simulcast_recv.empty());
    fail_unless(video.simulcast_send[2].alternatives[0].rid == "l");

    const Offer play = rig::read(rig::seed("chromium-play"));
    fail_unless(play.media.size() == 3 && play.media[2].kind == Kind::application);
    fail_unless(play.media[2].sctp_port == uint16_t(5000) && play.media[2].codecs.empty());
    fail_unless(play.media[2].max_message_size == uint64_t(262144));
}
GST_END_TEST

GST_START_TEST(test_others) {
    // Firefox has the fingerprint in the session, and extensions with a direction.
    const Offer firefox = rig::read(rig::seed("firefox-publish"));
    fail_unless(firefox.media[1].transport.fingerprints.size() == 1);
    fail_unless(firefox.media[1].transport.ice.ufrag == "c2d3d7f6");
    fail_unless(firefox.media[0].extensions[1].direction == Direction::recvonly);
    fail_unless(firefox.media[0].codec(9)->clock == 8000); // G.722, whose clock is a mistake kept
    fail_unless(firefox.media[1].rtx_of(126)->payload_type == 127);
    // OBS has all of the transport in the session.
    const Offer obs = rig::read(rig::seed("obs"));
    fail_unless(obs.media[1].transport.ice.ufrag == "gDjL" && obs.bundle.size() == 2);
    fail_unless(obs.media[1].transport.setup == Setup::actpass);
    fail_unless(obs.media[1].msid == "obs-stream obs-video");
    // webrtcbin's second section has port 0, but is bundled.
    const Offer gst = rig::read(rig::seed("gstreamer"));
    fail_unless(gst.media[1].port == 0 && !gst.media[1].is_rejected);
    fail_unless(gst.media[0].groups.size() == 1 && gst.media[0].groups[0].ssrcs[1] == 5002);
    const std::string *sets = gst.media[0].codec(96)->parameters.find("sprop-parameter-sets");
    fail_unless(sets && sets->ends_with("GDKg=,aM4NyA=="));
    const Offer ffmpeg = rig::read(rig::seed("ffmpeg"));
    fail_unless(ffmpeg.media[0].transport.setup == Setup::passive && !ffmpeg.trickle);
    const Offer whip = rig::read(rig::seed("simple-whip-client"));
    const Transport &transport = whip.media[0].transport;
    fail_unless(transport.candidates.size() == 3 && transport.has_all_candidates);
    fail_unless(transport.candidates[1].tcp == Candidate::Tcp::active);
    fail_unless(transport.candidates[2].address == "2001:db8::7");
    const Offer aiortc = rig::read(rig::seed("aiortc-play"));
    fail_unless(aiortc.media[0].transport.candidates[1].type == "srflx");
    fail_unless(aiortc.media[0].codec(8)->is("PCMA"));
}
GST_END_TEST

GST_START_TEST(test_odd) {
    const Offer offer = rig::read(rig::seed("odd"));
    fail_unless(offer.media.size() == 1);
    const MediaSection &video = offer.media[0];
    fail_unless(video.kind == Kind::video && video.is_rtp() && video.rtcp_mux);
    fail_unless(video.direction == Direction::recvonly && video.mid.empty());
    fail_unless(video.transport.ice.ufrag == "abcd" && video.transport.candidates.empty());
    fail_unless(video.transport.ice.password == "abcdefghijklmnopqrstuv");
    fail_unless(video.transport.fingerprints[0].hash == "sha-256");
    fail_unless(video.codecs.size() == 2 && video.codecs[0].is("H264"));
    fail_unless(*video.codecs[0].parameters.find("packetization-mode") == "1");
    fail_unless(video.codecs[0].feedback == std::vector<std::string>{"nack pli"});
    fail_unless(video.rtx_of(96) && video.ssrcs.empty());
    fail_unless(video.extensions.size() == 1 && video.extensions[0].id == 15);
    fail_unless(video.simulcast_send.size() == 2 && video.simulcast_recv.size() == 1);
    fail_unless(video.simulcast_send[0].alternatives[1].rid == "b");
    fail_unless(video.simulcast_send[0].alternatives[1].is_paused);
    fail_unless(video.rids[0].payload_types == std::vector<uint8_t>({96, 97}));
}
GST_END_TEST

GST_START_TEST(test_errors) {
    is_error("", "empty");
    is_error("\r\n\n", "empty");
    is_error("<html>", "line 1, '<html>'");
    is_error("o=- 1 1 IN IP4 0.0.0.0", "line 1");
    is_error("\nv=1\n", "line 2, 'v=1'");
    is_error(head + "a=x\x01y\r\n", "line 5, 'a=x.y': it has a control character");
    is_error(head + std::string("a=x\0y\r\n", 7), "control character");
    is_error(head + "a=x\ry\r\n", "control character");
    is_error(head + "nonsense\r\n", "line 5, 'nonsense'");
    is_error(head + "m=audio\r\n", "no port");
    is_error(head + "m=audio 65536 RTP/SAVPF 0\r\n", "no port");
    is_error(head + "m=audio -1 RTP/SAVPF 0\r\n", "no port");
    is_error(head + "m=audio 9\r\n", "no protocol");
    is_error(head + "m=audio 9 RTP/SAVPF\r\n", "line 5, 'm=audio 9 RTP/SAVPF': no formats");
    is_error(head + "m=a;b 9 RTP/SAVPF 0\r\n", "no kind of media");
    const std::string media = head + "m=video 9 UDP/TLS/RTP/SAVPF 96\r\n";
    is_error(media + "a=rtpmap:128 VP8/90000\r\n", "line 6, 'a=rtpmap:128 VP8/90000'");
    is_error(media + "a=rtpmap:96 VP8\r\n", "no codec with its clock rate");
    is_error(media + "a=rtpmap:96 VP8/0\r\n", "no codec");
    is_error(media + "a=rtpmap:96 VP8/90000/0\r\n", "no number of channels");
    is_error(media + "a=rtpmap:96 V<8/90000\r\n", "no codec");
    is_error(media + "a=mid:a b\r\n", "no token");
    is_error(media + "a=mid:\r\n", "no token");
    is_error(media + "a=setup:holdconn\r\n", "neither actpass");
    is_error(media + "a=fingerprint:sha-256\r\n", "no fingerprint");
    is_error(media + "a=fingerprint:sha-256 AB:CD\r\n", "no fingerprint");
    is_error(media + "a=fingerprint:sha-256 0:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00\r\n",
             "no fingerprint");
    is_error(media + "a=ice-ufrag:abc\r\n", "not 4 to 256 characters");
    // A password is not shown.
    fail_unless(error_of(media + "a=ice-pwd:secret\r\n").find("secret") == std::string::npos);
    is_error(media + "a=mid:x\r\nm=audio 9 RTP/SAVPF 0\r\na=mid:x\r\n", "line 7, 'm=audio'");
}
GST_END_TEST

GST_START_TEST(test_limits) {
    is_error(head + std::string(max_size, ' '), "256 KiB");
    is_error(head + "a=" + std::string(max_line, 'x'), "4096 bytes");
    std::string lines = head;
    for (size_t i = 0; i < max_lines; ++i)
        lines += "a=x\n";
    is_error(lines, "8192 lines");
    std::string sections = head;
    for (size_t i = 0; i <= max_media; ++i)
        sections += "m=audio 9 RTP/SAVPF 0\n";
    is_error(sections, "32 media sections");
    std::string formats = head + "m=audio 9 RTP/SAVPF";
    for (size_t i = 0; i <= max_formats; ++i)
        formats += " 0";
    is_error(formats, "256 formats");
    // Lists of one section are cut, not refused.
    std::string many = head + "m=video 9 RTP/SAVPF 96\na=rtpmap:96 H264/90000\na=fmtp:96 a=1";
    for (int i = 0; i < 100; ++i)
        many += ";p" + std::to_string(i) + "=1";
    many += '\n';
    for (int i = 1; i < 300; ++i) {
        const std::string n = std::to_string(i);
        many += "a=extmap:" + n + " urn:" + n + "\na=ssrc:" + n + " cname:x\na=rid:" + n +
                " send\na=rtcp-fb:* " + n + "\na=candidate:" + n + " 1 udp 1 192.0.2.1 " + n +
                " typ host\n";
    }
    const Offer offer = rig::read(many);
    const MediaSection &video = offer.media[0];
    fail_unless(video.codecs[0].parameters.size() == 64 && video.extensions.size() == 64);
    fail_unless(video.ssrcs.size() == 64 && video.rids.size() == 16);
    fail_unless(video.codecs[0].feedback.size() == 16);
    fail_unless(video.transport.candidates.size() == 64);
}
GST_END_TEST

GST_START_TEST(test_candidates) {
    const auto udp = parse_candidate("1 1 UDP 2130706431 192.0.2.1 8189 typ host");
    fail_unless(udp && udp->priority == host_priority(Candidate::Tcp::no, 0));
    fail_unless_equals_string(write_candidate(*udp).c_str(),
                              "1 1 udp 2130706431 192.0.2.1 8189 typ host");
    const auto tcp = parse_candidate("f/+ 1 TCP 5 2001:db8::1 443 typ srflx raddr 10.0.0.1 rport 9 "
                                     "generation 0 tcptype passive network-cost 10");
    fail_unless(tcp && tcp->tcp == Candidate::Tcp::passive && tcp->type == "srflx");
    fail_unless_equals_string(write_candidate(*tcp).c_str(),
                              "f/+ 1 tcp 5 2001:db8::1 443 typ srflx tcptype passive");
    fail_unless(parse_candidate(write_candidate(*tcp)) == tcp);
    for (const char *bad :
         {"", "1", "1 1 udp 1 a 1 typ", "1 1 udp 1 a 1 type host", "1 0 udp 1 a 1 typ host",
          "1 257 udp 1 a 1 typ host", "1 1 sctp 1 a 1 typ host", "1 1 udp 4294967296 a 1 typ host",
          "1 1 udp 1 a 65536 typ host", "1 1 udp 1 a x typ host", "1 1 tcp 1 a 1 typ host",
          "1 1 tcp 1 a 1 typ host tcptype x"})
        fail_if(parse_candidate(bad).has_value(), "%s", bad);
    fail_unless(host_priority(Candidate::Tcp::no, 1) < host_priority(Candidate::Tcp::no, 0));
    fail_unless(host_priority(Candidate::Tcp::passive, 0) <
                host_priority(Candidate::Tcp::no, 65535));
    fail_unless(host_priority(Candidate::Tcp::passive, 9000) <
                host_priority(Candidate::Tcp::passive, 0));
}
GST_END_TEST

static Suite *sdp_offer_suite() {
    Suite *s = suite_create("sdp_offer");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_lines);
    tcase_add_test(tc, test_cuts);
    tcase_add_test(tc, test_chromium);
    tcase_add_test(tc, test_others);
    tcase_add_test(tc, test_odd);
    tcase_add_test(tc, test_errors);
    tcase_add_test(tc, test_limits);
    tcase_add_test(tc, test_candidates);
    return s;
}
GST_CHECK_MAIN(sdp_offer)

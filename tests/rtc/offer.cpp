// SPDX-License-Identifier: LGPL-2.1-or-later
#include "rtc/offer.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace rtc_test {
namespace {

using rtp::ExtensionKind;

/// Chromium's profiles, and those of Safari and Android, which have high.
constexpr std::array h264_profiles{"42001f", "42e01f", "4d001f", "640c1f"};
constexpr std::array video_feedback{"goog-remb", "transport-cc", "ccm fir", "nack", "nack pli"};

/// Numbers as Chromium gives them.
constexpr std::array<std::pair<unsigned, ExtensionKind>, 8> extension_ids{{
    {1, ExtensionKind::audio_level},
    {2, ExtensionKind::absolute_send_time},
    {3, ExtensionKind::transport_sequence},
    {4, ExtensionKind::mid},
    {5, ExtensionKind::playout_delay},
    {10, ExtensionKind::rid},
    {11, ExtensionKind::repaired_rid},
    {13, ExtensionKind::video_orientation},
}};

bool is_of(sdp::Kind kind, ExtensionKind extension) {
    switch (extension) {
    case ExtensionKind::audio_level:
        return kind == sdp::Kind::audio;
    case ExtensionKind::playout_delay:
    case ExtensionKind::rid:
    case ExtensionKind::repaired_rid:
    case ExtensionKind::video_orientation:
        return kind == sdp::Kind::video;
    default:
        return true;
    }
}

std::string text_of(sdp::Setup setup) {
    return setup == sdp::Setup::actpass  ? "actpass"
           : setup == sdp::Setup::active ? "active"
                                         : "passive";
}

class Section {
public:
    Section(sdp::Kind kind, std::string mid) : kind_(kind) {
        media_.connection = "IN IP4 0.0.0.0";
        if (kind == sdp::Kind::application) {
            media_.kind = "application";
            media_.protocol = "UDP/DTLS/SCTP";
            media_.formats = {"webrtc-datachannel"};
            add("mid", std::move(mid));
            add("sctp-port", "5000");
            add("max-message-size", "262144");
            return;
        }
        media_.kind = kind == sdp::Kind::video ? "video" : "audio";
        media_.protocol = "UDP/TLS/RTP/SAVPF";
        add("rtcp", "9 IN IP4 0.0.0.0");
        add("mid", std::move(mid));
    }

    void add(std::string name, std::string value = {}) {
        media_.attributes.add(std::move(name), std::move(value));
    }
    void add_transport(const OfferSettings &settings, const stun::Credentials &ice,
                       const std::string &fingerprint) {
        add("ice-ufrag", ice.ufrag);
        add("ice-pwd", ice.password);
        add("ice-options", "trickle");
        add("fingerprint", fingerprint);
        add("setup", text_of(settings.setup));
        for (const sdp::Candidate &one : settings.candidates)
            add("candidate", sdp::write_candidate(one));
    }
    void add_extensions() {
        for (const auto &[id, extension] : extension_ids)
            if (is_of(kind_, extension))
                add("extmap", std::to_string(id) + " " + std::string(rtp::uri_of(extension)));
    }
    void add_video_codec(unsigned type, const std::string &name, const std::string &parameters) {
        const std::string number = std::to_string(type), rtx = std::to_string(type + 1);
        media_.formats.push_back(number);
        add("rtpmap", number + " " + name + "/90000");
        for (const char *feedback : video_feedback)
            add("rtcp-fb", number + " " + feedback);
        if (!parameters.empty()) add("fmtp", number + " " + parameters);
        media_.formats.push_back(rtx);
        add("rtpmap", rtx + " rtx/90000");
        add("fmtp", rtx + " apt=" + number);
    }
    void add_opus() {
        media_.formats.push_back("111");
        media_.formats.push_back("63");
        add("rtpmap", "63 red/48000/2");
        add("fmtp", "63 111/111");
        add("rtpmap", "111 opus/48000/2");
        add("rtcp-fb", "111 transport-cc");
        add("fmtp", "111 minptime=10;useinbandfec=1");
    }
    void add_source(uint32_t ssrc, const Sources &sources) {
        add("ssrc", std::to_string(ssrc) + " cname:" + sources.cname);
    }
    sdp::Media take() { return std::move(media_); }

private:
    sdp::Kind kind_;
    sdp::Media media_;
};

void add_video_codecs(const OfferSettings &settings, Section &out) {
    const auto wanted = [&](const char *name) {
        return settings.codec.empty() || settings.codec == name;
    };
    if (wanted("VP8")) out.add_video_codec(96, "VP8", "");
    unsigned type = 103;
    for (const char *profile : h264_profiles) {
        if (wanted("H264"))
            out.add_video_codec(type, "H264",
                                "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=" +
                                    std::string(profile));
        type += 2;
    }
}

void add_layers(const OfferSettings &settings, Section &out) {
    if (settings.rids.empty()) return;
    std::string list;
    for (const std::string &rid : settings.rids) {
        out.add("rid", rid + " send");
        list += (list.empty() ? "" : ";") + rid;
    }
    out.add("simulcast", "send " + list);
}

void add_sources(uint32_t ssrc, uint32_t rtx, const char *track, const Sources &sources,
                 Section &out) {
    out.add("msid", sources.stream + " " + track);
    out.add("ssrc-group", "FID " + std::to_string(ssrc) + " " + std::to_string(rtx));
    out.add_source(ssrc, sources);
    out.add_source(rtx, sources);
}

/// With simulcast Chromium says no SSRCs: they are known by mid and rid.
void add_video_sources(const OfferSettings &settings, const Sources &sources, Section &out) {
    if (!settings.sends) return;
    if (!settings.rids.empty()) return out.add("msid", sources.stream + " video");
    add_sources(sources.video, sources.video_rtx, "video", sources, out);
}

bool fill_track(const sdp::MediaSection &section, AnsweredTrack &out) {
    const auto codec = std::find_if(section.codecs.begin(), section.codecs.end(),
                                    [](const sdp::Codec &one) { return !one.is("red"); });
    if (codec == section.codecs.end()) return false;
    out.kind = section.kind;
    out.mid = section.mid;
    out.codec = *codec;
    if (const sdp::Codec *rtx = section.rtx_of(out.codec.payload_type)) out.rtx = rtx->payload_type;
    if (const sdp::Codec *red = section.red_of(out.codec)) out.red = red->payload_type;
    for (const sdp::Extension &one : section.extensions)
        if (const auto kind = rtp::extension_of(one.uri))
            out.extensions.set(*kind, uint8_t(one.id));
    out.is_sent = section.direction == sdp::Direction::sendonly;
    if (!section.ssrcs.empty()) out.ssrc = section.ssrcs.front().ssrc;
    for (const sdp::SsrcGroup &group : section.groups)
        if (group.semantics == "FID" && group.ssrcs.size() == 2) {
            out.ssrc = group.ssrcs[0];
            out.rtx_ssrc = group.ssrcs[1];
        }
    for (const sdp::Rid &rid : section.rids)
        if (!rid.is_send) out.rids.push_back(rid.id);
    return true;
}

} // namespace

std::string write_offer(const OfferSettings &settings, const stun::Credentials &ice,
                        const std::string &fingerprint, const Sources &sources) {
    sdp::Description out;
    out.origin = "- " + std::to_string(uint64_t(sources.video) << 16 | 1) + " 2 IN IP4 127.0.0.1";
    std::string bundle = "BUNDLE";
    unsigned next_mid = 0;
    const auto add_as = [&](sdp::Kind kind, bool sends, auto fill) {
        const std::string mid = std::to_string(next_mid++);
        bundle += " " + mid;
        Section section(kind, mid);
        section.add_transport(settings, ice, fingerprint);
        if (kind != sdp::Kind::application) {
            section.add_extensions();
            section.add(sends ? "sendonly" : "recvonly");
            section.add("rtcp-mux");
            section.add("rtcp-rsize");
        }
        fill(section);
        out.media.push_back(section.take());
    };
    const auto add = [&](sdp::Kind kind, auto fill) { add_as(kind, settings.sends, fill); };
    if (settings.audio)
        add(sdp::Kind::audio, [&](Section &section) {
            section.add_opus();
            if (!settings.sends) return;
            section.add("msid", sources.stream + " audio");
            section.add_source(sources.audio, sources);
        });
    if (settings.video)
        add(sdp::Kind::video, [&](Section &section) {
            add_video_codecs(settings, section);
            add_layers(settings, section);
            add_video_sources(settings, sources, section);
        });
    if (settings.screen)
        add(sdp::Kind::video, [&](Section &section) {
            add_video_codecs(settings, section);
            add_sources(sources.screen, sources.screen_rtx, "screen", sources, section);
        });
    for (unsigned i = 0; i < settings.video_slots; ++i)
        add_as(sdp::Kind::video, false,
               [&](Section &section) { add_video_codecs(settings, section); });
    for (unsigned i = 0; i < settings.audio_slots; ++i)
        add_as(sdp::Kind::audio, false, [](Section &section) { section.add_opus(); });
    if (settings.data) add(sdp::Kind::application, [](Section &) {});
    out.attributes.add("group", bundle);
    out.attributes.add("extmap-allow-mixed");
    out.attributes.add("msid-semantic", "WMS " + (settings.sends ? sources.stream : "*"));
    return sdp::write(out);
}

const AnsweredTrack *Answered::track_of(uint8_t payload_type) const {
    for (const auto *track : {&video, &audio})
        if (*track && ((*track)->codec.payload_type == payload_type ||
                       (*track)->rtx == std::optional(payload_type) ||
                       (*track)->red == std::optional(payload_type)))
            return &**track;
    return nullptr;
}

Result read_answer(std::string_view text, Answered &out) {
    sdp::Offer read;
    if (Result result = sdp::read_offer(text, read); !result.is_ok()) return result;
    Answered answered;
    answered.ice_lite = read.ice_lite;
    bool has_transport = false;
    for (const sdp::MediaSection &section : read.media) {
        if (section.is_rejected) continue;
        if (!std::exchange(has_transport, true)) answered.transport = section.transport;
        if (section.kind == sdp::Kind::application) answered.has_data = true;
        const bool is_video = section.kind == sdp::Kind::video;
        if (!is_video && section.kind != sdp::Kind::audio) continue;
        if (section.direction == sdp::Direction::inactive) continue;
        AnsweredTrack track;
        if (!fill_track(section, track))
            return Result::error("the answer has a section without codecs");
        auto &first = is_video ? answered.video : answered.audio;
        if (!first) first = track;
        answered.tracks.push_back(std::move(track));
    }
    if (!answered.video && !answered.audio && !answered.has_data)
        return Result::error("the answer accepts no section");
    const sdp::Transport &transport = answered.transport;
    if (!stun::are_valid(transport.ice)) return Result::error("the answer has no ICE credentials");
    if (transport.fingerprints.empty()) return Result::error("the answer has no fingerprint");
    if (!transport.setup || *transport.setup == sdp::Setup::actpass)
        return Result::error("the answer does not say who begins DTLS");
    out = std::move(answered);
    return Result::ok();
}

} // namespace rtc_test

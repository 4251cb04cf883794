// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/sdp/answer_text.h"

namespace penstock::sdp {
namespace {

constexpr uint16_t discard_port = 9; // of sections whose address is said by candidates alone
constexpr const char *any_address = "IN IP4 0.0.0.0";

void add_transport(const LocalTransport &local, const Answer &answer, Attributes &out) {
    out.add("ice-ufrag", local.ice.ufrag);
    out.add("ice-pwd", local.ice.password);
    out.add("fingerprint", local.fingerprint.hash + " " + to_string(local.fingerprint));
    out.add("setup", answer.is_dtls_client ? "active" : "passive");
}

std::string map_of(const std::string &type, std::string_view name, const Codec &codec) {
    std::string map = type + " " + std::string(name) + "/" + std::to_string(codec.clock);
    if (codec.channels > 1) map += "/" + std::to_string(codec.channels);
    return map;
}

/// A sender takes the first format.
void add_codec(const AnsweredSection &section, Media &out) {
    const Codec &codec = section.codec;
    const std::string type = std::to_string(codec.payload_type);
    const std::string red = section.red ? std::to_string(*section.red) : "";
    const bool prefers_red = section.red && section.direction == Direction::recvonly;
    if (prefers_red) out.formats.push_back(red);
    out.formats.push_back(type);
    if (section.red && !prefers_red) out.formats.push_back(red);
    out.attributes.add("rtpmap", map_of(type, codec.name, codec));
    if (!codec.parameters.empty())
        out.attributes.add("fmtp", type + " " + codec.parameters.to_string());
    for (const std::string &feedback : codec.feedback)
        out.attributes.add("rtcp-fb", type + " " + feedback);
    if (section.red) {
        out.attributes.add("rtpmap", map_of(red, "red", codec));
        out.attributes.add("fmtp", red + " " + type + "/" + type);
    }
    if (!section.rtx) return;
    const std::string rtx = std::to_string(*section.rtx);
    out.formats.push_back(rtx);
    out.attributes.add("rtpmap", rtx + " rtx/" + std::to_string(codec.clock));
    out.attributes.add("fmtp", rtx + " apt=" + type);
}

void add_extensions(const AnsweredSection &section, Attributes &out) {
    for (const Extension &one : section.extensions) {
        std::string id = std::to_string(one.id);
        if (one.direction != Direction::sendrecv) id += "/" + std::string(to_string(one.direction));
        out.add("extmap", id + " " + one.uri);
    }
}

void add_layers(const AnsweredSection &section, Attributes &out) {
    if (section.rids.empty()) return;
    std::string list;
    for (const std::string &rid : section.rids) {
        out.add("rid", rid + " recv");
        list += (list.empty() ? "" : ";") + rid;
    }
    out.add("simulcast", "recv " + list);
}

void add_sources(const AnsweredSection &section, const Track &track, Attributes &out) {
    if (!track.msid.empty()) out.add("msid", track.msid);
    const std::string ssrc = std::to_string(track.ssrc), rtx = std::to_string(track.rtx_ssrc);
    if (section.rtx) out.add("ssrc-group", "FID " + ssrc + " " + rtx);
    out.add("ssrc", ssrc + " cname:" + track.cname);
    if (section.rtx) out.add("ssrc", rtx + " cname:" + track.cname);
}

Media rejected(const MediaSection &offered) {
    Media out;
    out.kind = offered.kind_name;
    out.port = 0;
    out.protocol = offered.protocol;
    out.formats.push_back(offered.formats.front());
    out.connection = any_address;
    if (!offered.mid.empty()) out.attributes.add("mid", offered.mid);
    out.attributes.add("inactive");
    return out;
}

} // namespace

std::string bundle_of(const Offer &offer, const Answer &answer) {
    std::string mids;
    for (const AnsweredSection &section : answer.sections)
        if (section.is_accepted && offer.is_bundled(section.mid)) mids += " " + section.mid;
    return mids.empty() ? mids : "BUNDLE" + mids;
}

void add_candidates(const LocalTransport &local, Attributes &out) {
    for (const Candidate &candidate : local.candidates)
        out.add("candidate", write_candidate(candidate));
    out.add("end-of-candidates");
}

Description describe_answer(const Offer &offer, const AnswerPolicy &policy,
                            const LocalTransport &local, const Answer &answer) {
    Description out;
    out.origin = "- " + std::to_string(local.session_id) + " 1 IN IP4 127.0.0.1";
    if (std::string bundle = bundle_of(offer, answer); !bundle.empty())
        out.attributes.add("group", std::move(bundle));
    out.attributes.add("ice-lite");
    if (local.trickle && offer.trickle) out.attributes.add("ice-options", "trickle");
    out.attributes.add("msid-semantic", "WMS *");
    bool has_candidates = false;
    for (size_t i = 0; i < answer.sections.size(); ++i) {
        const AnsweredSection &section = answer.sections[i];
        const MediaSection &offered = offer.media[i];
        if (!section.is_accepted) {
            out.media.push_back(rejected(offered));
            continue;
        }
        Media media;
        media.kind = offered.kind_name;
        media.port = discard_port;
        media.protocol = offered.protocol;
        media.connection = any_address;
        if (!section.mid.empty()) media.attributes.add("mid", section.mid);
        add_transport(local, answer, media.attributes);
        if (section.kind == Kind::application) {
            media.formats = offered.formats;
            media.attributes.add("sctp-port", std::to_string(local_sctp_port));
            media.attributes.add("max-message-size", std::to_string(policy.max_message_size));
        } else {
            media.attributes.add(std::string(to_string(section.direction)));
            media.attributes.add("rtcp-mux");
            if (offered.rtcp_rsize && policy.reduced_size) media.attributes.add("rtcp-rsize");
            if (offered.extmap_allow_mixed) media.attributes.add("extmap-allow-mixed");
            add_codec(section, media);
            add_extensions(section, media.attributes);
            add_layers(section, media.attributes);
            const Track *track = section.track ? &policy.tracks[*section.track] : nullptr;
            if (track && policy.sends_track(*track)) add_sources(section, *track, media.attributes);
        }
        if (!has_candidates) add_candidates(local, media.attributes);
        has_candidates = true;
        out.media.push_back(std::move(media));
    }
    return out;
}

} // namespace penstock::sdp

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/rtsp/play/description.h"

#include "core/bytes/base64.h"
#include "core/codec/aac.h"
#include "core/codec/nal_config.h"
#include "core/sdp/description.h"
#include "core/sdp/text.h"

namespace penstock::rtsp {
namespace {

std::string hex_of(ByteView bytes) {
    static constexpr char digits[] = "0123456789ABCDEF";
    std::string out;
    for (const uint8_t byte : bytes)
        out.append({digits[byte >> 4], digits[byte & 15]});
    return out;
}

std::string base64_list(const codec::NalConfig::Sets &sets) {
    std::string out;
    for (const auto &set : sets)
        out += (out.empty() ? "" : ",") + to_base64(ByteView(set));
    return out;
}

std::string rtpmap_of(const PlayTrack &track) {
    const std::string clock = "/" + std::to_string(track.clock);
    const std::string channels =
        track.channels > 1 ? "/" + std::to_string(track.channels) : std::string();
    switch (track.codec) {
    case flv::fourcc("avc1"):
        return "H264" + clock;
    case flv::fourcc("hvc1"):
        return "H265" + clock;
    case flv::fourcc("av01"):
        return "AV1" + clock;
    case flv::fourcc("vp09"):
        return "VP9" + clock;
    case flv::fourcc("vp08"):
        return "VP8" + clock;
    case flv::fourcc("mp4a"):
        return "mpeg4-generic" + clock + "/" + std::to_string(track.channels);
    case flv::fourcc("Opus"):
        return "opus/48000/2"; // always two channels, RFC 7587, section 7
    case flv::fourcc("alaw"):
        return "PCMA" + clock + channels;
    case flv::fourcc("ulaw"):
        return "PCMU" + clock + channels;
    case flv::fourcc(".mp3"):
        return "MPA" + clock;
    case flv::fourcc("ac-3"):
        return "ac3" + clock + channels;
    default:
        return "eac3" + clock + channels;
    }
}

std::string avc_parameters(const PlayTrack &track) {
    codec::NalConfig config;
    std::string out = "packetization-mode=1";
    if (!codec::parse_nal_config(codec::NalCodec::avc, track.config, config).is_ok()) return out;
    codec::NalConfig::Sets sets = config.sps;
    sets.insert(sets.end(), config.pps.begin(), config.pps.end());
    if (!sets.empty()) out += ";sprop-parameter-sets=" + base64_list(sets);
    return out + ";profile-level-id=" + hex_of(track.config.view().subspan(1, 3));
}

std::string hevc_parameters(const PlayTrack &track) {
    codec::NalConfig config;
    if (!codec::parse_nal_config(codec::NalCodec::hevc, track.config, config).is_ok() ||
        config.vps.empty() || config.sps.empty() || config.pps.empty())
        return {};
    return "sprop-vps=" + base64_list(config.vps) + ";sprop-sps=" + base64_list(config.sps) +
           ";sprop-pps=" + base64_list(config.pps);
}

std::string fmtp_of(const PlayTrack &track) {
    switch (track.codec) {
    case flv::fourcc("avc1"):
        return avc_parameters(track);
    case flv::fourcc("hvc1"):
        return hevc_parameters(track);
    case flv::fourcc("mp4a"):
        return "streamtype=5;profile-level-id=1;mode=AAC-hbr;sizelength=13;indexlength=3;"
               "indexdeltalength=3;config=" +
               hex_of(track.config);
    case flv::fourcc("Opus"):
        return track.channels > 1 ? "sprop-stereo=1" : "sprop-stereo=0";
    default:
        return {};
    }
}

sdp::Media media_of(const PlayTrack &track, const MulticastPlace &multicast) {
    sdp::Media media;
    const std::string type = std::to_string(track.payload_type);
    media.kind = track.is_video ? "video" : "audio";
    media.port = 0;
    media.protocol = "RTP/AVP";
    media.formats = {type};
    if (!multicast.address.empty()) {
        const bool v6 = multicast.address.find(':') != std::string::npos;
        media.port = static_cast<uint16_t>(multicast.port + rtp_channel(track.index));
        media.connection = (v6 ? "IN IP6 " : "IN IP4 ") + multicast.address +
                           (v6 ? "" : "/" + std::to_string(multicast.ttl));
    }
    media.attributes.add("rtpmap", type + " " + rtpmap_of(track));
    if (const std::string parameters = fmtp_of(track); !parameters.empty())
        media.attributes.add("fmtp", type + " " + parameters);
    media.attributes.add("control", track_control(track.index));
    return media;
}

constexpr std::string_view control_prefix = "trackID=";

} // namespace

std::string describe(const std::vector<PlayTrack> &tracks, std::string_view name,
                     const MulticastPlace &multicast) {
    sdp::Description out;
    out.origin = "- 0 0 IN IP4 127.0.0.1";
    out.name = name.empty() ? "-" : std::string(name);
    out.connection = "IN IP4 0.0.0.0";
    out.attributes.add("tool", "Penstock");
    out.attributes.add("type", "broadcast");
    out.attributes.add("control", "*");
    out.attributes.add("range", "npt=now-");
    for (const PlayTrack &track : tracks)
        if (track.is_ready()) out.media.push_back(media_of(track, multicast));
    return sdp::write(out);
}

std::string track_control(size_t index) {
    return std::string(control_prefix) + std::to_string(index);
}

std::optional<size_t> parse_track_control(std::string_view segment) {
    if (!segment.starts_with(control_prefix)) return std::nullopt;
    segment.remove_prefix(control_prefix.size());
    return sdp::number<size_t>(segment, max_tracks - 1);
}

} // namespace penstock::rtsp

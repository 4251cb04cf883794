// SPDX-License-Identifier: LGPL-2.1-or-later
#include "flv/codecs_video.h"

#include "core/bytes/writer.h"
#include "core/codec/av1.h"
#include "core/codec/avc.h"
#include "core/codec/nal_config.h"
#include "flv/codec_data.h"

#include <gst/pbutils/codec-utils.h>

namespace penstock::flv {
namespace {

/// The position of general_profile_space to general_level_idc in hvcC, ISO/IEC 14496-15 8.3.3.1.2.
constexpr size_t hevc_profile_at = 1, hevc_profile_size = 12;
constexpr size_t vpx_record_size = 12;

GstPtr<GstCaps> nal_caps(const char *media, const char *format, ByteView config) {
    return GstPtr<GstCaps>::adopt(gst_caps_new_simple(
        media, "stream-format", G_TYPE_STRING, format, "alignment", G_TYPE_STRING, "au",
        "codec_data", GST_TYPE_BUFFER, copy_to_buffer(config).get(), nullptr));
}

Result configure_nal(codec::NalCodec codec, const char *name, const GstCaps *caps,
                     std::vector<uint8_t> &config) {
    if (!codec_data_of(caps, config))
        return Result::error(std::string(name) + " caps without codec_data");
    codec::NalConfig parsed;
    return codec::parse_nal_config(codec, config, parsed);
}

const char *chroma_name(bool x, bool y, bool monochrome) {
    return monochrome ? "4:0:0" : !x ? "4:4:4" : !y ? "4:2:2" : "4:2:0";
}

Result describe_vpx(const char *media, ByteView config, StreamInfo &info) {
    if (config.size() < vpx_record_size) return Result::error("VP configuration that is cut short");
    if (config[0] != 1)
        return Result::error("VP configuration of version " + std::to_string(config[0]));
    const unsigned depth = config[6] >> 4, chroma = config[6] >> 1 & 7;
    info.caps = GstPtr<GstCaps>::adopt(gst_caps_new_simple(
        media, "profile", G_TYPE_STRING, std::to_string(config[4]).c_str(), nullptr));
    if (std::string_view(media) != "video/x-vp9") return Result::ok();
    gst_caps_set_simple(info.caps.get(), "alignment", G_TYPE_STRING, "super-frame", "chroma-format",
                        G_TYPE_STRING, chroma_name(chroma < 3, chroma < 2, false), "bit-depth-luma",
                        G_TYPE_UINT, depth, "bit-depth-chroma", G_TYPE_UINT, depth, nullptr);
    return Result::ok();
}

} // namespace

Result describe_avc(ByteView config, StreamInfo &info) {
    codec::AvcConfig avc;
    if (Result result = codec::parse_avc_config(config, avc); !result.is_ok()) return result;
    info.caps = GstPtr<GstCaps>::adopt(gst_caps_new_simple(
        "video/x-h264", "stream-format", G_TYPE_STRING, "avc", "alignment", G_TYPE_STRING, "au",
        "codec_data", GST_TYPE_BUFFER, copy_to_buffer(config).get(), nullptr));
    GstCaps *caps = info.caps.get();
    const std::vector<uint8_t> &set = avc.sps.front();
    if (set.size() >= 4)
        gst_codec_utils_h264_caps_set_level_and_profile(caps, set.data() + 1,
                                                        guint(set.size() - 1));
    codec::AvcSps sps;
    if (Result result = codec::parse_avc_sps(set, sps); !result.is_ok()) {
        info.warning = result.reason();
        return Result::ok();
    }
    gst_caps_set_simple(caps, "width", G_TYPE_INT, int(sps.width), "height", G_TYPE_INT,
                        int(sps.height), "pixel-aspect-ratio", GST_TYPE_FRACTION, int(sps.par_num),
                        int(sps.par_den), nullptr);
    if (sps.fps_num)
        gst_caps_set_simple(caps, "framerate", GST_TYPE_FRACTION, int(sps.fps_num),
                            int(sps.fps_den), nullptr);
    return Result::ok();
}

Result configure_avc(const GstCaps *caps, std::vector<uint8_t> &config) {
    if (!codec_data_of(caps, config)) return Result::error("H.264 caps without codec_data");
    codec::AvcConfig avc;
    return codec::parse_avc_config(config, avc);
}

Result describe_hevc(ByteView config, StreamInfo &info) {
    codec::NalConfig parsed;
    Result result = codec::parse_nal_config(codec::NalCodec::hevc, config, parsed);
    if (!result.is_ok()) return result;
    info.caps = nal_caps("video/x-h265", "hvc1", config);
    if (config.size() >= hevc_profile_at + hevc_profile_size)
        gst_codec_utils_h265_caps_set_level_tier_and_profile(
            info.caps.get(), config.data() + hevc_profile_at, guint(hevc_profile_size));
    return Result::ok();
}

Result configure_hevc(const GstCaps *caps, std::vector<uint8_t> &config) {
    return configure_nal(codec::NalCodec::hevc, "H.265", caps, config);
}

Result describe_vvc(ByteView config, StreamInfo &info) {
    codec::NalConfig parsed;
    Result result = codec::parse_nal_config(codec::NalCodec::vvc, config, parsed);
    if (result.is_ok()) info.caps = nal_caps("video/x-h266", "vvc1", config);
    return result;
}

Result configure_vvc(const GstCaps *caps, std::vector<uint8_t> &config) {
    return configure_nal(codec::NalCodec::vvc, "H.266", caps, config);
}

Result describe_av1(ByteView config, StreamInfo &info) {
    codec::Av1Config av1;
    if (Result result = codec::parse_av1_config(config, av1); !result.is_ok()) return result;
    const guint depth = av1.twelve_bit ? 12 : av1.high_bitdepth ? 10 : 8;
    constexpr const char *profiles[] = {"main", "high", "professional"};
    info.caps = GstPtr<GstCaps>::adopt(gst_caps_new_simple(
        "video/x-av1", "stream-format", G_TYPE_STRING, "obu-stream", "alignment", G_TYPE_STRING,
        "tu", "chroma-format", G_TYPE_STRING,
        chroma_name(av1.subsampling_x, av1.subsampling_y, av1.monochrome), "bit-depth-luma",
        G_TYPE_UINT, depth, "bit-depth-chroma", G_TYPE_UINT, depth, "codec_data", GST_TYPE_BUFFER,
        copy_to_buffer(config).get(), nullptr));
    if (av1.profile < std::size(profiles))
        gst_caps_set_simple(info.caps.get(), "profile", G_TYPE_STRING, profiles[av1.profile],
                            nullptr);
    if (av1.width > 0)
        gst_caps_set_simple(info.caps.get(), "width", G_TYPE_INT, int(av1.width), "height",
                            G_TYPE_INT, int(av1.height), nullptr);
    return Result::ok();
}

Result configure_av1(const GstCaps *caps, std::vector<uint8_t> &config) {
    config.clear();
    codec::Av1Config av1;
    return codec_data_of(caps, config) ? codec::parse_av1_config(config, av1) : Result::ok();
}

Result describe_vp9(ByteView config, StreamInfo &info) {
    return describe_vpx("video/x-vp9", config, info);
}

Result describe_vp8(ByteView config, StreamInfo &info) {
    return describe_vpx("video/x-vp8", config, info);
}

Result configure_vpx(const GstCaps *caps, std::vector<uint8_t> &config) {
    const GstStructure *s = gst_caps_get_structure(caps, 0);
    const char *profile = gst_structure_get_string(s, "profile");
    const char *format = gst_structure_get_string(s, "chroma-format");
    const std::string_view chroma = format ? format : "4:2:0";
    guint depth = 8;
    gst_structure_get_uint(s, "bit-depth-luma", &depth);
    // 4:2:0 with the chroma samples beside the luma; the level and the colours are unknown.
    constexpr uint8_t beside = 1, format422 = 2, format444 = 3, unspecified = 2, level = 0;
    const uint8_t sampling = chroma == "4:4:4" ? format444 : chroma == "4:2:2" ? format422 : beside;
    Writer w;
    w.u8(1).u24(0).u8(profile && *profile >= '0' && *profile <= '3' ? *profile - '0' : 0).u8(level);
    w.u8(depth << 4 | sampling << 1).u8(unspecified).u8(unspecified).u8(unspecified).u16(0);
    config = w.take();
    return Result::ok();
}

} // namespace penstock::flv

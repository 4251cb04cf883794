// SPDX-License-Identifier: LGPL-2.1-or-later
#include "room/size_limit.h"

#include "core/codec/avc.h"
#include "core/codec/keyframe.h"
#include "gst/mapped.h"

namespace penstock::room {
namespace {

std::string judge(unsigned width, unsigned height) {
    constexpr uint64_t most = uint64_t(SizeLimit::width) * SizeLimit::height;
    if (uint64_t(width) * height <= most) return {};
    return "its frames of " + std::to_string(width) + "x" + std::to_string(height) +
           " pixels are larger than " + std::to_string(SizeLimit::width) + "x" +
           std::to_string(SizeLimit::height);
}

std::string judge_sps(ByteView nal) {
    codec::AvcSps sps;
    if (const Result result = codec::parse_avc_sps(nal, sps); result.is_error())
        return "the size of its frames is not known: " + result.reason();
    return judge(sps.coded_width, sps.coded_height);
}

} // namespace

void SizeLimit::set_caps(const GstCaps *caps) {
    *this = {};
    const GstStructure *structure = gst_caps_get_structure(caps, 0);
    int caps_width = 0, caps_height = 0;
    if (gst_structure_get_int(structure, "width", &caps_width) &&
        gst_structure_get_int(structure, "height", &caps_height))
        caps_reason_ = judge(unsigned(caps_width), unsigned(caps_height));
    if (gst_structure_has_name(structure, "video/x-vp8")) codec_ = Codec::vp8;
    if (!gst_structure_has_name(structure, "video/x-h264")) return;
    codec_ = Codec::avc;
    const GValue *value = gst_structure_get_value(structure, "codec_data");
    if (!value || !GST_VALUE_HOLDS_BUFFER(value)) return;
    const Mapped record(gst_value_get_buffer(value));
    codec::AvcConfig config;
    if (codec::parse_avc_config(record.view(), config).is_error()) return;
    length_size_ = config.length_size;
    for (const auto &sps : config.sps)
        if (caps_reason_.empty()) caps_reason_ = judge_sps(sps);
}

std::string SizeLimit::refuses(GstBuffer *frame) const {
    if (!caps_reason_.empty() || codec_ == Codec::other) return caps_reason_;
    const Mapped mapped(frame);
    if (codec_ == Codec::avc) return refuses_avc(mapped.view());
    const auto size = codec::vp8_size(mapped.view());
    return size ? judge(size->width, size->height) : std::string();
}

/// Parameter sets within frames replace those of the caps.
std::string SizeLimit::refuses_avc(ByteView frame) const {
    codec::AvccReader units(frame, length_size_);
    ByteView unit;
    while (units.next(unit)) {
        if (codec::avc_nal_type(unit) != codec::avc_sps) continue;
        if (std::string reason = judge_sps(unit); !reason.empty()) return reason;
    }
    return {};
}

} // namespace penstock::room

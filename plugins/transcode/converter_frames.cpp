// SPDX-License-Identifier: LGPL-2.1-or-later
// What copyorencode learns from coded video's frames: their order, and their bitrate.
#include "transcode/converter.h"

#include <utility>

GST_DEBUG_CATEGORY_EXTERN(penstock_copy_or_encode_debug);
#define GST_CAT_DEFAULT penstock_copy_or_encode_debug

namespace penstock::transcode {
namespace {

/// A bitrate that differs by less is the same.
constexpr guint rate_tolerance = 10; // percent

} // namespace

/// Returns whether another stream than before is watched.
bool Converter::watch_frames(const GstCaps *caps) {
    if (settings().b_frames) {
        order_.reset();
        return false;
    }
    if (order_ && gst_caps_is_equal(order_caps_.get(), caps)) return false;
    order_.emplace().begin(caps);
    order_caps_ = GstPtr<GstCaps>::adopt(gst_caps_copy(caps));
    return true;
}

bool Converter::take_frame(GstPtr<GstBuffer> frame, std::vector<GstPtr<GstBuffer>> &out) {
    const auto found = order_ ? order_->add(frame.get()) : FrameOrder::Finding::in_order;
    if (undecided_) {
        held_.push_back(std::move(frame));
        return found == FrameOrder::Finding::open || release_held(out);
    }
    if (copying_ && found == FrameOrder::Finding::reordered) {
        // A decoder can't begin amid a GOP.
        if (GST_BUFFER_FLAG_IS_SET(frame.get(), GST_BUFFER_FLAG_DELTA_UNIT)) {
            ++counters_.drops;
            return true;
        }
        undecided_ = GstPtr<GstCaps>::adopt(gst_pad_get_current_caps(sink_));
        if (!decide()) return false;
    }
    follow_rate(frame.get());
    out.push_back(std::move(frame));
    return true;
}

bool Converter::release_held(std::vector<GstPtr<GstBuffer>> &out) {
    if (order_) order_->settle();
    if (!decide()) return false;
    for (auto &frame : held_) {
        follow_rate(frame.get());
        out.push_back(std::move(frame));
    }
    held_.clear();
    return true;
}

void Converter::follow_rate(const GstBuffer *frame) {
    const auto rate = rate_ && encoder_ ? rate_->add(frame) : std::nullopt;
    const guint apart = rate && *rate > bitrate_ ? *rate - bitrate_ : bitrate_ - rate.value_or(0);
    if (!rate || uint64_t(apart) * 100 < uint64_t(bitrate_) * rate_tolerance) return;
    bitrate_ = *rate;
    GST_DEBUG_OBJECT(bin_, "encodes at %u bit/s", bitrate_);
    set_bitrate(encoder_, bitrate_);
}

} // namespace penstock::transcode

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "latency/stamper.h"

#include <algorithm>
#include <cmath>
#include <cstring>

GST_DEBUG_CATEGORY_EXTERN(penstock_latencystamp_debug);
#define GST_CAT_DEFAULT penstock_latencystamp_debug

namespace penstock::latency {
namespace {

constexpr uint8_t neutral = 128;

/// Whether grey values are written to a component: luma, or a primary colour.
bool is_luma(const GstVideoFormatInfo *format, guint component) {
    return component == 0 || (GST_VIDEO_FORMAT_INFO_IS_RGB(format) && component < 3);
}

bool has_luma(const GstVideoFormatInfo *format, guint plane) {
    for (guint c = 0; c < GST_VIDEO_FORMAT_INFO_N_COMPONENTS(format); ++c)
        if (GST_VIDEO_FORMAT_INFO_PLANE(format, c) == plane && is_luma(format, c)) return true;
    return false;
}

} // namespace

StampSettings Stamper::settings() const {
    const std::lock_guard lock(mutex_);
    return settings_;
}

GstPtr<GstStructure> Stamper::stats() const {
    auto stats = counters_.with_peers(0).to_structure();
    const std::lock_guard lock(mutex_);
    gst_structure_set(stats.get(), "frame", G_TYPE_UINT, last_.frame, "sent", G_TYPE_INT64,
                      last_.time, "source-id", G_TYPE_UINT, guint(settings_.source), nullptr);
    return stats;
}

void Stamper::start() {
    counters_.start();
    next_frame_ = 0;
    const std::lock_guard lock(mutex_);
    last_ = {};
}

void Stamper::set_format(const GstVideoInfo &info) {
    const std::lock_guard lock(mutex_);
    info_ = info;
    changed_ = true;
}

/// Requires mutex_.
void Stamper::lay_out() {
    const int width = GST_VIDEO_INFO_WIDTH(&info_), height = GST_VIDEO_INFO_HEIGHT(&info_);
    panel_.emplace(settings_.appearance, width, height);
    opacity_ = static_cast<int>(std::lround(settings_.opacity * 256));
    source_ = settings_.source;
    changed_ = false;
}

void Stamper::stamp(GstVideoFrame &frame) {
    Stamp stamp{g_get_real_time(), next_frame_++, 0};
    bool laid_out = false;
    {
        const std::lock_guard lock(mutex_);
        if (changed_) {
            lay_out();
            laid_out = true;
        }
        stamp.source = source_;
        stamp.time -= settings_.clock_offset / gint64(GST_USECOND);
        last_ = stamp;
    }
    const gsize size = gst_buffer_get_size(frame.buffer);
    counters_.in(size);
    if (laid_out && panel_->area().is_empty())
        GST_ELEMENT_WARNING(element_, STREAM, FORMAT,
                            ("A picture of %d×%d has no room for a stamp: make it larger, or give "
                             "it to latencystamp before it is scaled down.",
                             GST_VIDEO_FRAME_WIDTH(&frame), GST_VIDEO_FRAME_HEIGHT(&frame)),
                            (nullptr));
    if (!panel_->area().is_empty()) draw(frame, stamp);
    counters_.out(size);
}

void Stamper::draw(GstVideoFrame &frame, const Stamp &stamp) {
    const std::vector<Band> bands = panel_->draw(stamp);
    for (guint plane = 0; plane < GST_VIDEO_FRAME_N_PLANES(&frame); ++plane) {
        if (has_luma(frame.info.finfo, plane))
            draw_luma(frame, plane, bands);
        else
            draw_neutral(frame, plane);
    }
}

void Stamper::draw_luma(GstVideoFrame &frame, guint plane, const std::vector<Band> &bands) {
    const GstVideoFormatInfo *format = frame.info.finfo;
    const Rectangle &area = panel_->area();
    const gint pixel = GST_VIDEO_FRAME_COMP_PSTRIDE(&frame, 0);
    const gint stride = GST_VIDEO_FRAME_PLANE_STRIDE(&frame, plane);
    auto *at = static_cast<guint8 *>(GST_VIDEO_FRAME_PLANE_DATA(&frame, plane)) + area.y * stride +
               area.x * pixel;
    // Alpha and the padding of RGBx stay at 255.
    row_.assign(static_cast<size_t>(area.width * pixel), 255);
    for (guint c = 1; c < GST_VIDEO_FORMAT_INFO_N_COMPONENTS(format); ++c) {
        if (GST_VIDEO_FORMAT_INFO_PLANE(format, c) != plane || GST_VIDEO_FORMAT_INFO_IS_RGB(format))
            continue;
        const gint step = GST_VIDEO_FRAME_COMP_PSTRIDE(&frame, c);
        for (auto i = size_t(GST_VIDEO_FORMAT_INFO_POFFSET(format, c)); i < row_.size();
             i += size_t(step))
            row_[i] = neutral;
    }
    for (const Band &band : bands) {
        for (guint c = 0; c < GST_VIDEO_FORMAT_INFO_N_COMPONENTS(format); ++c) {
            if (!is_luma(format, c) || GST_VIDEO_FORMAT_INFO_PLANE(format, c) != plane) continue;
            guint8 *out = row_.data() + GST_VIDEO_FORMAT_INFO_POFFSET(format, c);
            for (size_t x = 0; x < band.luma.size(); ++x)
                out[x * size_t(pixel)] = band.luma[x];
        }
        for (int i = 0; i < band.height; ++i, at += stride)
            put(at, row_);
    }
}

/// Sets the chroma under the stamp to grey, because colour would change the luma after a conversion
/// to RGB.
void Stamper::draw_neutral(GstVideoFrame &frame, guint plane) {
    const GstVideoFormatInfo *format = frame.info.finfo;
    const Rectangle &area = panel_->area();
    guint component = 1;
    while (GST_VIDEO_FORMAT_INFO_PLANE(format, component) != plane)
        ++component;
    const gint step = GST_VIDEO_FRAME_COMP_PSTRIDE(&frame, component);
    const guint w_sub = GST_VIDEO_FORMAT_INFO_W_SUB(format, component);
    const guint h_sub = GST_VIDEO_FORMAT_INFO_H_SUB(format, component);
    const gint stride = GST_VIDEO_FRAME_PLANE_STRIDE(&frame, plane);
    auto *at = static_cast<guint8 *>(GST_VIDEO_FRAME_PLANE_DATA(&frame, plane)) +
               (area.y >> h_sub) * stride + (area.x >> w_sub) * step;
    row_.assign(static_cast<size_t>((area.width >> w_sub) * step), neutral);
    for (int i = 0; i < area.height >> h_sub; ++i, at += stride)
        put(at, row_);
}

void Stamper::put(guint8 *at, const std::vector<uint8_t> &bytes) const {
    if (opacity_ == 256) {
        std::memcpy(at, bytes.data(), bytes.size());
        return;
    }
    const auto share = static_cast<uint16_t>(opacity_), rest = static_cast<uint16_t>(256 - share);
    const uint8_t *from = bytes.data();
    const size_t size = bytes.size();
    for (size_t i = 0; i < size; ++i)
        at[i] = static_cast<guint8>((at[i] * rest + from[i] * share) >> 8);
}

} // namespace penstock::latency

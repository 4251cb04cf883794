// SPDX-License-Identifier: LGPL-2.1-or-later
#include "latency/gauge.h"

#include <algorithm>

GST_DEBUG_CATEGORY_EXTERN(penstock_latencyread_debug);
#define GST_CAT_DEFAULT penstock_latencyread_debug

namespace penstock::latency {
namespace {

/// The frame's luma plane; for RGB the green component, which contributes most to luma.
Luma luma_of(const GstVideoFrame &frame) {
    const guint component = GST_VIDEO_FORMAT_INFO_IS_RGB(frame.info.finfo) ? 1 : 0;
    Luma luma;
    luma.data = static_cast<const uint8_t *>(GST_VIDEO_FRAME_COMP_DATA(&frame, component));
    luma.width = GST_VIDEO_FRAME_WIDTH(&frame);
    luma.height = GST_VIDEO_FRAME_HEIGHT(&frame);
    luma.stride = GST_VIDEO_FRAME_COMP_STRIDE(&frame, component);
    luma.step = GST_VIDEO_FRAME_COMP_PSTRIDE(&frame, component);
    return luma;
}

std::optional<uint16_t> wanted(int source) {
    return source < 0 ? std::nullopt : std::optional(static_cast<uint16_t>(source));
}

} // namespace

GaugeSettings Gauge::settings() const {
    const std::lock_guard lock(mutex_);
    return settings_;
}

GstPtr<GstStructure> Gauge::stats() const {
    auto stats = counters_.with_peers(0).to_structure();
    const std::lock_guard lock(mutex_);
    add_fields(stats.get());
    return stats;
}

/// Requires mutex_.
void Gauge::add_fields(GstStructure *to) const {
    const Measurement &m = measurement_;
    const Histogram &h = m.histogram();
    gst_structure_set(to, "verdict", G_TYPE_STRING, name_of(m.verdict()), "frames", G_TYPE_UINT64,
                      m.frames(), "read", G_TYPE_UINT64, m.read(), "unreadable", G_TYPE_UINT64,
                      m.unreadable(), "lost", G_TYPE_UINT64, m.lost(), "repeated", G_TYPE_UINT64,
                      m.repeated(), "clock", G_TYPE_UINT64, m.clock(), "restarts", G_TYPE_UINT64,
                      m.restarts(), "measured", G_TYPE_UINT64, h.count(), nullptr);
    if (m.stamp())
        gst_structure_set(to, "frame", G_TYPE_UINT, m.stamp()->frame, "source-id", G_TYPE_UINT,
                          guint(m.stamp()->source), "sent", G_TYPE_INT64, m.stamp()->time, nullptr);
    // If the clocks differ, the difference of times is not a latency.
    if (h.count() == 0 || m.verdict() == Verdict::clock) return;
    const auto set = [&](const char *name, int64_t nanoseconds) {
        gst_structure_set(to, name, G_TYPE_UINT64, static_cast<guint64>(nanoseconds), nullptr);
    };
    set("latency", m.latency());
    set("p50", h.percentile(0.5));
    set("p95", h.percentile(0.95));
    set("p99", h.percentile(0.99));
    set("min", h.min());
    set("max", h.max());
    set("mean", h.mean());
    set("jitter", h.jitter());
}

void Gauge::start() {
    counters_.start();
    reader_ = Reader(wanted(source_));
    next_post_ = 0;
    const std::lock_guard lock(mutex_);
    measurement_.clear();
}

void Gauge::read(const GstVideoFrame &frame) {
    // Taken before the search for the code, whose duration is not part of the stream's latency.
    const gint64 came = g_get_real_time();
    const gsize size = gst_buffer_get_size(frame.buffer);
    counters_.in(size);
    const GaugeSettings settings = this->settings();
    const gint64 now = came - settings.clock_offset / gint64(GST_USECOND);
    if (settings.source != source_) {
        source_ = settings.source;
        reader_ = Reader(wanted(source_));
    }
    std::optional<Stamp> stamp;
    if (const auto reading = reader_.read(luma_of(frame))) stamp = reading->stamp;
    {
        const std::lock_guard lock(mutex_);
        const Verdict verdict = measurement_.add(stamp, now, settings.limits);
        GST_LOG_OBJECT(element_, "%s, frame %u, %" G_GINT64_FORMAT " ns", name_of(verdict),
                       stamp ? stamp->frame : 0, measurement_.latency());
    }
    counters_.out(size);
    const gint64 monotonic = g_get_monotonic_time();
    if (settings.interval > 0) {
        // The first message follows after an interval, so that it has data.
        const auto interval = static_cast<gint64>(settings.interval / GST_USECOND);
        if (next_post_ == 0) next_post_ = monotonic + interval;
        if (monotonic < next_post_) return;
        next_post_ = std::max(next_post_ + interval, monotonic);
    }
    post(GST_BUFFER_PTS(frame.buffer));
}

void Gauge::post(GstClockTime pts) {
    auto structure = GstPtr<GstStructure>::adopt(
        gst_structure_new("penstock-latency", "pts", G_TYPE_UINT64, pts, nullptr));
    {
        const std::lock_guard lock(mutex_);
        add_fields(structure.get());
    }
    gst_element_post_message(element_,
                             gst_message_new_element(GST_OBJECT(element_), structure.release()));
}

} // namespace penstock::latency

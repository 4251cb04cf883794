// SPDX-License-Identifier: LGPL-2.1-or-later
// The implementation of latencystamp: computes the stamp's layout for the caps and draws it.
#pragma once

#include "core/latency/panel.h"
#include "gst/ptr.h"
#include "gst/stats.h"

#include <gst/video/video.h>

#include <mutex>
#include <optional>

namespace penstock::latency {

struct StampSettings {
    Appearance appearance;
    double opacity = 1;
    uint16_t source = 0;
    gint64 clock_offset = 0; ///< ns by which this clock is ahead
};

class Stamper {
public:
    explicit Stamper(GstElement *element) : element_(element) {}

    StampSettings settings() const;
    template <class Fn>
    void change(Fn &&fn) {
        const std::lock_guard lock(mutex_);
        fn(settings_);
        changed_ = true;
    }
    GstPtr<GstStructure> stats() const;

    void start();
    void stop() { counters_.stop(); }
    void set_format(const GstVideoInfo &info);
    /// Draws the current time.
    void stamp(GstVideoFrame &frame);

private:
    void lay_out();
    void draw(GstVideoFrame &frame, const Stamp &stamp);
    void draw_luma(GstVideoFrame &frame, guint plane, const std::vector<Band> &bands);
    void draw_neutral(GstVideoFrame &frame, guint plane);
    void put(guint8 *at, const std::vector<uint8_t> &bytes) const;

    GstElement *element_;
    Counters counters_;

    // mutex_ guards the settings and the values in stats.
    mutable std::mutex mutex_;
    StampSettings settings_;
    bool changed_ = true;
    Stamp last_;

    // Used by the streaming thread only.
    GstVideoInfo info_{};
    std::optional<Panel> panel_;
    int opacity_ = 256; ///< 0 to 256
    uint16_t source_ = 0;
    uint32_t next_frame_ = 0;
    std::vector<uint8_t> row_; ///< a row of the stamp in the frame's format
};

} // namespace penstock::latency

// SPDX-License-Identifier: LGPL-2.1-or-later
// The implementation of latencyread: reads stamps, measures latency and posts messages.
#pragma once

#include "core/latency/measurement.h"
#include "core/latency/reader.h"
#include "gst/ptr.h"
#include "gst/stats.h"

#include <gst/video/video.h>

#include <mutex>
#include <optional>

namespace penstock::latency {

struct GaugeSettings {
    int source = -1;                    ///< -1: any
    GstClockTime interval = GST_SECOND; ///< between messages; 0: one per frame
    Limits limits;
    gint64 clock_offset = 0; ///< ns by which this machine's clock is ahead
};

class Gauge {
public:
    explicit Gauge(GstElement *element) : element_(element) {}

    GaugeSettings settings() const;
    template <class Fn>
    void change(Fn &&fn) {
        const std::lock_guard lock(mutex_);
        fn(settings_);
    }
    GstPtr<GstStructure> stats() const;

    void start();
    void stop() { counters_.stop(); }
    /// Processes a frame that is displayed at this moment.
    void read(const GstVideoFrame &frame);

private:
    void add_fields(GstStructure *to) const;
    void post(GstClockTime pts);

    GstElement *element_;
    Counters counters_;

    // mutex_ guards the settings and the measurement.
    mutable std::mutex mutex_;
    GaugeSettings settings_;
    Measurement measurement_;

    // Used by the streaming thread only.
    int source_ = -1; ///< the source selected in the reader; -1: any
    Reader reader_;
    gint64 next_post_ = 0; ///< monotonic; µs
};

} // namespace penstock::latency

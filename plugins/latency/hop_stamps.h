// SPDX-License-Identifier: LGPL-2.1-or-later
// The implementation of latencysei: inserts or reads stamps in access units, with or without FLV
// tags.
#pragma once

#include "core/bytes/bytes.h"
#include "core/latency/sei.h"
#include "gst/ptr.h"
#include "gst/stats.h"
#include "latency/hop_stats.h"

#include <gst/base/gstbasetransform.h>

#include <atomic>
#include <mutex>
#include <optional>

namespace penstock::latency {

struct HopSettings {
    guint hops = 0;      ///< the hops to stamp, a bit 1 << (number - 1) each; 0: read only
    guint source_id = 0; ///< 0: chosen at random at each start
    bool messages = true;
    gint64 clock_offset = 0;   ///< ns by which this clock is ahead
    bool only_stamped = false; ///< stamp only frames that already have stamps
};

/// Locks: `lock_` guards the settings; HopStats has its own. Neither is held during a push or post.
class HopStamps {
public:
    explicit HopStamps(GstBaseTransform *element) : element_(element) {}

    HopSettings settings() const;
    void set_settings(const HopSettings &settings);
    GstPtr<GstStructure> stats() const;

    void start();
    void stop() { counters_.stop(); }
    void set_caps(const GstCaps *caps);
    /// Whether process() would do no more than count the buffer; then it is counted here.
    bool passes_by(GstBuffer *buffer);
    /// Returns the buffer itself if nothing is written.
    GstPtr<GstBuffer> process(GstPtr<GstBuffer> buffer);

private:
    /// A buffer's bytes and the range of its access unit.
    struct View {
        ByteView all;
        size_t begin = 0, end = 0;
        ByteView unit() const { return all.subspan(begin, end - begin); }
    };
    bool find_unit(ByteView bytes, View &view);
    bool is_resting(GstBuffer *buffer) const;
    GstPtr<GstBuffer> write(GstBuffer *buffer, const View &view, const StampPlace &place,
                            const HopSettings &settings);
    void read(GstBuffer *buffer, const StampPlace &place, const HopSettings &settings);
    void post(GstBuffer *buffer, const FrameStamps &stamps, int64_t now);
    std::optional<int64_t> capture_time(GstBuffer *buffer, int64_t now) const;

    GstBaseTransform *const element_;
    mutable std::mutex lock_;
    HopSettings settings_;                  ///< guarded by lock_
    std::atomic<bool> only_stamped_{false}; ///< that setting, for each buffer
    // Used by the streaming thread only.
    Framing framing_;
    bool in_flv_ = false;
    uint32_t frame_ = 0;
    uint32_t own_source_ = 0;
    unsigned bare_ = 0; ///< consecutive frames without stamps
    HopStats hops_;
    Counters counters_;
    std::atomic<guint64> stamped_ = 0, unstampable_ = 0;
};

} // namespace penstock::latency

// SPDX-License-Identifier: LGPL-2.1-or-later
// Common part of the muxers for live streams: optional pads, and interleaving without queues.
#pragma once

#include "gst/alarm.h"
#include "gst/ptr.h"
#include "gst/stats.h"

#include <gst/base/gstaggregator.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

namespace penstock {

/// GstAggregator waits until every pad has a buffer and keeps one per pad. Here, a pad without caps
/// must not delay the others, and slight interleaving must not require queues. Therefore buffers
/// never enter GstAggregator: they are queued here, up to `stream-wait` per pad, and a custom event
/// (a nudge) makes the source pad's thread process them. GstAggregator provides that thread, live
/// deadlines, flushing and downstream events.
///
/// There is one lock. It is never held during a push, query or message, and may be taken while
/// GstAggregator's own lock is held.
class LiveMuxer {
public:
    static constexpr GstClockTime default_stream_wait = GST_SECOND;

    explicit LiveMuxer(GstAggregator *aggregator) : aggregator_(aggregator) {}
    virtual ~LiveMuxer() = default;
    LiveMuxer(const LiveMuxer &) = delete;
    LiveMuxer &operator=(const LiveMuxer &) = delete;

    // Called on the source pad's thread.
    GstFlowReturn aggregate(bool timeout);
    /// Handles a serialized event on this thread. Returns true if it was a private one.
    bool sink_event(GstAggregatorPad *pad, GstEvent *event);
    GstClockTime next_time() const;

    // Called on the pads' threads.
    /// Queues a buffer; waits while the pad's queue is full.
    GstFlowReturn chain(GstAggregatorPad *pad, GstPtr<GstBuffer> buffer);
    /// Receives any event before GstAggregator does.
    void event_arrives(GstAggregatorPad *pad, GstEvent *event);
    void pad_activated(GstAggregatorPad *pad, bool active);

    // Called while nothing streams.
    void start();
    /// `with_caps`: also resets the pads' caps.
    void reset(bool with_caps);

    // Callable from any thread.
    GstAggregatorPad *new_pad(GstPadTemplate *templ, const char *name);
    void release_pad(GstAggregatorPad *pad);
    GstPtr<GstStructure> stats() const;
    guint64 stream_wait() const { return stream_wait_; }
    void set_stream_wait(guint64 nanoseconds);
    /// Whether nothing comes out before a pad has video.
    bool waits_for_video() const { return waits_for_video_; }
    void set_waits_for_video(bool waits);
    /// Whether buffers come out in the order of their times; else as they come in.
    bool interleaves() const { return interleaves_; }
    void set_interleaves(bool interleaves) { interleaves_ = interleaves; }

protected:
    /// New caps, or a buffer with its running times.
    struct Item {
        GstPtr<GstCaps> caps;
        GstPtr<GstBuffer> buffer;
        int64_t dts = 0, pts = 0; ///< ns; may be negative
    };
    /// A pad. Muxers add their stream state, which is used by the source pad's thread only.
    struct Track {
        virtual ~Track() = default;
        GstPtr<GstAggregatorPad> pad;
        bool video = false;
        uint8_t id = 0; ///< the number in a pad's name (video_1); 0: the default track
        // Guarded by the lock.
        std::deque<Item> queue;
        GstSegment segment;
        bool flushing = false, ended = false;
        bool nudged = false;            ///< a nudge for its new buffers is on its way
        int64_t last = 0;               ///< end of the newest buffer; ns
        std::optional<int64_t> first;   ///< start of the first buffer; ns
        std::optional<int64_t> gap_end; ///< upstream announced that nothing comes before; ns
        // Used by the source pad's thread only.
        bool known = false; ///< it has caps that can be muxed

        const Item *first_buffer() const;
        bool is_full(guint64 wait) const;
        bool is_over() const { return ended && queue.empty(); }
    };
    using TrackPtr = std::shared_ptr<Track>;

    virtual TrackPtr make_track() const = 0;
    /// Sets `track.known` if the caps can be muxed; otherwise posts the reason.
    virtual void set_caps(Track &track, const GstCaps *caps) = 0;
    virtual GstFlowReturn push(Track &track, const Item &item) = 0;
    /// Sends remaining data before the end of stream.
    virtual GstFlowReturn finish() { return GST_FLOW_OK; }
    /// A new stream, or a flush; with `with_caps`, `track` resets its caps.
    virtual void reset_output() = 0;
    virtual void reset_track(Track &track, bool with_caps) = 0;

    std::vector<TrackPtr> tracks() const;
    bool has_video() const;

    GstAggregator *const aggregator_;
    /// Output has begun: pads that appear now are late. Used by the source pad's thread only.
    bool begun_ = false;
    Counters counters_;

private:
    using Steady = std::chrono::steady_clock;
    struct Next {
        TrackPtr track; ///< nullptr: nothing to do
        Item item;
        bool end = false;
        std::optional<Steady::time_point> again_at; ///< when to call again
    };

    TrackPtr track_of(GstAggregatorPad *pad) const;
    uint8_t number_of(const char *name, bool video) const;
    static void add_buffer(Track &track, GstPtr<GstBuffer> buffer);
    bool nudge(GstAggregatorPad *pad);
    GstFlowReturn produce(bool timeout);
    Next take(bool &timeout);
    bool lacks_video() const; ///< called under the lock
    bool drop_without_video();
    void tell_of_video();
    bool is_awaited(const Track &track, std::optional<Steady::time_point> *until = nullptr) const;
    void wake();

    mutable std::mutex lock_;
    std::condition_variable changed_; ///< a queue has space, or waiting ends
    std::vector<TrackPtr> tracks_;
    GstFlowReturn flow_ = GST_FLOW_OK; ///< downstream's last flow; guarded by the lock
    std::atomic<guint64> stream_wait_ = default_stream_wait;
    std::atomic<bool> waits_for_video_ = false;
    std::atomic<bool> interleaves_ = true;
    /// Arrival of the first buffer of any pad; guarded by lock_.
    Steady::time_point first_at_ = Steady::time_point::max();
    bool has_no_video_ = false; ///< the application was told so; guarded by lock_
    Alarm alarm_{[this] { wake(); }};
};

} // namespace penstock

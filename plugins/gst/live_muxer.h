// SPDX-License-Identifier: LGPL-2.1-or-later
// What the muxers for live streams share: pads that never come, interleaving without queues.
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

/// GstAggregator waits until every pad has a buffer and keeps one of each. We want more: a pad that
/// never gets caps must not hold up the others, and a little interleaving must not need queues. So
/// buffers never enter GstAggregator: they wait here, at most `stream-wait` of each pad, and an
/// event of ours (a nudge) has the source pad's thread look at them. From GstAggregator we have
/// that thread, the live deadlines, the flushing and the events downstream.
///
/// One lock; it is never held across a push, a query or a message, and may be taken under
/// GstAggregator's own.
class LiveMuxer {
public:
    static constexpr GstClockTime default_stream_wait = GST_SECOND;

    explicit LiveMuxer(GstAggregator *aggregator) : aggregator_(aggregator) {}
    virtual ~LiveMuxer() = default;
    LiveMuxer(const LiveMuxer &) = delete;
    LiveMuxer &operator=(const LiveMuxer &) = delete;

    // The source pad's thread.
    GstFlowReturn aggregate(bool timeout);
    /// A serialized event has come to this thread. True: it was for us alone.
    bool sink_event(GstEvent *event);
    GstClockTime next_time() const;

    // The pads' threads.
    /// Waits while the pad's queue is full.
    GstFlowReturn chain(GstAggregatorPad *pad, GstPtr<GstBuffer> buffer);
    /// Any event, before GstAggregator sees it.
    void event_arrives(GstAggregatorPad *pad, GstEvent *event);
    void pad_activated(GstAggregatorPad *pad, bool active);

    // While nothing streams.
    void start();
    /// `with_caps`: what the pads carry is forgotten, too.
    void reset(bool with_caps);

    // Any thread.
    GstAggregatorPad *new_pad(GstPadTemplate *templ, const char *name);
    void release_pad(GstAggregatorPad *pad);
    GstPtr<GstStructure> stats() const;
    guint64 stream_wait() const { return stream_wait_; }
    void set_stream_wait(guint64 nanoseconds);

protected:
    /// New caps, or a buffer with its running times.
    struct Item {
        GstPtr<GstCaps> caps;
        GstPtr<GstBuffer> buffer;
        int64_t dts = 0, pts = 0; ///< nanoseconds; negative is possible
    };
    /// A pad. A muxer adds what it knows of the stream, for the source pad's thread alone.
    struct Track {
        virtual ~Track() = default;
        GstPtr<GstAggregatorPad> pad;
        bool video = false;
        // Under the lock.
        std::deque<Item> queue;
        GstSegment segment;
        bool flushing = false, ended = false;
        int64_t last = 0;               ///< where the newest buffer ends
        std::optional<int64_t> first;   ///< where the first one began
        std::optional<int64_t> gap_end; ///< upstream said that nothing comes before
        // The source pad's thread alone.
        bool known = false; ///< there were caps that can be muxed

        const Item *first_buffer() const;
        bool is_full(guint64 wait) const;
        bool is_over() const { return ended && queue.empty(); }
    };
    using TrackPtr = std::shared_ptr<Track>;

    virtual TrackPtr make_track() const = 0;
    /// Sets `track.known` if the caps can be muxed, else posts why not.
    virtual void set_caps(Track &track, const GstCaps *caps) = 0;
    virtual GstFlowReturn push(Track &track, const Item &item) = 0;
    /// What is left goes out, before the end of stream.
    virtual GstFlowReturn finish() { return GST_FLOW_OK; }
    /// A new stream, or a flush; `track` forgets its caps where `with_caps`.
    virtual void reset_output() = 0;
    virtual void reset_track(Track &track, bool with_caps) = 0;

    std::vector<TrackPtr> tracks() const;
    bool has_video() const;

    GstAggregator *const aggregator_;
    /// Something has gone out: pads that come now come late. The source pad's thread alone.
    bool begun_ = false;
    Counters counters_;

private:
    using Steady = std::chrono::steady_clock;
    struct Next {
        TrackPtr track; ///< none: nothing to do
        Item item;
        bool end = false;
        std::optional<Steady::time_point> again_at; ///< ask again then
    };

    TrackPtr track_of(GstAggregatorPad *pad) const;
    static void add_buffer(Track &track, GstPtr<GstBuffer> buffer);
    void nudge(GstAggregatorPad *pad);
    GstFlowReturn produce(bool timeout);
    Next take(bool &timeout);
    bool is_awaited(const Track &track, std::optional<Steady::time_point> *until = nullptr) const;
    void wake();

    mutable std::mutex lock_;
    std::condition_variable changed_; ///< a queue has room, or nobody shall wait any more
    std::vector<TrackPtr> tracks_;
    GstFlowReturn flow_ = GST_FLOW_OK; ///< what downstream said last, under the lock
    std::atomic<guint64> stream_wait_ = default_stream_wait;
    Steady::time_point first_at_ = Steady::time_point::max(); ///< of any pad's first buffer; lock_
    Alarm alarm_{[this] { wake(); }};
};

} // namespace penstock

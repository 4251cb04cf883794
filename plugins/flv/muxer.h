// SPDX-License-Identifier: LGPL-2.1-or-later
// What flvlivemux does: elementary streams in, one FLV tag per buffer out.
#pragma once

#include "flv/codecs.h"
#include "flv/metadata.h"
#include "gst/ptr.h"
#include "gst/stats.h"

#include <gst/base/gstaggregator.h>

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

namespace penstock::flv {

/// GstAggregator waits until every pad has a buffer and keeps one of each. We want more: a pad that
/// never gets caps must not hold up the others, and a little interleaving must not need queues. So
/// buffers never enter GstAggregator: they wait here, at most `stream-wait` of each pad, and an
/// event of ours (a nudge) has the source pad's thread look at them. From GstAggregator we have
/// that thread, the live deadlines, the flushing and the events downstream.
///
/// One lock; it is never held across a push, a query or a message, and may be taken under
/// GstAggregator's own.
class Muxer {
public:
    static constexpr GstClockTime default_stream_wait = GST_SECOND;

    explicit Muxer(GstAggregator *aggregator) : aggregator_(aggregator) {}

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

private:
    /// New caps, or a buffer with its running times.
    struct Item {
        GstPtr<GstCaps> caps;
        GstPtr<GstBuffer> buffer;
        int64_t dts = 0, pts = 0; ///< nanoseconds; negative is possible
    };
    struct Track {
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
        const Codec *codec = nullptr; ///< nullptr before caps
        GstPtr<GstCaps> caps;
        std::vector<uint8_t> config;
        bool keyframe_seen = false;

        const Item *first_buffer() const;
        bool is_full(guint64 wait) const;
        bool is_over() const { return ended && queue.empty(); }
    };
    using TrackPtr = std::shared_ptr<Track>;
    struct Next {
        TrackPtr track; ///< none: nothing to do
        Item item;
        bool end = false;
    };

    std::vector<TrackPtr> tracks() const;
    TrackPtr track_of(GstAggregatorPad *pad) const;
    static void add_buffer(Track &track, GstPtr<GstBuffer> buffer);
    void nudge(GstAggregatorPad *pad);

    GstFlowReturn produce(bool timeout);
    Next take(bool &timeout);
    bool is_awaited(const Track &track) const;
    void set_caps(Track &track, const GstCaps *caps);
    GstFlowReturn push_headers(GstClockTime time, bool with_file_header);
    GstFlowReturn push_item(Track &track, const Item &item);
    GstFlowReturn push_header_tag(const Tag &tag, GstClockTime time);
    bool has_video() const;

    GstAggregator *aggregator_;
    mutable std::mutex lock_;
    std::condition_variable changed_; ///< a queue has room, or nobody shall wait any more
    std::vector<TrackPtr> tracks_;
    GstFlowReturn flow_ = GST_FLOW_OK; ///< what downstream said last, under the lock
    std::atomic<guint64> stream_wait_ = default_stream_wait;

    // The source pad's thread alone.
    bool headers_sent_ = false;
    bool headers_changed_ = false;
    int64_t shift_ = 0; ///< added to all times so that none is negative
    int64_t last_dts_ = 0;
    uint32_t last_ms_ = 0;

    Counters counters_;
};

} // namespace penstock::flv

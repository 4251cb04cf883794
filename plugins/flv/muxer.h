// SPDX-License-Identifier: LGPL-2.1-or-later
// What flvlivemux does: elementary streams in, one FLV tag per buffer out.
#pragma once

#include "flv/codecs.h"
#include "flv/counters.h"
#include "flv/metadata.h"
#include "gst/ptr.h"

#include <gst/base/gstaggregator.h>

#include <deque>
#include <memory>
#include <mutex>
#include <vector>

namespace penstock::flv {

/// GstAggregator calls its subclass when every pad has something. We want more: a pad that never
/// gets caps must not hold up the others, and a little interleaving must not need queues. So every
/// buffer that comes is taken out at once into a queue of ours (at most `stream-wait` deep), and
/// silent pads are given a GAP (a nudge) for each buffer on another pad, to be called.
class Muxer {
public:
    static constexpr GstClockTime default_stream_wait = GST_SECOND;

    explicit Muxer(GstAggregator *aggregator) : aggregator_(aggregator) {}

    // Under GstAggregator's rules: the source pad's thread.
    GstFlowReturn aggregate(bool timeout);
    /// A serialized event of a pad, in its place among the buffers.
    void sink_event(GstAggregatorPad *pad, GstEvent *event);
    GstClockTime next_time();

    // While nothing streams.
    void start();
    /// `with_caps`: what the pads carry, too, is forgotten.
    void reset(bool with_caps);

    // Any thread.
    GstAggregatorPad *new_pad(GstPadTemplate *templ, const char *name);
    void release_pad(GstAggregatorPad *pad);
    /// A buffer or EOS has come in on this pad.
    void nudge_others(GstAggregatorPad *pad, bool ended);
    void count_in(GstBuffer *buffer) { counters_.in(buffer); }
    GstStructure *stats() const;
    std::atomic<guint64> stream_wait = default_stream_wait; ///< nanoseconds

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
        std::deque<Item> queue;
        const Codec *codec = nullptr; ///< nullptr before caps
        GstPtr<GstCaps> caps;
        std::vector<uint8_t> config;
        bool keyframe_seen = false;
        int64_t last = 0; ///< where a buffer without a time goes
        std::optional<int64_t> first;
        std::atomic<bool> has_caps = false;
        std::atomic<bool> nudged = false; ///< a GAP is on its way
        std::atomic<int64_t> depth = 0;   ///< nanoseconds in `queue`
    };
    using TrackPtr = std::shared_ptr<Track>;

    std::vector<TrackPtr> tracks() const;
    void collect(Track &track);
    bool set_caps(Track &track, const GstCaps *caps);
    bool is_ended(const Track &track) const;
    bool is_awaited(const Track &track, const std::vector<TrackPtr> &all) const;
    void apply_leading_caps(Track &track);
    GstFlowReturn push_headers(GstClockTime time, bool with_file_header);
    GstFlowReturn push_item(Track &track, Item item);
    GstFlowReturn push_tag(const Tag &tag, GstClockTime time);
    uint32_t milliseconds(int64_t time) const;
    bool has_video() const;

    GstAggregator *aggregator_;
    mutable std::mutex lock_; ///< of tracks_, nothing else; never held while calling out
    std::vector<TrackPtr> tracks_;

    bool headers_sent_ = false;
    bool headers_changed_ = false;
    int64_t shift_ = 0; ///< added to all times so that none is negative
    int64_t last_dts_ = 0;
    uint32_t last_ms_ = 0;
    Counters counters_;
};

} // namespace penstock::flv

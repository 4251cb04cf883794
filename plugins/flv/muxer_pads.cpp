// SPDX-License-Identifier: LGPL-2.1-or-later
// Pads, events and times of flvlivemux.
#include "flv/muxer.h"

#include <algorithm>

GST_DEBUG_CATEGORY_EXTERN(penstock_flvlivemux_debug);
#define GST_CAT_DEFAULT penstock_flvlivemux_debug

namespace penstock::flv {

void Muxer::start() {
    counters_.start();
    reset(true);
}

void Muxer::reset(bool with_caps) {
    for (const TrackPtr &track : tracks()) {
        track->queue.clear();
        track->keyframe_seen = false;
        track->last = 0;
        track->first.reset();
        track->nudged = false;
        track->depth = 0;
        if (!with_caps) continue;
        track->codec = nullptr;
        track->caps.reset();
        track->config.clear();
        track->has_caps = false;
    }
    headers_sent_ = headers_changed_ = false;
    shift_ = last_dts_ = 0;
    last_ms_ = 0;
}

GstAggregatorPad *Muxer::new_pad(GstPadTemplate *templ, const char *name) {
    GstElement *element = GST_ELEMENT(aggregator_);
    const char *wanted = GST_PAD_TEMPLATE_NAME_TEMPLATE(templ);
    if (auto existing = GstPtr<GstPad>::adopt(gst_element_get_static_pad(element, wanted))) {
        GST_WARNING_OBJECT(element, "there is a pad %s already (%s asked for)", wanted,
                           name ? name : "none");
        return nullptr;
    }
    auto *pad = static_cast<GstAggregatorPad *>(g_object_new(GST_TYPE_AGGREGATOR_PAD, "name",
                                                             wanted, "direction", GST_PAD_SINK,
                                                             "template", templ, nullptr));
    auto track = std::make_shared<Track>();
    // The track's own reference; the floating one is the element's.
    track->pad = GstPtr<GstAggregatorPad>::ref(pad);
    track->video = g_str_equal(wanted, "video");
    std::lock_guard lock(lock_);
    tracks_.push_back(std::move(track));
    return pad;
}

void Muxer::release_pad(GstAggregatorPad *pad) {
    TrackPtr gone; // let go of outside the lock
    std::lock_guard lock(lock_);
    const auto found = std::find_if(tracks_.begin(), tracks_.end(),
                                    [&](const TrackPtr &t) { return t->pad.get() == pad; });
    if (found == tracks_.end()) return;
    gone = std::move(*found);
    tracks_.erase(found);
}

void Muxer::nudge_others(GstAggregatorPad *pad, bool ended) {
    const auto all = tracks();
    const auto own = std::find_if(all.begin(), all.end(),
                                  [&](const TrackPtr &t) { return t->pad.get() == pad; });
    if (own == all.end()) return;
    const bool may_queue = static_cast<guint64>((*own)->depth) < stream_wait;
    for (const TrackPtr &track : all) {
        // A pad with caps counts on being waited for, once our queue is full.
        if (track == *own || (track->has_caps && !may_queue && !ended)) continue;
        if (track->nudged.exchange(true)) continue;
        GstAggregatorPad *other = track->pad.get();
        // Straight into the queue: no stream lock is taken, nothing can block.
        const GstFlowReturn flow =
            GST_AGGREGATOR_GET_CLASS(aggregator_)
                ->sink_event_pre_queue(aggregator_, other,
                                       gst_event_new_gap(0, GST_CLOCK_TIME_NONE));
        if (flow != GST_FLOW_OK) track->nudged = false;
    }
}

void Muxer::sink_event(GstAggregatorPad *pad, GstEvent *event) {
    for (const TrackPtr &track : tracks()) {
        if (track->pad.get() != pad) continue;
        if (GST_EVENT_TYPE(event) == GST_EVENT_CAPS) {
            GstCaps *caps = nullptr;
            gst_event_parse_caps(event, &caps);
            track->has_caps = true;
            Item item;
            item.caps = GstPtr<GstCaps>::ref(caps);
            track->queue.push_back(std::move(item));
        } else if (GST_EVENT_TYPE(event) == GST_EVENT_GAP) {
            // A nudge may come before the pad's first segment.
            GST_OBJECT_LOCK(pad);
            if (pad->segment.format == GST_FORMAT_UNDEFINED)
                gst_segment_init(&pad->segment, GST_FORMAT_TIME);
            GST_OBJECT_UNLOCK(pad);
        }
    }
}

// When a live pipeline stops waiting for the pads that lack data.
GstClockTime Muxer::next_time() {
    const auto all = tracks();
    std::optional<int64_t> first;
    for (const TrackPtr &track : all) {
        if (!headers_sent_ && is_awaited(*track, all)) return GST_CLOCK_TIME_NONE;
        for (const Item &item : track->queue)
            if (item.buffer) {
                if (!first || item.dts < *first) first = item.dts;
                break;
            }
    }
    return first ? static_cast<GstClockTime>(std::max<int64_t>(*first, 0)) : GST_CLOCK_TIME_NONE;
}

GstStructure *Muxer::stats() const {
    guint linked = 0;
    for (const TrackPtr &track : tracks())
        linked += gst_pad_is_linked(GST_PAD(track->pad.get())) ? 1 : 0;
    return counters_.to_structure("flvlivemux-stats", linked);
}

} // namespace penstock::flv

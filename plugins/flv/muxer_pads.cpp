// SPDX-License-Identifier: LGPL-2.1-or-later
// What comes in: pads, their events and queues, and the states.
#include "flv/muxer.h"

#include "gst/running_time.h"

#include <algorithm>

GST_DEBUG_CATEGORY_EXTERN(penstock_flvlivemux_debug);
#define GST_CAT_DEFAULT penstock_flvlivemux_debug

namespace penstock::flv {
namespace {

constexpr const char *nudge_name = "penstock-flvlivemux-nudge";
// Where timestamps don't tell how much waits.
constexpr size_t max_queued = 2000;

} // namespace

const Muxer::Item *Muxer::Track::first_buffer() const {
    for (const Item &item : queue)
        if (item.buffer) return &item;
    return nullptr;
}

bool Muxer::Track::is_full(guint64 wait) const {
    const Item *front = first_buffer();
    if (!front) return false;
    return queue.size() >= max_queued ||
           static_cast<guint64>(std::max<int64_t>(last - front->dts, 0)) >= wait;
}

std::vector<Muxer::TrackPtr> Muxer::tracks() const {
    std::lock_guard lock(lock_);
    return tracks_;
}

Muxer::TrackPtr Muxer::track_of(GstAggregatorPad *pad) const {
    std::lock_guard lock(lock_);
    for (const TrackPtr &track : tracks_)
        if (track->pad.get() == pad) return track;
    return nullptr;
}

void Muxer::start() {
    counters_.start();
    reset(true);
}

void Muxer::reset(bool with_caps) {
    std::lock_guard lock(lock_);
    for (const TrackPtr &track : tracks_) {
        track->queue.clear();
        track->ended = false;
        track->last = 0;
        track->first.reset();
        track->gap_end.reset();
        track->keyframe_seen = false;
        if (!with_caps) continue;
        gst_segment_init(&track->segment, GST_FORMAT_UNDEFINED);
        track->codec = nullptr;
        track->caps.reset();
        track->config.clear();
    }
    flow_ = GST_FLOW_OK;
    headers_sent_ = headers_changed_ = false;
    shift_ = last_dts_ = 0;
    last_ms_ = 0;
}

GstAggregatorPad *Muxer::new_pad(GstPadTemplate *templ, const char *name) {
    GstElement *element = GST_ELEMENT(aggregator_);
    const char *wanted = GST_PAD_TEMPLATE_NAME_TEMPLATE(templ);
    if (auto existing = GstPtr<GstPad>::adopt(gst_element_get_static_pad(element, wanted))) {
        GST_WARNING_OBJECT(element, "there is a pad %s already (%s asked for)", wanted,
                           name ? name : "any");
        return nullptr;
    }
    auto *pad = static_cast<GstAggregatorPad *>(g_object_new(GST_TYPE_AGGREGATOR_PAD, "name",
                                                             wanted, "direction", GST_PAD_SINK,
                                                             "template", templ, nullptr));
    auto track = std::make_shared<Track>();
    // The track's own reference; the floating one is the element's.
    track->pad = GstPtr<GstAggregatorPad>::ref(pad);
    track->video = g_str_equal(wanted, "video");
    gst_segment_init(&track->segment, GST_FORMAT_UNDEFINED);
    std::lock_guard lock(lock_);
    tracks_.push_back(std::move(track));
    return pad;
}

void Muxer::release_pad(GstAggregatorPad *pad) {
    const TrackPtr gone = track_of(pad);
    if (!gone) return;
    TrackPtr other;
    {
        std::lock_guard lock(lock_);
        gone->flushing = true;
        std::erase(tracks_, gone);
        if (!tracks_.empty()) other = tracks_.front();
    }
    changed_.notify_all();
    // The others may have waited for this one.
    if (other) nudge(other->pad.get());
}

void Muxer::pad_activated(GstAggregatorPad *pad, bool active) {
    if (const TrackPtr track = track_of(pad)) {
        std::lock_guard lock(lock_);
        track->flushing = !active;
    }
    changed_.notify_all();
}

void Muxer::set_stream_wait(guint64 nanoseconds) {
    stream_wait_ = nanoseconds;
    changed_.notify_all();
}

// Straight into GstAggregator's queue of events: nothing can block.
void Muxer::nudge(GstAggregatorPad *pad) {
    GST_AGGREGATOR_GET_CLASS(aggregator_)
        ->sink_event_pre_queue(
            aggregator_, pad,
            gst_event_new_custom(GST_EVENT_CUSTOM_DOWNSTREAM, gst_structure_new_empty(nudge_name)));
}

void Muxer::add_buffer(Track &track, GstPtr<GstBuffer> buffer) {
    GstBuffer *raw = buffer.get();
    Item item;
    const auto dts = running_time(track.segment, GST_BUFFER_DTS(raw));
    const auto pts = running_time(track.segment, GST_BUFFER_PTS(raw));
    // Audio decodes in the order it is heard: its PTS is the better known of the two.
    item.dts = track.video ? dts.value_or(pts.value_or(track.last))
                           : pts.value_or(dts.value_or(track.last));
    item.pts = track.video ? pts.value_or(item.dts) : item.dts;
    if (!track.first) track.first = item.dts;
    track.last = item.dts;
    if (GST_BUFFER_DURATION_IS_VALID(raw))
        track.last += static_cast<int64_t>(GST_BUFFER_DURATION(raw));
    item.buffer = std::move(buffer);
    track.queue.push_back(std::move(item));
}

GstFlowReturn Muxer::chain(GstAggregatorPad *pad, GstPtr<GstBuffer> buffer) {
    const TrackPtr track = track_of(pad);
    if (!track) return GST_FLOW_FLUSHING;
    counters_.in(gst_buffer_get_size(buffer.get()));
    {
        std::unique_lock lock(lock_);
        changed_.wait(lock, [&] {
            return track->flushing || flow_ != GST_FLOW_OK || !track->is_full(stream_wait_);
        });
        if (track->flushing) return GST_FLOW_FLUSHING;
        if (flow_ != GST_FLOW_OK) return flow_;
        add_buffer(*track, std::move(buffer));
    }
    nudge(pad);
    return GST_FLOW_OK;
}

void Muxer::event_arrives(GstAggregatorPad *pad, GstEvent *event) {
    const TrackPtr track = track_of(pad);
    if (!track) return;
    std::lock_guard lock(lock_);
    switch (GST_EVENT_TYPE(event)) {
    case GST_EVENT_STREAM_START:
        track->ended = false;
        break;
    case GST_EVENT_CAPS: {
        GstCaps *caps = nullptr;
        gst_event_parse_caps(event, &caps);
        Item item;
        item.caps = GstPtr<GstCaps>::ref(caps);
        track->queue.push_back(std::move(item));
        break;
    }
    case GST_EVENT_SEGMENT:
        gst_event_copy_segment(event, &track->segment);
        break;
    case GST_EVENT_GAP: {
        GstClockTime from = GST_CLOCK_TIME_NONE, duration = GST_CLOCK_TIME_NONE;
        gst_event_parse_gap(event, &from, &duration);
        auto end = running_time(track->segment, from);
        if (end && GST_CLOCK_TIME_IS_VALID(duration)) *end += static_cast<int64_t>(duration);
        if (end) track->gap_end = end;
        break;
    }
    case GST_EVENT_EOS:
        track->ended = true;
        break;
    case GST_EVENT_FLUSH_START:
        track->flushing = true;
        changed_.notify_all();
        break;
    case GST_EVENT_FLUSH_STOP:
        track->flushing = track->ended = false;
        track->gap_end.reset();
        // What the caps are remains true.
        std::erase_if(track->queue, [](const Item &item) { return bool(item.buffer); });
        gst_segment_init(&track->segment, GST_FORMAT_UNDEFINED);
        break;
    default:
        break;
    }
}

bool Muxer::sink_event(GstEvent *event) {
    // GstAggregator would make buffers of gaps, and wait for others to go with them.
    const bool ours =
        gst_event_has_name(event, nudge_name) || GST_EVENT_TYPE(event) == GST_EVENT_GAP;
    if (!ours && GST_EVENT_TYPE(event) != GST_EVENT_EOS && GST_EVENT_TYPE(event) != GST_EVENT_CAPS)
        return false;
    if (aggregate(false) == GST_FLOW_EOS)
        // GstAggregator still waits for pads that don't exist for us.
        gst_pad_push_event(GST_AGGREGATOR_SRC_PAD(aggregator_), gst_event_new_eos());
    return ours;
}

// When a live pipeline stops waiting for the pads that lack data.
GstClockTime Muxer::next_time() const {
    std::lock_guard lock(lock_);
    std::optional<int64_t> first;
    for (const TrackPtr &track : tracks_) {
        if (!headers_sent_ && is_awaited(*track)) return GST_CLOCK_TIME_NONE;
        const Item *item = track->first_buffer();
        if (item && (!first || item->dts < *first)) first = item->dts;
    }
    return first ? static_cast<GstClockTime>(std::max<int64_t>(*first, 0)) : GST_CLOCK_TIME_NONE;
}

GstPtr<GstStructure> Muxer::stats() const {
    guint linked = 0;
    for (const TrackPtr &track : tracks())
        linked += gst_pad_is_linked(GST_PAD(track->pad.get())) ? 1 : 0;
    return counters_.with_peers(linked).to_structure();
}

} // namespace penstock::flv

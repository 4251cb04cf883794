// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/live_muxer.h"

#include "gst/no_stream.h"
#include "gst/running_time.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

namespace penstock {
namespace {

constexpr const char *nudge_name = "penstock-muxer-nudge";
// Upper bound of a queue if timestamps do not limit it.
constexpr size_t max_queued = 2000;
// An encoder has begun by then.
constexpr auto longest_without_video = std::chrono::seconds(8);

} // namespace

bool LiveMuxer::has_video() const {
    const auto all = tracks();
    return std::any_of(all.begin(), all.end(),
                       [](const TrackPtr &t) { return t->video && t->known; });
}

// Whether the start must wait for this pad's caps, and until when. Data of the other pads does not
// suffice to decide: it may come from a file faster than an encoder before this pad starts.
bool LiveMuxer::is_awaited(const Track &track, std::optional<Steady::time_point> *until) const {
    if (track.known || track.is_over() || stream_wait_ == 0 ||
        !gst_pad_is_linked(GST_PAD(track.pad.get())))
        return false;
    int64_t most = 0;
    bool any_ended = false;
    for (const TrackPtr &other : tracks_) {
        if (other->first) most = std::max(most, other->last - *other->first);
        any_ended = any_ended || (other->first && other->ended);
    }
    if (!any_ended && static_cast<guint64>(most) < stream_wait_) return true;
    const auto end = first_at_ + std::chrono::nanoseconds(stream_wait_.load());
    if (Steady::now() >= end) return false;
    if (until) *until = end;
    return true;
}

// Whether nothing may come out, since no pad has video yet.
bool LiveMuxer::lacks_video() const {
    return waits_for_video_ &&
           std::none_of(tracks_.begin(), tracks_.end(),
                        [](const TrackPtr &track) { return track->video && track->known; });
}

// As long as lacks_video(): drops what the pads have, but for the last stream_wait(), which may
// belong to the first video. Returns false once there is video.
bool LiveMuxer::drop_without_video() {
    if (!lacks_video()) return false;
    for (const TrackPtr &track : tracks_)
        while (!track->queue.empty() && track->queue.front().buffer &&
               (track->ended || track->is_full(stream_wait_))) {
            track->queue.pop_front();
            ++counters_.drops;
        }
    return true;
}

// Determines the next action. `timeout`: do not wait for pads without data, once.
LiveMuxer::Next LiveMuxer::take(bool &timeout) {
    std::lock_guard lock(lock_);
    bool any_over = false, all_over = true;
    TrackPtr next;
    auto pop = [](const TrackPtr &track) {
        Next result{track, std::move(track->queue.front())};
        track->queue.pop_front();
        return result;
    };
    const auto with_caps = [&] {
        const auto found = std::find_if(tracks_.begin(), tracks_.end(), [](const TrackPtr &track) {
            return !track->queue.empty() && track->queue.front().caps;
        });
        return found == tracks_.end() ? TrackPtr() : *found;
    };
    // Caps first: they may be those of the video.
    if (const TrackPtr track = with_caps()) return pop(track);
    if (drop_without_video()) {
        if (const TrackPtr track = with_caps()) return pop(track);
        // The video's pad may never get to know that there is none.
        const bool over = std::all_of(tracks_.begin(), tracks_.end(), [](const TrackPtr &track) {
            return !track->known || track->is_over();
        });
        const bool any = std::any_of(tracks_.begin(), tracks_.end(),
                                     [](const TrackPtr &track) { return track->is_over(); });
        return {nullptr, {}, over && any};
    }
    for (const TrackPtr &track : tracks_) {
        // Buffers without usable caps are dropped.
        while (!track->known && track->queue.size() && track->queue.front().buffer) {
            track->queue.pop_front();
            ++counters_.drops;
        }
        std::optional<Steady::time_point> until;
        if (!begun_ && is_awaited(*track, &until)) return {nullptr, {}, false, until};
        any_over = any_over || track->is_over();
        if (!track->known) continue; // the pad does not exist (yet)
        all_over = all_over && track->is_over();
        if (track->queue.size() && (!next || track->queue.front().dts < next->queue.front().dts))
            next = track;
    }
    if (!next) return {nullptr, {}, any_over && all_over};
    const int64_t time = next->queue.front().dts;
    const bool may_be_early =
        interleaves_ && std::any_of(tracks_.begin(), tracks_.end(), [&](const TrackPtr &t) {
            return t->known && t->queue.empty() && !t->ended && (!t->gap_end || *t->gap_end < time);
        });
    if (may_be_early && !timeout) return {};
    timeout = false;
    return pop(next);
}

void LiveMuxer::wake() {
    GstPtr<GstAggregatorPad> pad;
    {
        std::lock_guard lock(lock_);
        if (!tracks_.empty()) pad = tracks_.front()->pad;
    }
    if (pad) nudge(pad.get());
}

/// With wait-for-video: says that there is none, once the others have sent for long, and takes it
/// back.
void LiveMuxer::tell_of_video() {
    if (!waits_for_video_) return;
    bool lacks = false;
    {
        std::lock_guard lock(lock_);
        lacks = lacks_video() && first_at_ != Steady::time_point::max() &&
                Steady::now() - first_at_ > longest_without_video;
        if (std::exchange(has_no_video_, lacks) == lacks) return;
    }
    post_no_stream(GST_ELEMENT(aggregator_), aggregator_->srcpad, lacks ? "no video has come" : "");
}

GstFlowReturn LiveMuxer::produce(bool timeout) {
    for (;;) {
        tell_of_video();
        const Next next = take(timeout);
        changed_.notify_all();
        if (next.again_at) {
            // GstAggregator has no timer for non-live pipelines, and its thread must not wait here:
            // an encoder's query waits for it, and the caps follow the query.
            alarm_.set(*next.again_at);
            return GST_AGGREGATOR_FLOW_NEED_DATA;
        }
        if (next.end) {
            const GstFlowReturn flow = finish();
            return flow == GST_FLOW_OK ? GST_FLOW_EOS : flow;
        }
        if (!next.track) return GST_AGGREGATOR_FLOW_NEED_DATA;
        if (next.item.caps) {
            set_caps(*next.track, next.item.caps.get());
            continue;
        }
        if (const GstFlowReturn flow = push(*next.track, next.item); flow != GST_FLOW_OK)
            return flow;
    }
}

GstFlowReturn LiveMuxer::aggregate(bool timeout) {
    {
        std::lock_guard lock(lock_);
        if (flow_ != GST_FLOW_OK) return flow_;
    }
    const GstFlowReturn flow = produce(timeout);
    if (flow != GST_FLOW_OK && flow != GST_AGGREGATOR_FLOW_NEED_DATA) {
        std::lock_guard lock(lock_);
        flow_ = flow;
        changed_.notify_all();
    }
    return flow;
}

const LiveMuxer::Item *LiveMuxer::Track::first_buffer() const {
    for (const Item &item : queue)
        if (item.buffer) return &item;
    return nullptr;
}

bool LiveMuxer::Track::is_full(guint64 wait) const {
    const Item *front = first_buffer();
    if (!front) return false;
    return queue.size() >= max_queued ||
           static_cast<guint64>(std::max<int64_t>(last - front->dts, 0)) >= wait;
}

std::vector<LiveMuxer::TrackPtr> LiveMuxer::tracks() const {
    std::lock_guard lock(lock_);
    return tracks_;
}

LiveMuxer::TrackPtr LiveMuxer::track_of(GstAggregatorPad *pad) const {
    std::lock_guard lock(lock_);
    for (const TrackPtr &track : tracks_)
        if (track->pad.get() == pad) return track;
    return nullptr;
}

void LiveMuxer::start() {
    counters_.start();
    reset(true);
}

void LiveMuxer::reset(bool with_caps) {
    alarm_.cancel();
    std::lock_guard lock(lock_);
    for (const TrackPtr &track : tracks_) {
        track->queue.clear();
        track->ended = track->nudged = false;
        track->last = 0;
        track->first.reset();
        track->gap_end.reset();
        if (with_caps) {
            gst_segment_init(&track->segment, GST_FORMAT_UNDEFINED);
            track->known = false;
        }
        reset_track(*track, with_caps);
    }
    flow_ = GST_FLOW_OK;
    first_at_ = Steady::time_point::max();
    has_no_video_ = false;
    begun_ = false;
    reset_output();
}

/// The number in the name that was asked for, or the lowest free one; 0 if there is none.
uint8_t LiveMuxer::number_of(const char *name, bool video) const {
    if (name && !strchr(name, '%')) {
        const char *digits = strchr(name, '_');
        guint64 number = 0;
        const bool valid =
            digits && g_ascii_string_to_unsigned(digits + 1, 10, 1, 255, &number, nullptr);
        return valid ? static_cast<uint8_t>(number) : 0;
    }
    const auto all = tracks();
    for (unsigned id = 1; id <= 255; ++id)
        if (std::none_of(all.begin(), all.end(), [&](const TrackPtr &track) {
                return track->id == id && track->video == video;
            }))
            return static_cast<uint8_t>(id);
    return 0;
}

GstAggregatorPad *LiveMuxer::new_pad(GstPadTemplate *templ, const char *name) {
    GstElement *element = GST_ELEMENT(aggregator_);
    const char *wanted = GST_PAD_TEMPLATE_NAME_TEMPLATE(templ);
    const bool video = g_str_has_prefix(wanted, "video");
    uint8_t id = 0;
    std::string numbered;
    if (g_str_has_suffix(wanted, "_%u")) {
        id = number_of(name, video);
        if (id == 0) {
            GST_WARNING_OBJECT(element, "no pad %s: numbers are 1 to 255", name ? name : wanted);
            return nullptr;
        }
        numbered = (video ? "video_" : "audio_") + std::to_string(id);
        wanted = numbered.c_str();
    }
    if (auto existing = GstPtr<GstPad>::adopt(gst_element_get_static_pad(element, wanted))) {
        GST_WARNING_OBJECT(element, "there is a pad %s already (%s asked for)", wanted,
                           name ? name : "any");
        return nullptr;
    }
    auto *pad = static_cast<GstAggregatorPad *>(g_object_new(GST_TYPE_AGGREGATOR_PAD, "name",
                                                             wanted, "direction", GST_PAD_SINK,
                                                             "template", templ, nullptr));
    auto track = make_track();
    // The track has its own reference; the floating one becomes the element's.
    track->pad = GstPtr<GstAggregatorPad>::ref(pad);
    track->video = video;
    track->id = id;
    gst_segment_init(&track->segment, GST_FORMAT_UNDEFINED);
    std::lock_guard lock(lock_);
    tracks_.push_back(std::move(track));
    return pad;
}

void LiveMuxer::release_pad(GstAggregatorPad *pad) {
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
    // The others may have waited for this pad.
    if (other) nudge(other->pad.get());
}

void LiveMuxer::pad_activated(GstAggregatorPad *pad, bool active) {
    if (const TrackPtr track = track_of(pad)) {
        std::lock_guard lock(lock_);
        track->flushing = !active;
        track->nudged = false;
    }
    changed_.notify_all();
}

void LiveMuxer::set_stream_wait(guint64 nanoseconds) {
    stream_wait_ = nanoseconds;
    changed_.notify_all();
    alarm_.ring_now(); // the waiting time is computed anew
}

void LiveMuxer::set_waits_for_video(bool waits) {
    waits_for_video_ = waits;
}

// Goes directly to GstAggregator's event queue and can't block. Returns false if it is not taken.
bool LiveMuxer::nudge(GstAggregatorPad *pad) {
    return GST_AGGREGATOR_GET_CLASS(aggregator_)
               ->sink_event_pre_queue(aggregator_, pad,
                                      gst_event_new_custom(GST_EVENT_CUSTOM_DOWNSTREAM,
                                                           gst_structure_new_empty(nudge_name))) ==
           GST_FLOW_OK;
}

void LiveMuxer::add_buffer(Track &track, GstPtr<GstBuffer> buffer) {
    GstBuffer *raw = buffer.get();
    Item item;
    const auto dts = running_time(track.segment, GST_BUFFER_DTS(raw));
    const auto pts = running_time(track.segment, GST_BUFFER_PTS(raw));
    // Audio is decoded in presentation order, so its PTS is the more reliable one.
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

GstFlowReturn LiveMuxer::chain(GstAggregatorPad *pad, GstPtr<GstBuffer> buffer) {
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
        if (!track->first) first_at_ = std::min(first_at_, Steady::now());
        add_buffer(*track, std::move(buffer));
        // A nudge that the source pad's thread has not seen yet stands for this buffer, too.
        if (std::exchange(track->nudged, true)) return GST_FLOW_OK;
    }
    if (!nudge(pad)) {
        std::lock_guard lock(lock_);
        track->nudged = false;
    }
    return GST_FLOW_OK;
}

void LiveMuxer::event_arrives(GstAggregatorPad *pad, GstEvent *event) {
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
    case GST_EVENT_FLUSH_START: // GstAggregator drops its events, nudges among them
        track->flushing = true;
        track->nudged = false;
        changed_.notify_all();
        break;
    case GST_EVENT_FLUSH_STOP:
        track->flushing = track->ended = track->nudged = false;
        track->gap_end.reset();
        // The caps remain valid.
        std::erase_if(track->queue, [](const Item &item) { return bool(item.buffer); });
        gst_segment_init(&track->segment, GST_FORMAT_UNDEFINED);
        break;
    default:
        break;
    }
}

bool LiveMuxer::sink_event(GstAggregatorPad *pad, GstEvent *event) {
    const bool is_nudge = gst_event_has_name(event, nudge_name);
    if (is_nudge) {
        std::lock_guard lock(lock_);
        for (const TrackPtr &track : tracks_)
            if (track->pad.get() == pad) track->nudged = false;
    }
    // GstAggregator would turn gaps into buffers and wait for the other pads.
    const bool ours = is_nudge || GST_EVENT_TYPE(event) == GST_EVENT_GAP;
    if (!ours && GST_EVENT_TYPE(event) != GST_EVENT_EOS && GST_EVENT_TYPE(event) != GST_EVENT_CAPS)
        return false;
    if (aggregate(false) == GST_FLOW_EOS)
        // GstAggregator still waits for pads that are ignored here.
        gst_pad_push_event(GST_AGGREGATOR_SRC_PAD(aggregator_), gst_event_new_eos());
    return ours;
}

// The time when a live pipeline stops waiting for pads without data.
GstClockTime LiveMuxer::next_time() const {
    std::lock_guard lock(lock_);
    // A time that is over while take() gives nothing would make GstAggregator's loop spin.
    if (lacks_video()) return GST_CLOCK_TIME_NONE;
    std::optional<int64_t> first;
    for (const TrackPtr &track : tracks_) {
        if (!begun_ && is_awaited(*track)) return GST_CLOCK_TIME_NONE;
        const Item *item = track->first_buffer();
        if (item && (!first || item->dts < *first)) first = item->dts;
    }
    return first ? static_cast<GstClockTime>(std::max<int64_t>(*first, 0)) : GST_CLOCK_TIME_NONE;
}

GstPtr<GstStructure> LiveMuxer::stats() const {
    guint linked = 0;
    for (const TrackPtr &track : tracks())
        linked += gst_pad_is_linked(GST_PAD(track->pad.get())) ? 1 : 0;
    return counters_.with_peers(linked).to_structure();
}

} // namespace penstock

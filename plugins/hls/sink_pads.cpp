// SPDX-License-Identifier: LGPL-2.1-or-later
// Buffers, events and queries on the sink pads.
#include "hls/sink.h"

#include "gst/bytes.h"
#include "gst/nonblocking.h"
#include "gst/running_time.h"
#include "gst/sample_format.h"
#include "hls/about.h"
#include "hls/cmaf_caps.h"

#include <algorithm>
#include <utility>

GST_DEBUG_CATEGORY_EXTERN(penstock_hls_segmenter_debug);
#define GST_CAT_DEFAULT penstock_hls_segmenter_debug

namespace penstock::hls {
namespace {

/// A live stream's cached GOP has arrived after this time; ns.
constexpr int64_t beginning = 2 * GST_SECOND;
/// A cached GOP is no longer.
constexpr int64_t longest_burst = 60 * GST_SECOND;
constexpr int64_t usual_lateness = GST_SECOND / 2;

} // namespace

Sink::Input *Sink::find(GstPad *pad) const {
    const auto found = std::find_if(inputs_.begin(), inputs_.end(),
                                    [&](const auto &input) { return input->pad == pad; });
    return found == inputs_.end() ? nullptr : found->get();
}

std::optional<Media> Sink::media_of(GstPad *pad) const {
    std::lock_guard lock(mutex_);
    const Input *in = find(pad);
    return in ? std::optional(in->media) : std::nullopt;
}

std::vector<GstPtr<GstPad>> Sink::linked_pads() const {
    std::vector<GstPtr<GstPad>> pads;
    {
        std::lock_guard lock(mutex_);
        for (const auto &in : inputs_)
            pads.push_back(GstPtr<GstPad>::ref(in->pad));
    }
    std::erase_if(pads, [](const auto &pad) { return !gst_pad_is_linked(pad.get()); });
    return pads;
}

/// Whether the latency query reports that upstream is live. With `remember` the answer is kept for
/// the rest of the stream.
bool Sink::is_live(GstPad *pad, bool remember) {
    {
        std::lock_guard lock(mutex_);
        if (const Input *in = find(pad); in && in->live) return *in->live;
    }
    auto query = GstPtr<GstQuery>::adopt(gst_query_new_latency());
    gboolean live = FALSE;
    if (gst_pad_peer_query(pad, query.get()))
        gst_query_parse_latency(query.get(), &live, nullptr, nullptr);
    if (!remember) return live;
    std::lock_guard lock(mutex_);
    if (Input *in = find(pad)) in->live = live;
    if (presentation_) {
        const bool realtime = std::any_of(inputs_.begin(), inputs_.end(), [&](const auto &in) {
            return in->live && (*in->live || waits(*in->live));
        });
        presentation_->set_realtime(realtime);
        realtime_ = realtime;
    }
    return live;
}

/// Empty without a clock.
std::optional<int64_t> Sink::running_now() const {
    const auto clock = GstPtr<GstClock>::adopt(gst_element_get_clock(element_));
    if (!clock) return std::nullopt;
    return static_cast<int64_t>(gst_clock_get_time(clock.get())) -
           static_cast<int64_t>(gst_element_get_base_time(element_));
}

/// A live stream may begin with a cached GOP: seconds that are past, all at once. Their dates are
/// in the past too, and those of what follows go on from there.
void Sink::note_lateness(int64_t lateness) {
    const int64_t at = g_get_monotonic_time() * 1000;
    lateness = lateness > 0 && lateness < longest_burst ? lateness : 0;
    if (begun_at_ == 0) {
        begun_at_ = at;
        least_lateness_ = lateness;
    }
    least_lateness_ = std::min(least_lateness_, lateness);
    lateness_ = lateness;
    if (at - begun_at_ < beginning) return;
    begins_ = false;
    // Less than that is what every stream is late.
    lateness_ = least_lateness_ < usual_lateness ? 0 : least_lateness_;
}

// Takes mutex_ once for a buffer, unless it waits or finishes a segment.
GstFlowReturn Sink::chain(GstPad *pad, GstPtr<GstBuffer> buffer) {
    Sample sample;
    sample.data = bytes_of(buffer.get());
    const GstClockTime dts = GST_BUFFER_DTS(buffer.get()), pts = GST_BUFFER_PTS(buffer.get());
    if (GST_BUFFER_DURATION_IS_VALID(buffer.get()))
        sample.duration = static_cast<int64_t>(
            std::min<GstClockTime>(GST_BUFFER_DURATION(buffer.get()), 3600 * GST_SECOND));
    sample.keyframe = !GST_BUFFER_FLAG_IS_SET(buffer.get(), GST_BUFFER_FLAG_DELTA_UNIT);
    sample.discontinuity = GST_BUFFER_FLAG_IS_SET(buffer.get(), GST_BUFFER_FLAG_DISCONT);
    buffer.reset();

    const auto now = begins_ ? running_now() : std::nullopt;

    Lock lock(mutex_);
    Input *const found = find(pad);
    if (!found) return GST_FLOW_FLUSHING;
    Input &in = *found;
    if (!in.live) {
        lock.unlock();
        is_live(pad, true);
        lock.lock();
    }
    if (stopping_ || in.flushing || !presentation_) return GST_FLOW_FLUSHING;
    if (in.eos) return GST_FLOW_EOS;
    if (!in.have_segment) return GST_FLOW_ERROR;
    counters_.in(sample.data.size());

    const auto decoded = running_time(in.segment, dts), shown = running_time(in.segment, pts);
    if (!shown && !decoded) {
        if (dropped_++ == 0)
            GST_WARNING_OBJECT(pad, "dropping buffers without timestamps: put a parser in front");
        return GST_FLOW_OK;
    }
    sample.pts = shown.value_or(decoded.value_or(0));
    if (in.media == Media::video) sample.dts = decoded;
    const guint64 position = gst_segment_to_stream_time(&in.segment, GST_FORMAT_TIME,
                                                        GST_CLOCK_TIME_IS_VALID(pts) ? pts : dts);
    if (waits(in.live.value_or(false))) {
        lock.unlock();
        const GstFlowReturn flow =
            wait_for(pad, std::min(sample.pts, decoded.value_or(sample.pts)));
        if (flow != GST_FLOW_OK) return flow;
        lock.lock();
        if (stopping_ || in.flushing || !presentation_) return GST_FLOW_FLUSHING;
    }
    if (in.media == Media::metadata) {
        in.reached = sample.pts;
        add_metadata(sample.pts, std::move(sample.data));
        return GST_FLOW_OK;
    }
    if (!in.track) {
        ++dropped_;
        return GST_FLOW_OK;
    }
    if (in.media == Media::subtitles) {
        in.reached = sample.pts;
        add_text(in, sample.pts, sample.duration, sample.data);
        const bool is_text_due = presentation_->has_output();
        lock.unlock();
        if (is_text_due) deliver();
        return GST_FLOW_OK;
    }
    if (now && playing_ && in.live.value_or(false)) note_lateness(*now - sample.pts);
    if (output_) output_->note_media();
    if (GST_CLOCK_TIME_IS_VALID(position)) in.position = static_cast<int64_t>(position);
    furthest_ = std::max(furthest_, in.position);
    in.reached = sample.pts;
    if (!in.title.empty())
        presentation_->add_metadata({sample.pts, std::exchange(in.title, Bytes())});
    presentation_->add(*in.track, std::move(sample));
    const bool is_due = presentation_->has_output() || (output_ && output_->reports());
    lock.unlock();
    if (is_due) deliver();
    return GST_FLOW_OK;
}

bool Sink::event(GstPad *pad, GstPtr<GstEvent> event) {
    GST_LOG_OBJECT(pad, "%" GST_PTR_FORMAT, event.get());
    switch (GST_EVENT_TYPE(event.get())) {
    case GST_EVENT_STREAM_START:
        on_stream_start(pad, event.get());
        return true;
    case GST_EVENT_CAPS:
        return on_caps(pad, event.get());
    case GST_EVENT_TAG:
        on_tags(pad, event.get());
        return true;
    case GST_EVENT_SEGMENT:
        return on_segment(pad, event.get());
    case GST_EVENT_GAP:
        on_gap(pad, event.get());
        return true;
    case GST_EVENT_FLUSH_START:
    case GST_EVENT_FLUSH_STOP:
        on_flush(pad, event.get());
        return true;
    case GST_EVENT_EOS:
        on_eos(pad, event.get());
        return true;
    case GST_EVENT_CUSTOM_DOWNSTREAM:
    case GST_EVENT_CUSTOM_DOWNSTREAM_OOB:
    case GST_EVENT_CUSTOM_DOWNSTREAM_STICKY:
        on_custom(pad, event.get());
        return true;
    default:
        return true; // a sink has nothing downstream
    }
}

bool Sink::on_caps(GstPad *pad, GstEvent *event) {
    const auto media = media_of(pad);
    if (!media) return false;
    GstCaps *caps = nullptr;
    gst_event_parse_caps(event, &caps);
    if (*media == Media::subtitles || *media == Media::metadata) {
        std::lock_guard lock(mutex_);
        Input *in = find(pad);
        if (!in) return false;
        in->caps = GstPtr<GstCaps>::ref(caps);
        in->text_form = text_form_of(caps);
        describe(*in);
        return true;
    }
    const Kind kind = kind_of(*media);
    FormatPtr format;
    const bool cmaf = settings().container == ContainerType::cmaf;
    const Result result = cmaf ? cmaf_format_of(kind, caps, format) : format_of(kind, caps, format);
    if (result.is_error()) {
        GST_ELEMENT_WARNING(element_, STREAM, FORMAT,
                            ("Can't take this %s: %s", name_of(*media), result.reason().c_str()),
                            ("%" GST_PTR_FORMAT, caps));
        return false;
    }
    std::lock_guard lock(mutex_);
    Input *in = find(pad);
    if (!in) return false;
    in->caps = GstPtr<GstCaps>::ref(caps);
    if (!presentation_ || !in->track) return true;
    describe(*in);
    presentation_->set_format(*in->track, std::move(format));
    return true;
}

void Sink::on_tags(GstPad *pad, GstEvent *event) {
    GstTagList *tags = nullptr;
    gst_event_parse_tag(event, &tags);
    std::lock_guard lock(mutex_);
    Input *in = find(pad);
    if (!in) return;
    // A later list adds to an earlier one.
    GstTagList *merged = gst_tag_list_merge(in->tags, tags, GST_TAG_MERGE_REPLACE);
    if (merged && gst_tag_list_get_scope(tags) == GST_TAG_SCOPE_STREAM)
        gst_tag_list_set_scope(merged, GST_TAG_SCOPE_STREAM);
    if (in->tags) gst_tag_list_unref(in->tags);
    in->tags = merged;
    describe(*in);
    tell_title(*in);
}

void Sink::on_stream_start(GstPad *pad, GstEvent *event) {
    guint group = GST_GROUP_ID_INVALID;
    gst_event_parse_group_id(event, &group);
    {
        std::lock_guard lock(mutex_);
        Input *in = find(pad);
        if (!in) return;
        in->eos = false;
        in->live.reset();
        if (in->tags) gst_tag_list_unref(std::exchange(in->tags, nullptr)); // of another stream
        ended_ = eos_pending_ = false;
        if (std::exchange(stream_start_posted_, true)) return;
    }
    GstMessage *message = gst_message_new_stream_start(GST_OBJECT(element_));
    gst_message_set_seqnum(message, gst_event_get_seqnum(event));
    if (group != GST_GROUP_ID_INVALID) gst_message_set_group_id(message, group);
    gst_element_post_message(element_, message);
}

bool Sink::on_segment(GstPad *pad, GstEvent *event) {
    const GstSegment *segment = nullptr;
    gst_event_parse_segment(event, &segment);
    const bool timed = segment->format == GST_FORMAT_TIME;
    if (!timed)
        GST_ELEMENT_ERROR(element_, STREAM, FORMAT,
                          ("This stream has no time: put a demuxer or a parser in front."),
                          ("%" GST_PTR_FORMAT, event));
    std::lock_guard lock(mutex_);
    Input *in = find(pad);
    if (!in) return false;
    in->have_segment = timed;
    if (timed) gst_segment_copy_into(segment, &in->segment);
    return timed;
}

void Sink::on_gap(GstPad *pad, GstEvent *event) {
    GstClockTime time = GST_CLOCK_TIME_NONE, duration = GST_CLOCK_TIME_NONE;
    gst_event_parse_gap(event, &time, &duration);
    {
        std::lock_guard lock(mutex_);
        const Input *in = find(pad);
        if (!presentation_ || !in || !in->have_segment || !in->track) return;
        const auto from = running_time(in->segment, time);
        if (!from) return;
        int64_t end = *from;
        if (GST_CLOCK_TIME_IS_VALID(duration)) end += static_cast<int64_t>(duration);
        if (in->media == Media::subtitles)
            presentation_->gap_text(*in->track, end);
        else
            presentation_->gap(*in->track, end);
    }
    deliver();
}

void Sink::on_flush(GstPad *pad, GstEvent *event) {
    const bool start = GST_EVENT_TYPE(event) == GST_EVENT_FLUSH_START;
    std::lock_guard lock(mutex_);
    Input *const found = find(pad);
    if (!found) return;
    Input &in = *found;
    in.flushing = start;
    if (start) {
        unschedule(in);
    } else {
        in.eos = in.have_segment = false;
        gst_segment_init(&in.segment, GST_FORMAT_UNDEFINED);
        ended_ = eos_pending_ = false;
        // The segmenter is flushed once for all pads, since the first pad may already be sending
        // again.
        const guint32 seqnum = gst_event_get_seqnum(event);
        if (presentation_ && std::exchange(flush_seqnum_, seqnum) != seqnum) presentation_->flush();
    }
    changed_.notify_all();
}

void Sink::on_eos(GstPad *pad, GstEvent *event) {
    {
        std::lock_guard lock(mutex_);
        Input *in = find(pad);
        if (!presentation_ || !in) return;
        in->eos = true;
        eos_seqnum_ = gst_event_get_seqnum(event);
        if (in->track && in->media == Media::subtitles)
            presentation_->end_text(*in->track);
        else if (in->track)
            presentation_->end(*in->track);
    }
    deliver();
    check_eos();
}

bool Sink::query(GstPad *pad, GstQuery *query) {
    if (is_nonblocking_query(query)) {
        const auto media = media_of(pad);
        const Settings s = settings();
        bool yes = media && is_nonblocking_location(s.location) && s.sync != Sync::yes;
        // With sync=auto a non-live source is synchronised to the clock here, which blocks. The
        // answer is not kept, because a source may not know it before its stream starts.
        if (yes && s.sync == Sync::automatic) yes = is_live(pad, false);
        answer_nonblocking(query, yes);
        return true;
    }
    if (GST_QUERY_TYPE(query) == GST_QUERY_ALLOCATION) return false;
    if (GST_QUERY_TYPE(query) == GST_QUERY_CAPS || GST_QUERY_TYPE(query) == GST_QUERY_ACCEPT_CAPS)
        return query_caps(pad, query);
    return gst_pad_query_default(pad, GST_OBJECT(element_), query);
}

/// The template has the caps of all containers; a pad those of the chosen one.
bool Sink::query_caps(GstPad *pad, GstQuery *query) {
    const auto media = media_of(pad);
    if (!media) return false;
    auto caps = caps_of(*media, settings().container);
    if (GST_QUERY_TYPE(query) == GST_QUERY_ACCEPT_CAPS) {
        GstCaps *offered = nullptr;
        gst_query_parse_accept_caps(query, &offered);
        gst_query_set_accept_caps_result(query, gst_caps_is_subset(offered, caps.get()));
        return true;
    }
    GstCaps *filter = nullptr;
    gst_query_parse_caps(query, &filter);
    if (filter)
        caps = GstPtr<GstCaps>::adopt(
            gst_caps_intersect_full(filter, caps.get(), GST_CAPS_INTERSECT_FIRST));
    gst_query_set_caps_result(query, caps.get());
    return true;
}

bool Sink::element_query(GstQuery *query, gboolean *result) {
    switch (GST_QUERY_TYPE(query)) {
    case GST_QUERY_LATENCY: {
        gboolean live = FALSE;
        GstClockTime min = 0, max = GST_CLOCK_TIME_NONE;
        for (const auto &pad : linked_pads()) {
            auto peer = GstPtr<GstQuery>::adopt(gst_query_new_latency());
            if (!gst_pad_peer_query(pad.get(), peer.get())) continue;
            gboolean pad_live = FALSE;
            GstClockTime pad_min = 0, pad_max = 0;
            gst_query_parse_latency(peer.get(), &pad_live, &pad_min, &pad_max);
            if (!pad_live) continue;
            live = TRUE;
            min = std::max(min, pad_min);
            max = std::min(max, pad_max); // GST_CLOCK_TIME_NONE is the maximum value
        }
        gst_query_set_latency(query, live, min, max);
        *result = TRUE;
        return true;
    }
    case GST_QUERY_POSITION: {
        GstFormat format = GST_FORMAT_UNDEFINED;
        gst_query_parse_position(query, &format, nullptr);
        std::lock_guard lock(mutex_);
        // Where the slowest has come to: of a file some may be far behind the others.
        int64_t least = -1, most = -1;
        for (const auto &in : inputs_) {
            most = std::max(most, in->position);
            const bool is_awaited = !in->eos && (in->position >= 0 || in->caps);
            const int64_t position = std::max<int64_t>(in->position, 0);
            if (is_awaited && (least < 0 || position < least)) least = position;
        }
        if (format != GST_FORMAT_TIME || most < 0) return false;
        gst_query_set_position(query, GST_FORMAT_TIME, least < 0 ? most : least);
        *result = TRUE;
        return true;
    }
    default:
        return false;
    }
}

bool Sink::send_upstream(GstPtr<GstEvent> event) {
    // A seek goes to a single pad, or it would be executed twice. Latency concerns every pad.
    const bool everywhere = GST_EVENT_TYPE(event.get()) == GST_EVENT_LATENCY;
    bool sent = everywhere;
    for (const auto &pad : linked_pads()) {
        const bool taken =
            gst_pad_push_event(pad.get(), GstPtr<GstEvent>(event).release()) != FALSE;
        sent = sent || taken;
        if (taken && !everywhere) break;
    }
    return sent;
}

} // namespace penstock::hls

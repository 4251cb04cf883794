// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/tag_source.h"

#include "core/flv/config_version.h"
#include "gst/bytes.h"
#include "gst/gone_event.h"
#include "gst/guard.h"
#include "gst/keyframe_request.h"
#include "gst/nonblocking.h"

#include <algorithm>

GST_DEBUG_CATEGORY_STATIC(tag_source_debug);
#define GST_CAT_DEFAULT tag_source_debug

namespace penstock {
namespace {

void append_header(GValue *array, const Bytes &bytes) {
    GValue value = G_VALUE_INIT;
    g_value_init(&value, GST_TYPE_BUFFER);
    auto buffer = buffer_of(bytes);
    GST_BUFFER_FLAG_SET(buffer.get(), GST_BUFFER_FLAG_HEADER);
    gst_value_take_buffer(&value, buffer.release());
    gst_value_array_append_and_take_value(array, &value);
}

} // namespace

TagSource::TagSource(GstElement *element, GstPad *pad) : element_(element), pad_(pad) {
    [[maybe_unused]] static const bool registered = [] {
        GST_DEBUG_CATEGORY_INIT(tag_source_debug, "penstock-tag-source", 0, "Sources of FLV tags");
        return true;
    }();
}

// --- set-up -------------------------------------------------------------------------------

void TagSource::open_queue(size_t max_bytes) {
    queue_.open(!peer_is_nonblocking(pad_), max_bytes);
    started_ = has_video_ = false;
    discont_ = true;
    normalizer_.reset();
    headers_version_ = normalizer_.headers().version;
    timeline_.emplace(rtmp::Timeline::Resume::at_arrival);
    counters_.start();
}

bool TagSource::release_queue() {
    switch (queue_.release()) {
    case PushNext::item:
        drain_elsewhere();
        return true;
    case PushNext::task:
        return start_task();
    case PushNext::nothing:
        return true;
    }
    return true;
}

void TagSource::cancel_queue() {
    queue_.close();
    queue_.release();
}

void TagSource::close_queue() {
    queue_.close();
    queue_.wait_idle();
    gst_pad_stop_task(pad_);
    clock_.reset();
}

bool TagSource::start_task() {
    const bool started = gst_pad_start_task(
        pad_,
        [](gpointer p) {
            auto *self = static_cast<TagSource *>(p);
            guard(self->element_, [self] { self->loop(); });
        },
        this, nullptr);
    queue_.hand_to_task();
    return started;
}

void TagSource::set_playing(bool playing) {
    if (queue_.set_playing(playing)) drain_elsewhere();
}

void TagSource::end_of_stream() {
    enqueue({Item::eos});
    drain_elsewhere();
}

void TagSource::reconfigure() {
    if (!peer_is_nonblocking(pad_) && queue_.want_task()) start_task();
}

// --- network loop -------------------------------------------------------------------------

void TagSource::enqueue(Item &&item) {
    const size_t size = item.flv.bytes.size();
    queue_.put(std::move(item), size);
}

void TagSource::put_began(const std::string &who) {
    enqueue({Item::began, {}, who});
    drain();
}

bool TagSource::put_tag(flv::Tag &&tag) {
    counters_.in(tag.bytes.size());
    Item item{Item::tag, std::move(tag)};
    if (queue_.begin_with_own()) {
        push_queued(&item);
        return true; // it took no room
    }
    enqueue(std::move(item));
    drain();
    return queue_.has_room();
}

void TagSource::put_tags() {
    enqueue({Item::tags});
    drain();
}

void TagSource::put_ended(const std::string &reason) {
    enqueue({Item::ended, {}, reason});
    drain();
}

// --- pushing ------------------------------------------------------------------------------

void TagSource::loop() {
    Item item;
    bool room = false;
    if (!queue_.wait(item, room)) {
        gst_pad_pause_task(pad_);
        return;
    }
    resume_sender(room);
    handle(std::move(item));
}

/// Pushes what is queued, unless another thread has the turn, or is to have it.
void TagSource::drain() {
    if (queue_.begin()) push_queued(nullptr);
}

/// Has the turn: pushes the item, if there is one, and what is queued, and gives the turn back.
void TagSource::push_queued(Item *own) {
    Item item;
    bool room = false;
    PushNext next;
    GST_PAD_STREAM_LOCK(pad_);
    if (own) handle(std::move(*own));
    while ((next = queue_.next(item, room)) == PushNext::item) {
        resume_sender(room);
        handle(std::move(item));
    }
    GST_PAD_STREAM_UNLOCK(pad_);
    if (next == PushNext::task) start_task();
}

/// Lets another thread push: this one must not.
void TagSource::drain_elsewhere() {
    struct Call {
        TagSource *const self;
        const std::shared_ptr<TagSource> kept;
    };
    gst_element_call_async(
        element_,
        [](GstElement *element, gpointer data) {
            guard(element, [data] { static_cast<Call *>(data)->self->drain(); });
        },
        new Call{this, shared()}, [](gpointer data) { delete static_cast<Call *>(data); });
}

void TagSource::resume_sender(bool room) {
    if (room) on_room();
}

void TagSource::handle(Item &&item) {
    switch (item.kind) {
    case Item::began:
        begin(item.text);
        return;
    case Item::tag:
        if (const GstFlowReturn flow = take_tag(std::move(item.flv)); flow != GST_FLOW_OK)
            finish(flow);
        return;
    case Item::tags:
        if (started_) push_tags();
        return;
    case Item::ended:
        if (!on_ended(item.text)) {
            // A switch behind this need not wait until it notices.
            if (started_) gst_pad_push_event(pad_, new_gone_event());
            return;
        }
        break;
    case Item::eos:
        break;
    }
    finish(GST_FLOW_EOS);
}

void TagSource::begin(const std::string &who) {
    normalizer_.reset();
    headers_version_ = normalizer_.headers().version;
    has_video_ = false;
    discont_ = true;
    timeline_->restart();
    on_began(who);
}

GstClockTime TagSource::running_time() {
    GstPtr<GstClock> other; // released without the lock
    GST_OBJECT_LOCK(element_);
    if (GST_ELEMENT_CLOCK(element_) != clock_.get()) {
        other = GstPtr<GstClock>::ref(GST_ELEMENT_CLOCK(element_));
        std::swap(clock_, other);
    }
    const GstClockTime base = element_->base_time;
    GST_OBJECT_UNLOCK(element_);
    if (!clock_) return 0;
    const GstClockTime now = gst_clock_get_time(clock_.get());
    return now > base ? now - base : 0;
}

GstClockTime TagSource::time_of(const flv::Tag &tag) {
    const auto track =
        tag.type == flv::TagType::audio ? rtmp::Timeline::audio : rtmp::Timeline::video;
    const auto now = static_cast<int64_t>(running_time() / GST_MSECOND);
    // After a change of publishers no frame may be shown before the last one of the old publisher.
    const auto header =
        tag.type == flv::TagType::video ? flv::parse_body(tag.type, tag.body_view()) : std::nullopt;
    const auto composition =
        header ? static_cast<uint32_t>(std::max(header->composition_time, 0)) : 0;
    const int64_t time = timeline_->map(track, tag.timestamp, composition, now);
    if (timeline_->jumped())
        GST_WARNING_OBJECT(element_,
                           "%s: %s timestamp jumped by %d ms; carried on without the jump",
                           stream_name().c_str(),
                           track == rtmp::Timeline::audio ? "audio" : "video", timeline_->jump());
    return static_cast<GstClockTime>(time) * GST_MSECOND;
}

GstFlowReturn TagSource::take_tag(flv::Tag &&tag) {
    tags_.clear();
    normalizer_.take(std::move(tag), tags_);
    if (normalizer_.has_notes()) post_notes();
    for (const flv::Tag &each : tags_)
        if (const GstFlowReturn flow = push_tag(each); flow != GST_FLOW_OK) return flow;
    return GST_FLOW_OK;
}

void TagSource::post_notes() {
    for (const std::string &note : normalizer_.take_notes())
        GST_ELEMENT_WARNING(element_, STREAM, FORMAT, ("Odd publisher: %s.", note.c_str()),
                            ("%s", stream_name().c_str()));
}

GstFlowReturn TagSource::push_tag(const flv::Tag &tag) {
    // Headers wait for the first frame behind them: then the caps can hold them all.
    if (tag.type == flv::TagType::video) has_video_ = true;
    if (tag.kind != flv::TagKind::keyframe && tag.kind != flv::TagKind::frame &&
        tag.kind != flv::TagKind::audio)
        return GST_FLOW_OK;
    const GstClockTime time = time_of(tag);
    if (!started_ || headers_version_ != normalizer_.headers().version)
        if (const GstFlowReturn flow = push_headers(); flow != GST_FLOW_OK) return flow;
    auto buffer = buffer_of(tag, config_);
    GST_BUFFER_PTS(buffer.get()) = GST_BUFFER_DTS(buffer.get()) = time;
    if (!flv::starts_gop(tag, has_video_))
        GST_BUFFER_FLAG_SET(buffer.get(), GST_BUFFER_FLAG_DELTA_UNIT);
    if (std::exchange(discont_, false)) GST_BUFFER_FLAG_SET(buffer.get(), GST_BUFFER_FLAG_DISCONT);
    return push(std::move(buffer));
}

void TagSource::push_stream_start() {
    GOwned<> id(gst_pad_create_stream_id(pad_, element_, stream_name().c_str()));
    gst_pad_push_event(pad_, gst_event_new_stream_start(id.get()));
}

void TagSource::push_tags() {
    if (GstEvent *event = tags()) gst_pad_push_event(pad_, event);
}

GstFlowReturn TagSource::push_headers() {
    const auto &headers = normalizer_.headers();
    headers_version_ = headers.version;
    config_ = flv::next_config_version();
    const Bytes file_header = flv::file_header(headers.audio_config.has_value() || !has_video_,
                                               headers.video_config.has_value() || has_video_);
    if (!started_) push_stream_start();
    auto caps = GstPtr<GstCaps>::adopt(gst_caps_new_empty_simple("video/x-flv"));
    GValue array = G_VALUE_INIT;
    g_value_init(&array, GST_TYPE_ARRAY);
    append_header(&array, file_header);
    for (const flv::Tag &tag : headers.list())
        append_header(&array, tag.bytes);
    gst_structure_take_value(gst_caps_get_structure(caps.get(), 0), "streamheader", &array);
    gst_pad_push_event(pad_, gst_event_new_caps(caps.get()));
    if (!started_) {
        GstSegment segment;
        gst_segment_init(&segment, GST_FORMAT_TIME);
        gst_pad_push_event(pad_, gst_event_new_segment(&segment));
        push_tags();
    }
    const auto push_header = [this](GstPtr<GstBuffer> buffer) {
        GST_BUFFER_FLAG_SET(buffer.get(), GST_BUFFER_FLAG_HEADER);
        return push(std::move(buffer));
    };
    if (!std::exchange(started_, true))
        if (const GstFlowReturn flow = push_header(buffer_of(file_header)); flow != GST_FLOW_OK)
            return flow;
    for (const flv::Tag &tag : headers.list())
        if (const GstFlowReturn flow = push_header(buffer_of(tag, config_)); flow != GST_FLOW_OK)
            return flow;
    return GST_FLOW_OK;
}

GstFlowReturn TagSource::push(GstPtr<GstBuffer> buffer) {
    counters_.out(gst_buffer_get_size(buffer.get()));
    return gst_pad_push(pad_, buffer.release());
}

void TagSource::finish(GstFlowReturn flow) {
    gst_pad_pause_task(pad_);
    queue_.end();
    if (flow == GST_FLOW_FLUSHING) return;
    if (flow == GST_FLOW_EOS) {
        if (!started_) {
            push_stream_start();
            started_ = true;
        }
        gst_pad_push_event(pad_, gst_event_new_eos());
        return;
    }
    GST_ELEMENT_FLOW_ERROR(element_, flow);
    gst_pad_push_event(pad_, gst_event_new_eos());
}

// --- the element's pad --------------------------------------------------------------------

gboolean tag_source_query(GstPad *pad, GstObject *parent, GstQuery *query) {
    switch (GST_QUERY_TYPE(query)) {
    case GST_QUERY_LATENCY:
        gst_query_set_latency(query, TRUE, 0, GST_CLOCK_TIME_NONE);
        return TRUE;
    case GST_QUERY_SEEKING: {
        GstFormat format;
        gst_query_parse_seeking(query, &format, nullptr, nullptr, nullptr);
        gst_query_set_seeking(query, format, FALSE, 0, -1);
        return TRUE;
    }
    case GST_QUERY_SCHEDULING:
        gst_query_set_scheduling(query, GST_SCHEDULING_FLAG_SEQUENTIAL, 1, -1, 0);
        gst_query_add_scheduling_mode(query, GST_PAD_MODE_PUSH);
        return TRUE;
    default:
        return gst_pad_query_default(pad, parent, query);
    }
}

gboolean tag_source_event(GstObject *parent, GstEvent *event, TagSource &source) {
    // There is no upstream element that could seek.
    if (is_keyframe_request(event)) {
        gboolean asked = FALSE;
        guard(parent, [&] { asked = source.want_keyframe(); });
        gst_event_unref(event);
        return asked;
    }
    const bool known = GST_EVENT_TYPE(event) == GST_EVENT_RECONFIGURE ||
                       GST_EVENT_TYPE(event) == GST_EVENT_LATENCY ||
                       GST_EVENT_TYPE(event) == GST_EVENT_QOS;
    if (GST_EVENT_TYPE(event) == GST_EVENT_RECONFIGURE)
        guard(parent, [&source] { source.reconfigure(); });
    gst_event_unref(event);
    return known;
}

} // namespace penstock

// SPDX-License-Identifier: LGPL-2.1-or-later
// Pads, events and queries of timestamprepair.
#include "gst/guard.h"
#include "gst/nonblocking.h"
#include "gst/running_time.h"
#include "time/repairer.h"
#include "time/timestamprepair.h"

#include <algorithm>
#include <cstdio>
#include <string>
#include <utility>

GST_DEBUG_CATEGORY_EXTERN(penstock_timestamp_repair_debug);
#define GST_CAT_DEFAULT penstock_timestamp_repair_debug

namespace penstock::timing {
namespace {

constexpr size_t max_streams = 64;

Repairer &of(GstObject *element) {
    return *reinterpret_cast<PenstockTimestampRepair *>(element)->impl;
}

GstFlowReturn on_chain(GstPad *pad, GstObject *parent, GstBuffer *buffer) noexcept {
    auto owned = GstPtr<GstBuffer>::adopt(buffer);
    return guard(parent, GST_FLOW_ERROR, [&] { return of(parent).chain(pad, std::move(owned)); });
}

gboolean on_event(GstPad *pad, GstObject *parent, GstEvent *event) noexcept {
    auto owned = GstPtr<GstEvent>::adopt(event);
    return guard(parent, gboolean(FALSE),
                 [&]() -> gboolean { return of(parent).sink_event(pad, std::move(owned)); });
}

gboolean on_query(GstPad *pad, GstObject *parent, GstQuery *query) noexcept {
    return guard(parent, gboolean(FALSE),
                 [&]() -> gboolean { return of(parent).sink_query(pad, query); });
}

/// Events and queries concern one stream.
GstIterator *on_links(GstPad *pad, GstObject *parent) noexcept {
    return guard(parent, static_cast<GstIterator *>(nullptr), [&] {
        const auto other = of(parent).other_pad(pad);
        GValue value = G_VALUE_INIT;
        g_value_init(&value, GST_TYPE_PAD);
        g_value_set_object(&value, other.get());
        GstIterator *one = gst_iterator_new_single(GST_TYPE_PAD, &value);
        g_value_unset(&value);
        return one;
    });
}

} // namespace

// --- pads ---------------------------------------------------------------------------------

GstPad *Repairer::add_pads(GstPadTemplate *sink, GstPadTemplate *src, const char *sink_name,
                           const char *src_name) {
    auto stream = std::make_shared<Stream>();
    stream->sink = gst_pad_new_from_template(sink, sink_name);
    stream->src = gst_pad_new_from_template(src, src_name);
    gst_pad_set_chain_function(stream->sink, on_chain);
    gst_pad_set_event_function(stream->sink, on_event);
    gst_pad_set_query_function(stream->sink, on_query);
    gst_segment_init(&stream->in, GST_FORMAT_UNDEFINED);
    gst_segment_init(&stream->out, GST_FORMAT_UNDEFINED);
    for (GstPad *pad : {stream->sink, stream->src}) {
        gst_pad_set_iterate_internal_links_function(pad, on_links);
        GST_PAD_SET_PROXY_CAPS(pad);
        GST_PAD_SET_PROXY_ALLOCATION(pad);
    }
    {
        std::lock_guard lock(lock_);
        stream->track = repair_.add_track();
        streams_.push_back(stream);
    }
    // Pads of an element that runs are active when they are added.
    if (GST_STATE(element_) > GST_STATE_READY || GST_STATE_NEXT(element_) == GST_STATE_PAUSED) {
        gst_pad_set_active(stream->src, TRUE);
        gst_pad_set_active(stream->sink, TRUE);
    }
    gst_element_add_pad(element_, stream->src);
    gst_element_add_pad(element_, stream->sink);
    return stream->sink;
}

GstPad *Repairer::request_pad(GstPadTemplate *sink, GstPadTemplate *src, const char *name) {
    guint index = 0;
    {
        std::lock_guard lock(lock_);
        if (streams_.size() >= max_streams) {
            GST_WARNING_OBJECT(element_, "no further pad: there are %zu streams", max_streams);
            return nullptr;
        }
        if (!name || std::sscanf(name, "sink_%u", &index) != 1 || index == G_MAXUINT)
            index = next_index_;
    }
    const std::string sink_name = "sink_" + std::to_string(index);
    const std::string src_name = "src_" + std::to_string(index);
    if (GstPtr<GstPad>::adopt(gst_element_get_static_pad(element_, sink_name.c_str()))) {
        GST_WARNING_OBJECT(element_, "there is a pad %s already", sink_name.c_str());
        return nullptr;
    }
    {
        std::lock_guard lock(lock_);
        next_index_ = std::max(next_index_, index + 1);
    }
    return add_pads(sink, src, sink_name.c_str(), src_name.c_str());
}

void Repairer::release_pad(GstPad *pad) {
    const StreamPtr stream = stream_of(pad);
    if (!stream) return;
    gst_pad_set_active(stream->src, FALSE);
    gst_pad_set_active(stream->sink, FALSE); // waits for the streaming thread
    {
        std::lock_guard lock(lock_);
        repair_.remove_track(stream->track);
        std::erase(streams_, stream);
    }
    gst_element_remove_pad(element_, stream->src);
    gst_element_remove_pad(element_, stream->sink);
}

Repairer::StreamPtr Repairer::stream_of(GstPad *pad) const {
    std::lock_guard lock(lock_);
    for (const StreamPtr &stream : streams_)
        if (stream->sink == pad || stream->src == pad) return stream;
    return nullptr;
}

GstPtr<GstPad> Repairer::other_pad(GstPad *pad) const {
    std::lock_guard lock(lock_);
    for (const StreamPtr &stream : streams_) {
        if (stream->sink == pad) return GstPtr<GstPad>::ref(stream->src);
        if (stream->src == pad) return GstPtr<GstPad>::ref(stream->sink);
    }
    return {};
}

// --- events -------------------------------------------------------------------------------

bool Repairer::sink_event(GstPad *pad, GstPtr<GstEvent> event) {
    const StreamPtr found = stream_of(pad);
    if (!found) return false;
    Stream &stream = *found;
    switch (GST_EVENT_TYPE(event.get())) {
    case GST_EVENT_STREAM_START: {
        GstStreamFlags flags = GST_STREAM_FLAG_NONE;
        gst_event_parse_stream_flags(event.get(), &flags);
        stream.is_sparse = (flags & GST_STREAM_FLAG_SPARSE) != 0;
        stream.live.reset();
        break;
    }
    case GST_EVENT_CAPS:
        if (!take_caps(stream, event.get())) return false;
        break;
    case GST_EVENT_SEGMENT:
        return take_segment(stream, event.get());
    case GST_EVENT_GAP:
        return take_gap(stream, event.get());
    case GST_EVENT_FLUSH_STOP:
        flush(stream, gst_event_get_seqnum(event.get()));
        break;
    case GST_EVENT_EOS: {
        std::lock_guard lock(lock_);
        repair_.end(stream.track);
        break;
    }
    default:
        break;
    }
    return gst_pad_event_default(pad, GST_OBJECT(element_), event.release());
}

bool Repairer::take_caps(Stream &stream, GstEvent *event) {
    GstCaps *caps = nullptr;
    gst_event_parse_caps(event, &caps);
    StreamFormat format = format_of(caps);
    if (format.is_container) {
        GST_ELEMENT_ERROR(element_, STREAM, WRONG_TYPE,
                          ("%s is a container, whose timestamps are in its bytes: put "
                           "timestamprepair behind its demuxer.",
                           gst_structure_get_name(gst_caps_get_structure(caps, 0))),
                          ("%" GST_PTR_FORMAT, caps));
        return false;
    }
    if (stream.is_sparse) format.format.media = Media::sparse;
    stream.format = format;
    std::lock_guard lock(lock_);
    repair_.set_format(stream.track, format.format);
    return true;
}

bool Repairer::take_segment(Stream &stream, GstEvent *event) {
    const GstSegment *segment = nullptr;
    gst_event_parse_segment(event, &segment);
    stream.has_segment = segment->format == GST_FORMAT_TIME;
    gst_segment_copy_into(segment, &stream.in);
    gst_segment_copy_into(segment, &stream.out);
    stream.passes = segment->rate != 1.0;
    stream.segment_seqnum = gst_event_get_seqnum(event);
    push_segment(stream);
    return true;
}

void Repairer::push_segment(Stream &stream) {
    GstEvent *event = gst_event_new_segment(&stream.out);
    gst_event_set_seqnum(event, stream.segment_seqnum);
    gst_pad_push_event(stream.src, event);
}

bool Repairer::take_gap(Stream &stream, GstEvent *event) {
    GstClockTime time = GST_CLOCK_TIME_NONE, duration = GST_CLOCK_TIME_NONE;
    gst_event_parse_gap(event, &time, &duration);
    const auto from = running_time(stream.in, time);
    if (!stream.has_segment || stream.passes || !from)
        return gst_pad_push_event(stream.src, gst_event_ref(event));
    const int64_t length = GST_CLOCK_TIME_IS_VALID(duration) && duration < GstClockTime(G_MAXINT64)
                               ? static_cast<int64_t>(duration)
                               : 0;
    const Delivery delivery = delivery_of(stream);
    std::optional<int64_t> out;
    std::vector<Note> notes;
    {
        std::lock_guard lock(lock_);
        out = repair_.gap(stream.track, *from, *from + length, delivery);
        if (repair_.has_notes()) notes = repair_.take_notes();
    }
    if (!notes.empty()) report(stream, notes);
    if (!out) {
        GST_INFO_OBJECT(stream.sink, "left out a gap event that is far from its stream's time");
        return true;
    }
    push_gap(stream, *out, *out + length);
    return true;
}

void Repairer::flush(Stream &stream, guint32 seqnum) {
    stream.has_segment = false;
    gst_segment_init(&stream.in, GST_FORMAT_UNDEFINED);
    std::lock_guard lock(lock_);
    // Once for all streams: the first may already be sending again.
    if (std::exchange(flush_seqnum_, seqnum) != seqnum) repair_.reset();
}

bool Repairer::sink_query(GstPad *pad, GstQuery *query) {
    if (!is_nonblocking_query(query))
        return gst_pad_query_default(pad, GST_OBJECT(element_), query);
    const auto src = other_pad(pad);
    answer_nonblocking(query, src && peer_is_nonblocking(src.get()));
    return true;
}

} // namespace penstock::timing

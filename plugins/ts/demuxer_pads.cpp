// SPDX-License-Identifier: LGPL-2.1-or-later
// Pads, events and queries of the demuxer.
#include "ts/demuxer.h"

#include "gst/nonblocking.h"
#include "ts/stream_caps.h"
#include "ts/tslivedemux.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

GST_DEBUG_CATEGORY_EXTERN(penstock_tslivedemux_debug);
#define GST_CAT_DEFAULT penstock_tslivedemux_debug

namespace penstock::ts {
namespace {

/// For how long a program's streams without a frame are waited for before no-more-pads; ns.
constexpr int64_t pads_wait = GST_SECOND;

bool is_media(mpegts::Codec codec) {
    return mpegts::is_video(codec) || mpegts::is_audio(codec);
}

} // namespace

// --- pads ---------------------------------------------------------------------------------

uint8_t Demuxer::free_flv_id(bool video) const {
    for (unsigned id = 0;; ++id)
        if (std::none_of(streams_.begin(), streams_.end(), [&](const auto &stream) {
                return stream && is_media(stream->about.codec) &&
                       mpegts::is_video(stream->about.codec) == video && stream->track.id() == id;
            }))
            return static_cast<uint8_t>(id); // there are no more than max_streams
}

void Demuxer::add_pad(Stream &stream) {
    const std::string kind = kind_of(stream.about.codec);
    const size_t at = kind == "video" ? 0 : kind == "audio" ? 1 : 2;
    const std::string name = kind + "_" + std::to_string(pad_numbers_[at]++);
    GstPad *pad = penstock_tslivedemux_new_pad(element_, (kind + "_%u").c_str(), name.c_str());
    stream.pad = GST_PAD(gst_object_ref(pad));
    gst_pad_set_active(pad, TRUE);
    push_sticky(stream);
    gst_flow_combiner_add_pad(combiner_, pad);
    GST_INFO_OBJECT(element_, "new pad %s: %" GST_PTR_FORMAT, name.c_str(), stream.caps.get());
    gst_element_add_pad(element_, pad);
}

void Demuxer::push_sticky(Stream &stream) {
    const std::string name = std::to_string(stream.about.pid);
    GOwned<> id(gst_pad_create_stream_id(stream.pad, element_, name.c_str()));
    GstEvent *start = gst_event_new_stream_start(id.get());
    if (group_id_ == GST_GROUP_ID_INVALID) group_id_ = gst_util_group_id_next();
    gst_event_set_group_id(start, group_id_);
    if (!is_media(stream.about.codec)) gst_event_set_stream_flags(start, GST_STREAM_FLAG_SPARSE);
    gst_pad_push_event(stream.pad, start);
    gst_pad_push_event(stream.pad, gst_event_new_caps(stream.caps.get()));
    GstSegment segment; // in running time
    gst_segment_init(&segment, GST_FORMAT_TIME);
    gst_pad_push_event(stream.pad, gst_event_new_segment(&segment));
    gst_pad_push_event(stream.pad, gst_event_new_tag(tags_of(stream.about).release()));
}

void Demuxer::remove_pad(Stream &stream, bool with_eos) {
    if (!stream.pad) return;
    if (with_eos) gst_pad_push_event(stream.pad, gst_event_new_eos());
    gst_flow_combiner_remove_pad(combiner_, stream.pad);
    gst_pad_set_active(stream.pad, FALSE);
    gst_element_remove_pad(element_, stream.pad);
    gst_object_unref(std::exchange(stream.pad, nullptr));
}

void Demuxer::remove_streams() {
    for (const auto &stream : streams_) {
        timeline_.remove_track(stream->time);
        remove_pad(*stream, false);
    }
    streams_.clear();
    gst_flow_combiner_reset(combiner_);
}

void Demuxer::announce_pads() {
    const bool is_complete = std::all_of(streams_.begin(), streams_.end(), [](const auto &stream) {
        return stream->pad || !is_media(stream->about.codec);
    });
    const bool is_over =
        first_time_ && timeline_.newest() && *timeline_.newest() - *first_time_ >= pads_wait;
    if (!is_complete && !is_over) return;
    no_more_pads_ = true;
    gst_element_no_more_pads(element_);
}

std::vector<GstPtr<GstPad>> Demuxer::src_pads() const {
    // Pads come and go; their list is guarded by the element's lock.
    std::vector<GstPtr<GstPad>> pads;
    GST_OBJECT_LOCK(element_);
    for (GList *l = element_->srcpads; l; l = l->next)
        pads.push_back(GstPtr<GstPad>::ref(GST_PAD(l->data)));
    GST_OBJECT_UNLOCK(element_);
    return pads;
}

void Demuxer::push_to_pads(GstEvent *event) {
    for (const auto &stream : streams_)
        if (stream->pad) gst_pad_push_event(stream->pad, gst_event_ref(event));
}

// --- events -------------------------------------------------------------------------------

bool Demuxer::end_of_stream() {
    flow_ = GST_FLOW_OK;
    demuxer_->finish();
    update_report();
    if (!std::exchange(no_more_pads_, true)) gst_element_no_more_pads(element_);
    const bool any = start_.has_started() ||
                     std::any_of(streams_.begin(), streams_.end(),
                                 [](const auto &stream) { return stream->pad != nullptr; });
    if (!any) {
        const bool has_packets = report_.stats.packets > 0;
        GST_ELEMENT_ERROR(element_, STREAM, WRONG_TYPE,
                          ("The stream ended without any audio or video that can be used."),
                          ("%s", !has_packets ? "this is no MPEG transport stream"
                                 : !demuxer_->program()
                                     ? "no program with audio or video; see program-number"
                                     : "no keyframe and no audio in the program"));
    }
    start_.push_eos();
    auto eos = GstPtr<GstEvent>::adopt(gst_event_new_eos());
    push_to_pads(eos.get());
    return true;
}

bool Demuxer::sink_event(GstPtr<GstEvent> event) {
    switch (GST_EVENT_TYPE(event.get())) {
    case GST_EVENT_STREAM_START: {
        guint group = GST_GROUP_ID_INVALID;
        if (gst_event_parse_group_id(event.get(), &group)) group_id_ = group;
        is_live_.reset();
        return true;
    }
    case GST_EVENT_SEGMENT:
        gst_event_copy_segment(event.get(), &segment_);
        return true;
    case GST_EVENT_CAPS:
    case GST_EVENT_TAG: // of the container
    case GST_EVENT_GAP:
        return true;
    case GST_EVENT_FLUSH_STOP:
        gst_pad_push_event(src_, gst_event_ref(event.get()));
        push_to_pads(event.get());
        demuxer_->flush();
        gst_flow_combiner_reset(combiner_);
        gst_segment_init(&segment_, GST_FORMAT_TIME);
        start_.restart();
        output_.begin();
        forget_time();
        for (const auto &stream : streams_) {
            stream->track.restart();
            if (stream->pad) push_sticky(*stream);
        }
        return true;
    case GST_EVENT_EOS:
        return end_of_stream();
    default:
        return gst_pad_event_default(sink_, GST_OBJECT(element_), event.release());
    }
}

bool Demuxer::src_event(GstPad *pad, GstPtr<GstEvent> event) {
    // A live stream can't be sought in.
    if (GST_EVENT_TYPE(event.get()) == GST_EVENT_SEEK) return false;
    return gst_pad_event_default(pad, GST_OBJECT(element_), event.release());
}

// --- queries ------------------------------------------------------------------------------

bool Demuxer::sink_query(GstQuery *query) {
    if (!is_nonblocking_query(query))
        return gst_pad_query_default(sink_, GST_OBJECT(element_), query);
    bool any = false, yes = true;
    for (const auto &pad : src_pads()) {
        if (!gst_pad_is_linked(pad.get())) continue;
        any = true;
        yes = yes && peer_is_nonblocking(pad.get());
    }
    answer_nonblocking(query, any && yes);
    return true;
}

bool Demuxer::src_query(GstPad *pad, GstQuery *query) {
    switch (GST_QUERY_TYPE(query)) {
    case GST_QUERY_SEEKING: {
        GstFormat format;
        gst_query_parse_seeking(query, &format, nullptr, nullptr, nullptr);
        gst_query_set_seeking(query, format, FALSE, 0, -1);
        return true;
    }
    case GST_QUERY_LATENCY: {
        if (!gst_pad_peer_query(sink_, query)) return false;
        gboolean live = FALSE;
        GstClockTime min = 0, max = GST_CLOCK_TIME_NONE;
        gst_query_parse_latency(query, &live, &min, &max);
        if (!live) return true;
        const auto late = static_cast<GstClockTime>(lateness_.load());
        // What waits here does not fill the buffers of others.
        gst_query_set_latency(query, live, min + late,
                              GST_CLOCK_TIME_IS_VALID(max) ? max + late : max);
        return true;
    }
    default:
        return gst_pad_query_default(pad, GST_OBJECT(element_), query);
    }
}

} // namespace penstock::ts

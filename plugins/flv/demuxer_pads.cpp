// SPDX-License-Identifier: LGPL-2.1-or-later
// Pads, events, queries and states of the demuxer.
#include "flv/demuxer.h"

#include "flv/flvlivedemux.h"
#include "gst/nonblocking.h"

#include <algorithm>
#include <string>
#include <utility>

GST_DEBUG_CATEGORY_EXTERN(penstock_flvlivedemux_debug);
#define GST_CAT_DEFAULT penstock_flvlivedemux_debug

namespace penstock::flv {
namespace {

// How long one kind of media waits for the other before no-more-pads; ns.
constexpr int64_t other_media_wait = GST_SECOND;
// Each needs a pad; a stream that names more is not to be trusted.
constexpr size_t max_streams = 32;

} // namespace

Demuxer::Demuxer(GstElement *element, GstPad *sink)
    : element_(element), sink_(sink), combiner_(gst_flow_combiner_new()) {
    gst_segment_init(&segment_, GST_FORMAT_TIME);
    remove_pads();
}

Demuxer::~Demuxer() {
    gst_flow_combiner_free(combiner_);
}

void Demuxer::start() {
    counters_.start();
    discontinuities_ = broken_ = 0;
    gst_segment_init(&segment_, GST_FORMAT_TIME);
    segment_seqnum_ = GST_SEQNUM_INVALID;
    upstream_time_ = false;
    group_id_ = GST_GROUP_ID_INVALID;
    metadata_ = {};
    no_more_pads_ = skipping_ = false;
    reader_.reset();
    reset_time();
}

void Demuxer::stop() {
    remove_pads();
    reader_.reset();
    counters_.stop();
}

void Demuxer::reset_time() {
    timeline_.start(static_cast<int64_t>(segment_.start));
    first_time_.reset();
    for (Stream &stream : streams_)
        stream.clock.reset();
    mark_discont();
}

void Demuxer::mark_discont() {
    for (Stream &stream : streams_)
        stream.discont = true;
}

void Demuxer::add_pad(Stream &stream) {
    const bool video = stream.codec->type == TagType::video;
    const std::string kind = video ? "video" : "audio";
    const std::string text = stream.track == 0 ? kind : kind + "_" + std::to_string(stream.track);
    const char *name = text.c_str();
    GstPad *pad = penstock_flvlivedemux_new_pad(
        element_, stream.track == 0 ? name : (kind + "_%u").c_str(), name);
    stream.pad = GST_PAD(gst_object_ref(pad));
    stream.complained = false;
    gst_pad_set_active(pad, TRUE);
    push_sticky(stream);
    gst_flow_combiner_add_pad(combiner_, pad);
    GST_INFO_OBJECT(element_, "new pad %s: %" GST_PTR_FORMAT, name, stream.info.caps.get());
    gst_element_add_pad(element_, pad);
}

// The configuration of further tracks follows that of the default ones, so the first frame behind
// both tells that all are known.
void Demuxer::announce_pads() {
    if (!streams_[0].pad || !streams_[1].pad) return;
    // One whose configuration is there, and whose pad waits for a keyframe.
    const auto waits = [](const Stream &stream) { return !stream.pad && stream.info.caps; };
    if (std::any_of(streams_.begin(), streams_.end(), waits)) return;
    no_more_pads_ = true;
    gst_element_no_more_pads(element_);
}

Demuxer::Stream *Demuxer::stream_of(TagType type, uint8_t track) {
    if (track == 0) return &streams_[index_of(type)];
    for (Stream &stream : streams_)
        if (stream.type == type && stream.track == track) return &stream;
    if (streams_.size() >= max_streams) return nullptr;
    Stream &stream = streams_.emplace_back();
    stream.type = type;
    stream.track = track;
    return &stream;
}

void Demuxer::push_sticky(Stream &stream) {
    GOwned<> id(gst_pad_create_stream_id(stream.pad, element_, GST_PAD_NAME(stream.pad)));
    GstEvent *start = gst_event_new_stream_start(id.get());
    if (group_id_ == GST_GROUP_ID_INVALID) group_id_ = gst_util_group_id_next();
    gst_event_set_group_id(start, group_id_);
    gst_pad_push_event(stream.pad, start);
    gst_pad_push_event(stream.pad, gst_event_new_caps(stream.info.caps.get()));
    GstEvent *segment = gst_event_new_segment(&segment_);
    if (segment_seqnum_ != GST_SEQNUM_INVALID) gst_event_set_seqnum(segment, segment_seqnum_);
    gst_pad_push_event(stream.pad, segment);
    push_tags(stream);
}

void Demuxer::push_tags(Stream &stream) {
    const bool video = stream.codec->type == TagType::video;
    if (metadata_.global)
        gst_pad_push_event(stream.pad,
                           gst_event_new_tag(gst_tag_list_copy(metadata_.global.get())));
    const TagListPtr &known = video ? metadata_.video : metadata_.audio;
    GstTagList *own = known ? gst_tag_list_copy(known.get()) : gst_tag_list_new_empty();
    gst_tag_list_set_scope(own, GST_TAG_SCOPE_STREAM);
    gst_tag_list_add(own, GST_TAG_MERGE_REPLACE, video ? GST_TAG_VIDEO_CODEC : GST_TAG_AUDIO_CODEC,
                     stream.codec->tag_value, nullptr);
    gst_pad_push_event(stream.pad, gst_event_new_tag(own));
}

void Demuxer::remove_pads() {
    for (const Stream &stream : streams_)
        if (stream.pad) {
            gst_flow_combiner_remove_pad(combiner_, stream.pad);
            gst_pad_set_active(stream.pad, FALSE);
            gst_element_remove_pad(element_, stream.pad);
            gst_object_unref(stream.pad);
        }
    streams_.clear();
    for (const TagType type : {TagType::video, TagType::audio})
        streams_.emplace_back().type = type;
    gst_flow_combiner_reset(combiner_);
}

// Stops waiting for the other kind of media after one second with only one kind.
void Demuxer::note_progress(int64_t time) {
    if (!first_time_) first_time_ = time;
    if (no_more_pads_ || time - *first_time_ < other_media_wait) return;
    no_more_pads_ = true;
    gst_element_no_more_pads(element_);
}

void Demuxer::push_to_all(GstEvent *event) {
    for (Stream &stream : streams_)
        if (stream.pad) gst_pad_push_event(stream.pad, gst_event_ref(event));
}

void Demuxer::set_segment(GstPtr<GstEvent> event) {
    const GstSegment *segment = nullptr;
    gst_event_parse_segment(event.get(), &segment);
    upstream_time_ = segment->format == GST_FORMAT_TIME;
    GstSegment next;
    if (upstream_time_)
        gst_segment_copy_into(segment, &next);
    else
        gst_segment_init(&next, GST_FORMAT_TIME);
    segment_seqnum_ = gst_event_get_seqnum(event.get());
    // Without upstream timestamps the internal ones continue, except at the very start.
    const bool moved = next.start != segment_.start || next.base != segment_.base;
    segment_ = next;
    if (moved || !first_time_) reset_time();
    auto ours = GstPtr<GstEvent>::adopt(gst_event_new_segment(&segment_));
    gst_event_set_seqnum(ours.get(), segment_seqnum_);
    push_to_all(ours.get());
}

bool Demuxer::end_of_stream(GstPtr<GstEvent> event) {
    if (!no_more_pads_) {
        no_more_pads_ = true;
        gst_element_no_more_pads(element_);
    }
    if (std::none_of(streams_.begin(), streams_.end(), [](const Stream &s) { return s.pad; }))
        // Without a pad no downstream element receives EOS.
        GST_ELEMENT_ERROR(
            element_, STREAM, WRONG_TYPE,
            ("The stream ended without any audio or video that can be used."),
            ("%s", reader_.started() ? "FLV without a codec configuration" : "no FLV at all"));
    push_to_all(event.get());
    return true;
}

bool Demuxer::sink_event(GstPtr<GstEvent> event) {
    switch (GST_EVENT_TYPE(event.get())) {
    case GST_EVENT_STREAM_START: {
        // A new stream may have other codecs; the group id associates the pads' streams with it.
        guint group = GST_GROUP_ID_INVALID;
        if (gst_event_parse_group_id(event.get(), &group)) group_id_ = group;
        for (Stream &stream : streams_)
            if (stream.pad) push_sticky(stream);
        return true;
    }
    case GST_EVENT_CAPS: {
        GstCaps *caps = nullptr;
        gst_event_parse_caps(event.get(), &caps);
        learn_stream_header(caps);
        return true;
    }
    case GST_EVENT_SEGMENT:
        set_segment(std::move(event));
        return true;
    case GST_EVENT_TAG: // describes the container; the streams' tags come from onMetaData
        return true;
    case GST_EVENT_GAP:
        push_to_all(event.get());
        return true;
    case GST_EVENT_FLUSH_STOP:
        push_to_all(event.get());
        reader_.flush();
        gst_flow_combiner_reset(combiner_);
        gst_segment_init(&segment_, GST_FORMAT_TIME);
        reset_time();
        return true;
    case GST_EVENT_EOS:
        return end_of_stream(std::move(event));
    default:
        return gst_pad_event_default(sink_, GST_OBJECT(element_), event.release());
    }
}

bool Demuxer::sink_query(GstQuery *query) {
    if (!is_nonblocking_query(query))
        return gst_pad_query_default(sink_, GST_OBJECT(element_), query);
    // May be called from any thread, so the pads are read under the lock that guards their list.
    std::vector<GstPtr<GstPad>> pads;
    GST_OBJECT_LOCK(element_);
    for (GList *l = element_->srcpads; l; l = l->next)
        pads.push_back(GstPtr<GstPad>::ref(GST_PAD(l->data)));
    GST_OBJECT_UNLOCK(element_);
    bool yes = !pads.empty();
    for (const auto &pad : pads)
        if (gst_pad_is_linked(pad.get())) yes = yes && peer_is_nonblocking(pad.get());
    answer_nonblocking(query, yes);
    return true;
}

bool Demuxer::src_event(GstPad *pad, GstPtr<GstEvent> event) {
    // A live stream does not support seeking.
    if (GST_EVENT_TYPE(event.get()) == GST_EVENT_SEEK) return false;
    return gst_pad_event_default(pad, GST_OBJECT(element_), event.release());
}

bool Demuxer::src_query(GstPad *pad, GstQuery *query) {
    if (GST_QUERY_TYPE(query) == GST_QUERY_SEEKING) {
        GstFormat format;
        gst_query_parse_seeking(query, &format, nullptr, nullptr, nullptr);
        gst_query_set_seeking(query, format, FALSE, 0, -1);
        return true;
    }
    return gst_pad_query_default(pad, GST_OBJECT(element_), query);
}

GstPtr<GstStructure> Demuxer::stats() const {
    guint linked = 0;
    GST_OBJECT_LOCK(element_);
    for (GList *l = element_->srcpads; l; l = l->next)
        linked += GST_PAD_PEER(l->data) ? 1 : 0;
    GST_OBJECT_UNLOCK(element_);
    auto s = counters_.with_peers(linked).to_structure();
    gst_structure_set(s.get(), "discontinuities", G_TYPE_UINT64, guint64(discontinuities_),
                      "broken", G_TYPE_UINT64, guint64(broken_), nullptr);
    return s;
}

} // namespace penstock::flv

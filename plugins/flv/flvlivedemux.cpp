// SPDX-License-Identifier: LGPL-2.1-or-later
#include "flv/flvlivedemux.h"

#include "flv/demuxer.h"
#include "gst/guard.h"

/**
 * SECTION:element-flvlivedemux
 * @title: flvlivedemux
 * @short_description: takes a live FLV stream apart
 *
 * Takes `video/x-flv` apart into a pad `video` and a pad `audio`, whatever the producer's buffers
 * look like: cut anywhere, with or without a file header, joined in mid-stream, with the headers
 * repeated. Pads appear when their configuration is known; no-more-pads follows with the first
 * frame after both are, or after a second of one without the other. Further tracks of Enhanced RTMP
 * get pads with their numbers, `audio_1`, `video_2`.
 *
 * It reads H.264, H.265, H.266, AV1, VP9, VP8, AAC, MP3, Opus, AC-3, E-AC-3, FLAC, G.711 and Speex.
 *
 * Timestamps are made for long live streams: FLV's 32-bit milliseconds are unrolled, jumps become
 * a continuous time with DISCONT, audio is timed by its samples, and a finer time on the incoming
 * buffer is kept. Broken data costs a warning and what was broken, not the pipeline.
 *
 * When not: for files that must be sought in, and for codecs from before H.264, use flvdemux.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 audiotestsrc is-live=true num-buffers=200 ! audioconvert ! avenc_aac ! flvlivemux
 * ! flvlivedemux name=demux demux.audio ! fakesink async=false
 * ]|
 * A tone is encoded, wrapped in FLV and taken out again.
 *
 * Since: 0.1.0
 */

GST_DEBUG_CATEGORY(penstock_flvlivedemux_debug);
#define GST_CAT_DEFAULT penstock_flvlivedemux_debug

using namespace penstock;

#define penstock_flvlivedemux_parent_class parent_class
G_DEFINE_TYPE(PenstockFlvLiveDemux, penstock_flvlivedemux, GST_TYPE_ELEMENT)
// Below flvdemux, which is the better choice for files.
GST_ELEMENT_REGISTER_DEFINE(flvlivedemux, "flvlivedemux", GST_RANK_MARGINAL - 1,
                            penstock_flvlivedemux_get_type())

namespace {

enum { prop_0, prop_stats };

GstStaticPadTemplate sink_template =
    GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS("video/x-flv"));

flv::Demuxer &demuxer_of(gpointer element) {
    return *static_cast<PenstockFlvLiveDemux *>(element)->impl;
}

GstFlowReturn sink_chain(GstPad *, GstObject *parent, GstBuffer *buffer) noexcept {
    auto owned = GstPtr<GstBuffer>::adopt(buffer);
    return guard(parent, GST_FLOW_ERROR,
                 [&] { return demuxer_of(parent).chain(std::move(owned)); });
}

gboolean sink_event(GstPad *, GstObject *parent, GstEvent *event) noexcept {
    auto owned = GstPtr<GstEvent>::adopt(event);
    return guard(parent, gboolean(FALSE),
                 [&]() -> gboolean { return demuxer_of(parent).sink_event(std::move(owned)); });
}

gboolean sink_query(GstPad *, GstObject *parent, GstQuery *query) noexcept {
    return guard(parent, gboolean(FALSE),
                 [&]() -> gboolean { return demuxer_of(parent).sink_query(query); });
}

gboolean src_event(GstPad *pad, GstObject *parent, GstEvent *event) noexcept {
    auto owned = GstPtr<GstEvent>::adopt(event);
    return guard(parent, gboolean(FALSE),
                 [&]() -> gboolean { return demuxer_of(parent).src_event(pad, std::move(owned)); });
}

gboolean src_query(GstPad *pad, GstObject *parent, GstQuery *query) noexcept {
    return guard(parent, gboolean(FALSE),
                 [&]() -> gboolean { return demuxer_of(parent).src_query(pad, query); });
}

GstStateChangeReturn change_state(GstElement *element, GstStateChange transition) noexcept {
    if (transition == GST_STATE_CHANGE_READY_TO_PAUSED)
        guard(element, [&] { demuxer_of(element).start(); });
    const GstStateChangeReturn result =
        GST_ELEMENT_CLASS(parent_class)->change_state(element, transition);
    if (transition == GST_STATE_CHANGE_PAUSED_TO_READY)
        guard(element, [&] { demuxer_of(element).stop(); });
    return result;
}

void get_property(GObject *object, guint id, GValue *value, GParamSpec *pspec) noexcept {
    guard(object, [&] {
        if (id == prop_stats)
            g_value_take_boxed(value, demuxer_of(object).stats().release());
        else
            G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
    });
}

void finalize(GObject *object) noexcept {
    delete reinterpret_cast<PenstockFlvLiveDemux *>(object)->impl;
    G_OBJECT_CLASS(parent_class)->finalize(object);
}

void add_src_template(GstElementClass *klass, const char *name, flv::TagType type) {
    gst_element_class_add_pad_template(
        klass,
        gst_pad_template_new(name, GST_PAD_SRC, GST_PAD_SOMETIMES, flv::readable_caps(type).get()));
}

} // namespace

GstPad *penstock_flvlivedemux_new_pad(GstElement *element, const char *templ, const char *name) {
    GstPad *pad = gst_pad_new_from_template(
        gst_element_class_get_pad_template(GST_ELEMENT_GET_CLASS(element), templ), name);
    gst_pad_set_event_function(pad, src_event);
    gst_pad_set_query_function(pad, src_query);
    gst_pad_use_fixed_caps(pad);
    return pad;
}

static void penstock_flvlivedemux_class_init(PenstockFlvLiveDemuxClass *klass) {
    GST_DEBUG_CATEGORY_INIT(penstock_flvlivedemux_debug, "flvlivedemux", 0, "live FLV demuxer");
    auto *object_class = G_OBJECT_CLASS(klass);
    object_class->get_property = get_property;
    object_class->finalize = finalize;
    g_object_class_install_property(
        object_class, prop_stats,
        g_param_spec_boxed("stats", "Statistics",
                           "bytes-in, bytes-out, buffers-in, buffers-out, drops, peers (linked "
                           "pads), uptime (ns), discontinuities (timestamp jumps), broken "
                           "(places where the input was no FLV)",
                           GST_TYPE_STRUCTURE,
                           GParamFlags(G_PARAM_READABLE | G_PARAM_STATIC_STRINGS)));

    auto *element_class = GST_ELEMENT_CLASS(klass);
    element_class->change_state = change_state;
    gst_element_class_add_static_pad_template(element_class, &sink_template);
    add_src_template(element_class, "video", flv::TagType::video);
    add_src_template(element_class, "audio", flv::TagType::audio);
    add_src_template(element_class, "video_%u", flv::TagType::video);
    add_src_template(element_class, "audio_%u", flv::TagType::audio);
    gst_element_class_set_static_metadata(
        element_class, "Live FLV demuxer", "Codec/Demuxer",
        "Takes a live FLV stream apart, safe against broken data and jumping timestamps",
        "The Penstock authors");
}

static void penstock_flvlivedemux_init(PenstockFlvLiveDemux *self) {
    GstPad *sink = gst_pad_new_from_static_template(&sink_template, "sink");
    gst_pad_set_chain_function(sink, sink_chain);
    gst_pad_set_event_function(sink, sink_event);
    gst_pad_set_query_function(sink, sink_query);
    self->impl = new flv::Demuxer(GST_ELEMENT(self), sink);
    gst_element_add_pad(GST_ELEMENT(self), sink);
}

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "ts/tslivedemux.h"

#include "gst/guard.h"
#include "ts/demuxer.h"
#include "ts/stream_caps.h"

#include <string>

/**
 * SECTION:element-tslivedemux
 * @title: tslivedemux
 * @short_description: takes a live MPEG transport stream apart
 *
 * Takes one program of an MPEG transport stream. The pad `src` has the whole program as
 * `video/x-flv` (Enhanced RTMP v2), the form in which streams of all protocols meet: behind it
 * stand `goptee` and the same sinks as behind rtmpserversrc. The pads `video_%u`, `audio_%u` and
 * `data_%u` have the elementary streams. Either may be linked, or both.
 *
 * It reads H.264, H.265, AAC (in ADTS and in LATM), MP3 and its older layers, AC-3, E-AC-3 and
 * Opus; SCTE-35 sections, ID3, KLV and private data are passed on as data (`data_%u`). FLV has no
 * place for MPEG audio of layer 1 and 2 and for data: those are on their own pads only. Further
 * tracks of video and audio become further tracks of FLV.
 *
 * Packets may have 188, 192 or 204 bytes and may be cut anywhere; behind garbage it finds them
 * again. A frame that misses a packet is dropped, and counted. A frame of video is passed on when
 * the next one begins, at the latest: there is no jitter buffer. Whether a frame is a keyframe is
 * read from its bytes.
 *
 * Timestamps are made for long live streams: the first frame of a live input has the time of its
 * arrival; wraps of the 33 bits, jumps of the sender's clock, and timestamps from long ago at the
 * beginning do not disturb the time that comes out, which only goes forward.
 *
 * `program-number` chooses a program; by default it is the first one that has audio or video. When
 * the program's streams change, pads come and go. `stats` lists programs and streams.
 *
 * When not: for files that must be sought in, for MPEG-2 video, VC-1 or subtitles, and for Blu-ray
 * discs use tsdemux.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 videotestsrc num-buffers=60 ! video/x-raw,format=I420,framerate=30/1 ! x264enc
 * tune=zerolatency key-int-max=30 ! mpegtsmux ! tslivedemux ! goptee ! fakesink async=false
 * ]|
 * Two seconds of video are wrapped in a transport stream, taken out again, and remembered from the
 * last keyframe on.
 *
 * Since: 0.1.0
 */

GST_DEBUG_CATEGORY(penstock_tslivedemux_debug);
#define GST_CAT_DEFAULT penstock_tslivedemux_debug

using namespace penstock;

#define penstock_tslivedemux_parent_class parent_class
G_DEFINE_TYPE(PenstockTsLiveDemux, penstock_tslivedemux, GST_TYPE_ELEMENT)
// No rank: tsdemux is the better choice for files.
GST_ELEMENT_REGISTER_DEFINE(tslivedemux, "tslivedemux", GST_RANK_NONE,
                            penstock_tslivedemux_get_type())

namespace {

enum { prop_0, prop_program_number, prop_stats };
constexpr guint default_program = 0, max_program = 65'535;

GstStaticPadTemplate sink_template =
    GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS("video/mpegts"));
GstStaticPadTemplate src_template =
    GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS("video/x-flv"));

ts::Demuxer &demuxer_of(gpointer element) {
    return *static_cast<PenstockTsLiveDemux *>(element)->impl;
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

void set_property(GObject *object, guint id, const GValue *value, GParamSpec *pspec) noexcept {
    if (id == prop_program_number)
        demuxer_of(object).set_program(g_value_get_uint(value));
    else
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
}

void get_property(GObject *object, guint id, GValue *value, GParamSpec *pspec) noexcept {
    guard(object, [&] {
        if (id == prop_stats)
            g_value_take_boxed(value, demuxer_of(object).stats().release());
        else if (id == prop_program_number)
            g_value_set_uint(value, demuxer_of(object).program());
        else
            G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
    });
}

void finalize(GObject *object) noexcept {
    delete reinterpret_cast<PenstockTsLiveDemux *>(object)->impl;
    G_OBJECT_CLASS(parent_class)->finalize(object);
}

} // namespace

GstPad *penstock_tslivedemux_new_pad(GstElement *element, const char *templ, const char *name) {
    GstPad *pad = gst_pad_new_from_template(
        gst_element_class_get_pad_template(GST_ELEMENT_GET_CLASS(element), templ), name);
    gst_pad_set_event_function(pad, src_event);
    gst_pad_set_query_function(pad, src_query);
    gst_pad_use_fixed_caps(pad);
    return pad;
}

static void penstock_tslivedemux_class_init(PenstockTsLiveDemuxClass *klass) {
    GST_DEBUG_CATEGORY_INIT(penstock_tslivedemux_debug, "tslivedemux", 0, "live MPEG-TS demuxer");
    auto *object_class = G_OBJECT_CLASS(klass);
    object_class->set_property = set_property;
    object_class->get_property = get_property;
    object_class->finalize = finalize;
    g_object_class_install_property(
        object_class, prop_program_number,
        g_param_spec_uint(
            "program-number", "Program number",
            "The program to take; 0: the first one with audio or video", 0, max_program,
            default_program,
            GParamFlags(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING)));
    g_object_class_install_property(
        object_class, prop_stats,
        g_param_spec_boxed(
            "stats", "Statistics",
            "bytes-in, bytes-out, buffers-in, buffers-out, drops, peers (linked pads), uptime "
            "(ns), "
            "packets, packet-size (188, 192, 204; 0: none found), lost-packets, broken-packets, "
            "scrambled-packets, damaged-units (dropped frames), resyncs (behind garbage), "
            "skipped-bytes, table-errors, clock-jumps (of the sender's clock), time-jumps (mended "
            "in the timestamps), program (number), programs (an array of structures with number "
            "and streams), streams (an array of structures with pid, type, codec, language, pad, "
            "packets, lost-packets, units, damaged-units)",
            GST_TYPE_STRUCTURE, GParamFlags(G_PARAM_READABLE | G_PARAM_STATIC_STRINGS)));

    auto *element_class = GST_ELEMENT_CLASS(klass);
    element_class->change_state = change_state;
    gst_element_class_add_static_pad_template(element_class, &sink_template);
    gst_element_class_add_static_pad_template(element_class, &src_template);
    for (const char *kind : {"video", "audio", "data"})
        gst_element_class_add_pad_template(
            element_class, gst_pad_template_new((std::string(kind) + "_%u").c_str(), GST_PAD_SRC,
                                                GST_PAD_SOMETIMES, ts::template_caps(kind).get()));
    gst_element_class_set_static_metadata(
        element_class, "Live MPEG-TS demuxer", "Codec/Demuxer",
        "Takes a live MPEG transport stream apart: its program as FLV, and its streams",
        "The Penstock authors");
}

static void penstock_tslivedemux_init(PenstockTsLiveDemux *self) {
    GstPad *sink = gst_pad_new_from_static_template(&sink_template, "sink");
    gst_pad_set_chain_function(sink, sink_chain);
    gst_pad_set_event_function(sink, sink_event);
    gst_pad_set_query_function(sink, sink_query);
    GstPad *src = penstock_tslivedemux_new_pad(GST_ELEMENT(self), "src", "src");
    self->impl = new ts::Demuxer(GST_ELEMENT(self), sink, src);
    gst_element_add_pad(GST_ELEMENT(self), sink);
    gst_element_add_pad(GST_ELEMENT(self), src);
}

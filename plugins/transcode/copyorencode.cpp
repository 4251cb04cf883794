// SPDX-License-Identifier: LGPL-2.1-or-later
#include "transcode/copyorencode.h"

#include "gst/guard.h"
#include "gst/nonblocking.h"
#include "transcode/converter.h"

/**
 * SECTION:element-copyorencode
 * @title: copyorencode
 * @short_description: passes on a stream that has the wanted codec, encodes one that has not
 *
 * Put it between a source of any stream (livefilesrc, a demuxer, a camera, a decoder) and a muxer
 * or server that takes one codec. H.264 goes through `codec=h264` as it is, parsed; VP8, raw video
 * or H.264 in 4:4:4 is decoded if need be and encoded, with a keyframe each `keyframe-interval`.
 * Video whose orientation tag (image-orientation) asks for a rotation or a flip is encoded upright,
 * since muxers can't carry the tag to FLV and MPEG-TS. `action` and `reason` say what is done and
 * why, as does an element message `penstock-copy-or-encode`.
 *
 * With mode=never the orientation tag changes nothing.
 *
 * With codec=auto video becomes H.264 and audio AAC. codec=aac-or-mp3 is for MPEG-TS and HLS, which
 * carry both: what comes in whole frames goes through at no cost, G.711 or Speex becomes AAC.
 * codec=accepted copies what the element behind takes: HEVC, AV1, VP9, VP8, Opus, AC-3, E-AC-3 and
 * FLAC, for hlssegmenter with container=cmaf and for WebRTC.
 * `bitrate`, `keyframe-interval` and `latency` matter where something is encoded only. With
 * `longest-gop` the video of a file is encoded, too, if its keyframes are further apart than that,
 * as segments and renditions of HLS need them to be near.
 *
 * `b-frames=false` is for WebRTC, where frames are shown in the order in which they come: H.264 and
 * HEVC with B-frames become H.264 without; what has none is copied. The frames themselves tell,
 * unless H.264 parameter sets exclude B-frames: a dozen of them are held at the beginning. A stream
 * that has its first B-frame later goes on with its next keyframe, encoded. `source-bitrate` gives
 * the encoder the bitrate that the video came with.
 *
 * When not: to change size or frame rate, or to have several renditions, decode and encode
 * yourself.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 livefilesrc location=movie.mp4 name=file \
 *     file.video ! copyorencode ! queue ! mux. file.audio ! copyorencode ! queue ! mux. \
 *     mpegtsmux name=mux alignment=7 ! fakesink
 * ]|
 * Makes MPEG-TS of any file, encoding only what has to be.
 *
 * Since: 0.1.0
 */

GST_DEBUG_CATEGORY(penstock_copy_or_encode_debug);
#define GST_CAT_DEFAULT penstock_copy_or_encode_debug

using namespace penstock;
using namespace penstock::transcode;

#define penstock_copy_or_encode_parent_class parent_class
G_DEFINE_TYPE(PenstockCopyOrEncode, penstock_copy_or_encode, GST_TYPE_BIN)
GST_ELEMENT_REGISTER_DEFINE(copyorencode, "copyorencode", GST_RANK_NONE,
                            penstock_copy_or_encode_get_type())

namespace {

enum Property {
    prop_0,
    prop_codec,
    prop_mode,
    prop_bitrate,
    prop_keyframe_interval,
    prop_latency,
    prop_longest_gop,
    prop_b_frames,
    prop_source_bitrate,
    prop_stream_wait,
    prop_action,
    prop_reason,
    prop_stats
};

GstStaticPadTemplate sink_template =
    GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS_ANY);
GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE(
    "src", GST_PAD_SRC, GST_PAD_ALWAYS,
    GST_STATIC_CAPS("video/x-h264; video/x-h265; video/x-av1; video/x-vp9; video/x-vp8; "
                    "audio/mpeg, mpegversion=(int){1, 2, 4}; audio/x-opus; "
                    "audio/x-ac3; audio/x-eac3; audio/x-flac"));

Converter &impl(gpointer object) {
    return *static_cast<PenstockCopyOrEncode *>(object)->impl;
}

GType codec_type() {
    static const GEnumValue values[] = {
        {int(CodecId::automatic), "H.264 for video, AAC for audio", "auto"},
        {int(CodecId::h264), "H.264 (AVC)", "h264"},
        {int(CodecId::aac), "AAC", "aac"},
        {int(CodecId::opus), "Opus", "opus"},
        {int(CodecId::mp3), "MP3", "mp3"},
        {int(CodecId::aac_or_mp3), "AAC; MP3 is copied as well", "aac-or-mp3"},
        {int(CodecId::accepted), "As auto; what follows takes is copied as well", "accepted"},
        {0, nullptr, nullptr},
    };
    static const GType type = g_enum_register_static("PenstockCopyOrEncodeCodec", values);
    return type;
}

GType mode_type() {
    static const GEnumValue values[] = {
        {int(Mode::automatic), "Copy what can be copied", "auto"},
        {int(Mode::always), "Encode whatever comes", "always"},
        {int(Mode::never), "Copy, or fail", "never"},
        {0, nullptr, nullptr},
    };
    static const GType type = g_enum_register_static("PenstockCopyOrEncodeMode", values);
    return type;
}

bool has_flag(GstEvent *event, GstEventTypeFlags flag) {
    return (gst_event_type_get_flags(GST_EVENT_TYPE(event)) & flag) != 0;
}

/// Whether the event would be lost without children: the sink pad stores only sticky events.
bool needs_children(GstEvent *event) {
    if (GST_EVENT_TYPE(event) == GST_EVENT_FLUSH_STOP) return false;
    return GST_EVENT_TYPE(event) == GST_EVENT_EOS ||
           (has_flag(event, GST_EVENT_TYPE_SERIALIZED) && !has_flag(event, GST_EVENT_TYPE_STICKY));
}

/// Pushes frames into the chain behind the sink pad.
GstFlowReturn enter(GstPad *pad, GstObject *parent, std::vector<GstPtr<GstBuffer>> &frames) {
    GstFlowReturn flow = GST_FLOW_OK;
    for (auto &frame : frames)
        if (flow == GST_FLOW_OK) flow = gst_proxy_pad_chain_default(pad, parent, frame.release());
    return flow;
}

/// Before an event that must not overtake them.
bool push_held(Converter &converter, GstPad *pad, GstObject *parent) {
    std::vector<GstPtr<GstBuffer>> frames;
    return converter.release_held(frames) && enter(pad, parent, frames) == GST_FLOW_OK;
}

gboolean sink_event(GstPad *pad, GstObject *parent, GstEvent *given) noexcept {
    auto event = GstPtr<GstEvent>::adopt(given);
    Converter &converter = impl(parent);
    const bool was_direct = converter.is_direct();
    const bool go_on = guard(parent, false, [&] {
        if (GST_EVENT_TYPE(event.get()) == GST_EVENT_FLUSH_STOP) converter.drop_held();
        if (has_flag(event.get(), GST_EVENT_TYPE_SERIALIZED) && converter.has_held() &&
            !push_held(converter, pad, parent))
            return false;
        if (needs_children(event.get()) && !converter.decide()) return false;
        switch (GST_EVENT_TYPE(event.get())) {
        case GST_EVENT_STREAM_START:
            converter.begin_stream();
            return true;
        case GST_EVENT_CAPS: {
            GstCaps *caps = nullptr;
            gst_event_parse_caps(event.get(), &caps);
            if (!converter.take_caps(caps)) return false;
            if (!was_direct && converter.is_direct()) converter.begin_direct();
            return true;
        }
        case GST_EVENT_TAG:
            event = converter.take_tags(std::move(event));
            return true;
        case GST_EVENT_EOS:
            if (!converter.is_configured()) converter.end_without_caps();
            return true;
        default:
            return true;
        }
    });
    if (!go_on) return FALSE;
    if (!converter.is_direct()) return gst_pad_event_default(pad, parent, event.release());
    const gboolean taken = gst_pad_push_event(converter.src_pad(), event.release());
    if (!was_direct) guard(parent, [&] { converter.continue_direct(); });
    return taken;
}

GstFlowReturn sink_chain(GstPad *pad, GstObject *parent, GstBuffer *buffer) noexcept {
    Converter &converter = impl(parent);
    if (converter.is_direct()) return gst_pad_push(converter.src_pad(), buffer);
    if (!converter.watches_frames()) return gst_proxy_pad_chain_default(pad, parent, buffer);
    auto frame = GstPtr<GstBuffer>::adopt(buffer);
    return guard(parent, GST_FLOW_ERROR, [&] {
        std::vector<GstPtr<GstBuffer>> frames;
        return converter.take_frame(std::move(frame), frames) ? enter(pad, parent, frames)
                                                              : GST_FLOW_NOT_NEGOTIATED;
    });
}

GstFlowReturn sink_chain_list(GstPad *pad, GstObject *parent, GstBufferList *list) noexcept {
    Converter &converter = impl(parent);
    if (converter.is_direct()) return gst_pad_push_list(converter.src_pad(), list);
    if (!converter.watches_frames()) return gst_proxy_pad_chain_list_default(pad, parent, list);
    GstFlowReturn flow = GST_FLOW_OK;
    for (guint i = 0; i < gst_buffer_list_length(list) && flow == GST_FLOW_OK; ++i)
        flow = sink_chain(pad, parent, gst_buffer_ref(gst_buffer_list_get(list, i)));
    gst_buffer_list_unref(list);
    return flow;
}

gboolean src_event(GstPad *pad, GstObject *parent, GstEvent *event) noexcept {
    Converter &converter = impl(parent);
    return converter.is_direct() ? gst_pad_push_event(converter.sink_pad(), event)
                                 : gst_pad_event_default(pad, parent, event);
}

gboolean src_query(GstPad *pad, GstObject *parent, GstQuery *query) noexcept {
    Converter &converter = impl(parent);
    return converter.is_direct() ? gst_pad_peer_query(converter.sink_pad(), query)
                                 : gst_pad_query_default(pad, parent, query);
}

gboolean sink_query(GstPad *pad, GstObject *parent, GstQuery *query) noexcept {
    // Caps may change to anything at any time.
    if (GST_QUERY_TYPE(query) == GST_QUERY_CAPS) {
        GstCaps *filter = nullptr;
        gst_query_parse_caps(query, &filter);
        auto caps = GstPtr<GstCaps>::adopt(filter ? gst_caps_ref(filter) : gst_caps_new_any());
        gst_query_set_caps_result(query, caps.get());
        return TRUE;
    }
    if (GST_QUERY_TYPE(query) == GST_QUERY_ACCEPT_CAPS) {
        gst_query_set_accept_caps_result(query, TRUE);
        return TRUE;
    }
    Converter &converter = impl(parent);
    if (is_nonblocking_query(query)) {
        // Neither parsers nor encoders answer this query.
        answer_nonblocking(query,
                           converter.is_direct() && peer_is_nonblocking(converter.src_pad()));
        return TRUE;
    }
    if (converter.is_direct()) return gst_pad_peer_query(converter.src_pad(), query);
    return gst_pad_query_default(pad, parent, query);
}

GstStateChangeReturn change_state(GstElement *element, GstStateChange transition) noexcept {
    if (transition == GST_STATE_CHANGE_READY_TO_PAUSED)
        guard(element, [&] { impl(element).start(); });
    if (transition == GST_STATE_CHANGE_PAUSED_TO_READY)
        guard(element, [&] { impl(element).begin_stop(); });
    const GstStateChangeReturn result =
        GST_ELEMENT_CLASS(parent_class)->change_state(element, transition);
    if (transition == GST_STATE_CHANGE_PAUSED_TO_READY)
        guard(element, [&] { impl(element).stop(); });
    return result;
}

void set_property(GObject *object, guint id, const GValue *value, GParamSpec *pspec) noexcept {
    guard(object, [&] {
        impl(object).change([&](Settings &settings, Mode &mode, GstClockTime &stream_wait) {
            switch (id) {
            case prop_codec:
                settings.codec = CodecId(g_value_get_enum(value));
                break;
            case prop_mode:
                mode = Mode(g_value_get_enum(value));
                break;
            case prop_bitrate:
                settings.bitrate = g_value_get_uint(value);
                break;
            case prop_keyframe_interval:
                settings.keyframe_interval = g_value_get_uint64(value);
                break;
            case prop_latency:
                settings.latency = Latency(g_value_get_enum(value));
                break;
            case prop_longest_gop:
                settings.longest_gop = g_value_get_uint64(value);
                break;
            case prop_b_frames:
                settings.b_frames = g_value_get_boolean(value);
                break;
            case prop_source_bitrate:
                settings.source_bitrate = g_value_get_boolean(value);
                break;
            case prop_stream_wait:
                stream_wait = g_value_get_uint64(value);
                break;
            default:
                G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
            }
        });
    });
}

void get_property(GObject *object, guint id, GValue *value, GParamSpec *pspec) noexcept {
    guard(object, [&] {
        const Settings settings = impl(object).settings();
        switch (id) {
        case prop_codec:
            g_value_set_enum(value, int(settings.codec));
            break;
        case prop_mode:
            g_value_set_enum(value, int(impl(object).mode()));
            break;
        case prop_bitrate:
            g_value_set_uint(value, settings.bitrate);
            break;
        case prop_keyframe_interval:
            g_value_set_uint64(value, settings.keyframe_interval);
            break;
        case prop_latency:
            g_value_set_enum(value, int(settings.latency));
            break;
        case prop_longest_gop:
            g_value_set_uint64(value, settings.longest_gop);
            break;
        case prop_b_frames:
            g_value_set_boolean(value, settings.b_frames);
            break;
        case prop_source_bitrate:
            g_value_set_boolean(value, settings.source_bitrate);
            break;
        case prop_stream_wait:
            g_value_set_uint64(value, impl(object).stream_wait());
            break;
        case prop_action:
            g_value_set_string(value, impl(object).action().c_str());
            break;
        case prop_reason:
            g_value_set_string(value, impl(object).reason().c_str());
            break;
        case prop_stats:
            g_value_take_boxed(value, impl(object).stats().release());
            break;
        default:
            G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
        }
    });
}

// impl is deleted last, because the pads' probes use it.
void finalize(GObject *object) noexcept {
    auto *converter = reinterpret_cast<PenstockCopyOrEncode *>(object)->impl;
    G_OBJECT_CLASS(parent_class)->finalize(object);
    delete converter;
}

} // namespace

static void penstock_copy_or_encode_class_init(PenstockCopyOrEncodeClass *klass) {
    GST_DEBUG_CATEGORY_INIT(penstock_copy_or_encode_debug, "copyorencode", 0,
                            "streams passed on or encoded");
    auto *object_class = G_OBJECT_CLASS(klass);
    object_class->set_property = set_property;
    object_class->get_property = get_property;
    object_class->finalize = finalize;
    const auto flags =
        GParamFlags(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY);
    const auto read_only = GParamFlags(G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
    const Settings defaults;
    g_object_class_install_property(object_class, prop_codec,
                                    g_param_spec_enum("codec", "Codec", "Output codec",
                                                      codec_type(), int(defaults.codec), flags));
    g_object_class_install_property(object_class, prop_mode,
                                    g_param_spec_enum("mode", "Mode", "When to encode", mode_type(),
                                                      int(Mode::automatic), flags));
    g_object_class_install_property(
        object_class, prop_bitrate,
        g_param_spec_uint("bitrate", "Bitrate",
                          "Bits a second where it encodes; 0: 2,500,000 for video, 128,000 for AAC "
                          "and MP3, 96,000 for Opus",
                          0, 200'000'000, defaults.bitrate, flags));
    g_object_class_install_property(
        object_class, prop_keyframe_interval,
        g_param_spec_uint64("keyframe-interval", "Keyframe interval",
                            "Nanoseconds between keyframes where it encodes", 100 * GST_MSECOND,
                            60 * GST_SECOND, defaults.keyframe_interval, flags));
    g_object_class_install_property(object_class, prop_latency,
                                    g_param_spec_enum("latency", "Latency", "Tuning of the encoder",
                                                      latency_type(), int(defaults.latency),
                                                      flags));
    g_object_class_install_property(
        object_class, prop_longest_gop,
        g_param_spec_uint64("longest-gop", "Longest GOP",
                            "Nanoseconds: video with keyframes further apart is encoded, where "
                            "livefilesrc is upstream, which reads its file for that; 0: it is not",
                            0, 3600 * GST_SECOND, defaults.longest_gop, flags));
    g_object_class_install_property(
        object_class, prop_b_frames,
        g_param_spec_boolean("b-frames", "B-frames",
                             "Whether there may be B-frames; false: video that has some is "
                             "encoded, without",
                             defaults.b_frames, flags));
    g_object_class_install_property(
        object_class, prop_source_bitrate,
        g_param_spec_boolean("source-bitrate", "Source's bitrate",
                             "Coded video that is encoded gets the bitrate at which it comes, "
                             "within two seconds; until then that of `bitrate`",
                             defaults.source_bitrate, flags));
    g_object_class_install_property(
        object_class, prop_stream_wait,
        g_param_spec_uint64(
            "stream-wait", "Stream wait",
            "Nanoseconds after which a sink pad that nothing is linked to counts as "
            "an ended stream, so that a muxer goes on without it; 0: never",
            0, 60 * GST_SECOND, 2 * GST_SECOND, flags));
    g_object_class_install_property(
        object_class, prop_action,
        g_param_spec_string("action", "Action",
                            "\"copied\", or \"encoded by\" which element; empty before data", "",
                            read_only));
    g_object_class_install_property(
        object_class, prop_reason,
        g_param_spec_string("reason", "Reason",
                            "Why the stream is encoded; empty where it is copied", "", read_only));
    g_object_class_install_property(
        object_class, prop_stats,
        g_param_spec_boxed("stats", "Statistics",
                           "bytes-in bytes-out buffers-in buffers-out drops peers uptime (ns) and "
                           "action",
                           GST_TYPE_STRUCTURE, read_only));

    auto *element_class = GST_ELEMENT_CLASS(klass);
    element_class->change_state = change_state;
    gst_element_class_add_static_pad_template(element_class, &sink_template);
    gst_element_class_add_static_pad_template(element_class, &src_template);
    gst_type_mark_as_plugin_api(codec_type(), GstPluginAPIFlags(0));
    gst_type_mark_as_plugin_api(mode_type(), GstPluginAPIFlags(0));
    gst_element_class_set_static_metadata(
        element_class, "Copy or encode", "Codec/Encoder/Video/Audio",
        "Passes on a stream that has the wanted codec, encodes one that has not",
        "The Penstock authors");
}

static void penstock_copy_or_encode_init(PenstockCopyOrEncode *self) {
    GstElementClass *klass = GST_ELEMENT_GET_CLASS(self);
    GstPad *sink = gst_ghost_pad_new_no_target_from_template(
        "sink", gst_element_class_get_pad_template(klass, "sink"));
    GstPad *src = gst_ghost_pad_new_no_target_from_template(
        "src", gst_element_class_get_pad_template(klass, "src"));
    gst_pad_set_event_function(sink, sink_event);
    gst_pad_set_query_function(sink, sink_query);
    gst_pad_set_chain_function(sink, sink_chain);
    gst_pad_set_chain_list_function(sink, sink_chain_list);
    gst_pad_set_event_function(src, src_event);
    gst_pad_set_query_function(src, src_query);
    gst_element_add_pad(GST_ELEMENT(self), sink);
    gst_element_add_pad(GST_ELEMENT(self), src);
    self->impl = new Converter(GST_BIN(self), sink, src);
}

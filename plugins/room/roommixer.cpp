// SPDX-License-Identifier: LGPL-2.1-or-later
#include "room/roommixer.h"

#include "gst/guard.h"
#include "room/mixer.h"

#include <gst/audio/audio.h>

/**
 * SECTION:element-roommixer
 * @title: roommixer
 * @short_description: mixes the participants of a conference into one video and one audio
 *
 * Each sink pad takes a participant, or a shared screen, as `video/x-flv`: video and audio in any
 * codec that flvlivedemux reads and a decoder is there for, either of them optional. What comes out
 * is raw video of a constant size and rate and raw audio, without a gap, from the start on: with
 * nobody there, a text and silence. Encode it, and the conference is a stream that anybody can
 * watch.
 *
 * In the layout `grid` all are alike, in as many columns as make them largest; in `speaker` the one
 * who speaks is large and the others are in a strip. Shared screens are large in both. Who speaks
 * is measured, and takes over after half a second; in the grid there is a frame around them. The
 * layout can be changed at any time.
 *
 * The tag `title` of an input is the name on its tile. Without video, or when none has come for
 * three seconds, the tile shows the initials. The tag `keywords` with the word `screen` says that
 * it is a shared screen. With more inputs than `max-tiles`, those who have spoken last are seen;
 * the others are heard, and their video is not decoded.
 *
 * Inputs come and go at any time: each has its own threads, and one that is slow, stops, or sends
 * what can't be decoded holds nothing up. Such a medium is left out with a warning that names the
 * input, and tried again later; frames with more pixels than 4096x2304 count as such. A live input
 * whose frames wait for a decoder for more than a second loses those up to the next keyframe, which
 * it is asked for (GstForceKeyUnit). Timestamps of live inputs are held near the time of their
 * arrival, so a sender's clock may be wrong. `latency` is how long the mix waits for frames: that
 * much later than they come they are seen and heard, with video and audio together.
 *
 * An input that ends (EOS) loses its tile, and its pad as soon as that is unlinked. So `room. :
 * mixer.`, which links each pad of `room` to a new one, also those that appear later, leaves none
 * behind. The mix itself ends when the element is sent EOS, and with `on-empty=eos` ten seconds
 * after the last input has gone.
 *
 * When not: to lay some streams of known sizes over one another, take compositor.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 roommixer name=mixer width=640 height=360 framerate=15 layout=speaker \
 *     mixer.video ! videoconvert ! fakesink sync=true mixer.audio ! fakesink sync=true \
 *     videotestsrc is-live=true ! video/x-raw,width=320,height=240,framerate=15/1 ! \
 *     vp8enc deadline=1 ! ann.video audiotestsrc is-live=true ! opusenc ! ann.audio \
 *     flvlivemux name=ann ! taginject tags="title=(string)Ann" ! mixer. \
 *     videotestsrc is-live=true pattern=ball ! video/x-raw,width=180,height=320 ! \
 *     vp8enc deadline=1 ! flvlivemux ! taginject tags="title=(string)Bob" ! mixer.
 * ]|
 * Ann, who has a tone, is large; Bob, whose video is upright, stands beside her.
 *
 * Since: 0.1.0
 */

GST_DEBUG_CATEGORY(penstock_roommixer_debug);
#define GST_CAT_DEFAULT penstock_roommixer_debug

using namespace penstock;
using room::Mixer;
using room::MixerSettings;
using room::OnEmpty;

#define penstock_room_mixer_parent_class parent_class
G_DEFINE_TYPE(PenstockRoomMixer, penstock_room_mixer, GST_TYPE_BIN)
GST_ELEMENT_REGISTER_DEFINE(roommixer, "roommixer", GST_RANK_NONE, penstock_room_mixer_get_type())

namespace {

enum Property {
    prop_0,
    prop_layout,
    prop_width,
    prop_height,
    prop_framerate,
    prop_latency,
    prop_max_tiles,
    prop_keyframe_interval,
    prop_empty_text,
    prop_on_empty,
    prop_stats
};

GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE(
    "sink_%u", GST_PAD_SINK, GST_PAD_REQUEST, GST_STATIC_CAPS("video/x-flv"));
GstStaticPadTemplate video_template = GST_STATIC_PAD_TEMPLATE(
    "video", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS("video/x-raw, format=(string)I420"));
GstStaticPadTemplate audio_template =
    GST_STATIC_PAD_TEMPLATE("audio", GST_PAD_SRC, GST_PAD_ALWAYS,
                            GST_STATIC_CAPS("audio/x-raw, format=(string)" GST_AUDIO_NE(
                                S16) ", rate=(int)48000, channels=(int)2"));

GType layout_type() {
    static const GType type = [] {
        static const GEnumValue values[] = {
            {int(layout::Kind::grid), "All alike", "grid"},
            {int(layout::Kind::speaker), "Who speaks is large", "speaker"},
            {0, nullptr, nullptr}};
        return g_enum_register_static("PenstockRoomLayout", values);
    }();
    return type;
}

GType on_empty_type() {
    static const GType type = [] {
        static const GEnumValue values[] = {
            {int(OnEmpty::wait), "Wait for the next input", "wait"},
            {int(OnEmpty::eos), "End the mix after ten seconds", "eos"},
            {0, nullptr, nullptr}};
        return g_enum_register_static("PenstockRoomMixerOnEmpty", values);
    }();
    return type;
}

Mixer &impl(gpointer object) {
    return *static_cast<PenstockRoomMixer *>(object)->impl;
}

GstPad *request_new_pad(GstElement *element, GstPadTemplate *templ, const gchar *name,
                        const GstCaps *) noexcept {
    return guard(element, static_cast<GstPad *>(nullptr),
                 [&] { return impl(element).request_pad(templ, name); });
}

void release_pad(GstElement *element, GstPad *pad) noexcept {
    guard(element, [&] { impl(element).release_pad(pad); });
}

GstStateChangeReturn change_state(GstElement *element, GstStateChange transition) noexcept {
    if (transition == GST_STATE_CHANGE_READY_TO_PAUSED &&
        !guard(element, false, [&] { return impl(element).start(); }))
        return GST_STATE_CHANGE_FAILURE;
    if (transition == GST_STATE_CHANGE_PAUSED_TO_PLAYING)
        guard(element, [&] { impl(element).play(); });
    GstStateChangeReturn result =
        GST_ELEMENT_CLASS(parent_class)->change_state(element, transition);
    if (transition == GST_STATE_CHANGE_PAUSED_TO_READY)
        guard(element, [&] { impl(element).stop(); });
    // As a live source: nothing comes out while it is paused.
    if ((transition == GST_STATE_CHANGE_READY_TO_PAUSED ||
         transition == GST_STATE_CHANGE_PLAYING_TO_PAUSED) &&
        result != GST_STATE_CHANGE_FAILURE)
        result = GST_STATE_CHANGE_NO_PREROLL;
    return result;
}

gboolean set_clock(GstElement *element, GstClock *clock) noexcept {
    const gboolean result = GST_ELEMENT_CLASS(parent_class)->set_clock(element, clock);
    guard(element, [&] { impl(element).note_clock(); });
    return result;
}

gboolean send_event(GstElement *element, GstEvent *event) noexcept {
    if (GST_EVENT_TYPE(event) != GST_EVENT_EOS)
        return GST_ELEMENT_CLASS(parent_class)->send_event(element, event);
    gst_event_unref(event);
    impl(element).end();
    return TRUE;
}

void handle_message(GstBin *bin, GstMessage *message) noexcept {
    // A decoder that begins is no reason for the pipeline to wait.
    const bool is_own = GST_MESSAGE_TYPE(message) == GST_MESSAGE_ASYNC_START ||
                        GST_MESSAGE_TYPE(message) == GST_MESSAGE_ASYNC_DONE;
    if (is_own || (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR &&
                   guard(bin, false, [&] { return impl(bin).take_error(message); }))) {
        gst_message_unref(message);
        return;
    }
    GST_BIN_CLASS(parent_class)->handle_message(bin, message);
}

void set_property(GObject *object, guint id, const GValue *value, GParamSpec *pspec) noexcept {
    guard(object, [&] {
        MixerSettings settings = impl(object).settings();
        switch (id) {
        case prop_layout:
            settings.layout = layout::Kind(g_value_get_enum(value));
            break;
        case prop_width:
            settings.width = g_value_get_uint(value) & ~1u;
            break;
        case prop_height:
            settings.height = g_value_get_uint(value) & ~1u;
            break;
        case prop_framerate:
            settings.framerate = g_value_get_uint(value);
            break;
        case prop_latency:
            settings.latency = g_value_get_uint64(value);
            break;
        case prop_max_tiles:
            settings.max_tiles = g_value_get_uint(value);
            break;
        case prop_keyframe_interval:
            settings.keyframe_interval = g_value_get_uint64(value);
            break;
        case prop_empty_text: {
            const gchar *text = g_value_get_string(value);
            settings.empty_text = text ? text : "";
            break;
        }
        case prop_on_empty:
            settings.on_empty = OnEmpty(g_value_get_enum(value));
            break;
        default:
            G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
            return;
        }
        impl(object).set_settings(settings);
    });
}

void get_property(GObject *object, guint id, GValue *value, GParamSpec *pspec) noexcept {
    guard(object, [&] {
        const MixerSettings settings = impl(object).settings();
        switch (id) {
        case prop_layout:
            g_value_set_enum(value, int(settings.layout));
            break;
        case prop_width:
            g_value_set_uint(value, settings.width);
            break;
        case prop_height:
            g_value_set_uint(value, settings.height);
            break;
        case prop_framerate:
            g_value_set_uint(value, settings.framerate);
            break;
        case prop_latency:
            g_value_set_uint64(value, settings.latency);
            break;
        case prop_max_tiles:
            g_value_set_uint(value, settings.max_tiles);
            break;
        case prop_keyframe_interval:
            g_value_set_uint64(value, settings.keyframe_interval);
            break;
        case prop_empty_text:
            g_value_set_string(value, settings.empty_text.c_str());
            break;
        case prop_on_empty:
            g_value_set_enum(value, int(settings.on_empty));
            break;
        case prop_stats:
            g_value_take_boxed(value, impl(object).stats().release());
            break;
        default:
            G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
        }
    });
}

// impl is deleted last, because the pads' functions and probes use it.
void finalize(GObject *object) noexcept {
    Mixer *mixer = reinterpret_cast<PenstockRoomMixer *>(object)->impl;
    G_OBJECT_CLASS(parent_class)->finalize(object);
    delete mixer;
}

void install_properties(GObjectClass *klass) {
    const auto fixed =
        GParamFlags(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY);
    const auto any_time =
        GParamFlags(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING);
    const MixerSettings defaults;
    const auto add_uint = [&](guint id, const char *name, const char *nick, const char *text,
                              guint least, guint most, guint value, GParamFlags flags) {
        g_object_class_install_property(
            klass, id, g_param_spec_uint(name, nick, text, least, most, value, flags));
    };
    g_object_class_install_property(klass, prop_layout,
                                    g_param_spec_enum("layout", "Layout",
                                                      "How the tiles are arranged", layout_type(),
                                                      int(defaults.layout), any_time));
    add_uint(prop_width, "width", "Width", "Pixels of the video, rounded down to an even number",
             64, 7680, defaults.width, fixed);
    add_uint(prop_height, "height", "Height", "Pixels of the video, rounded down to an even number",
             64, 7680, defaults.height, fixed);
    add_uint(prop_framerate, "framerate", "Frame rate", "Frames a second", 1, 120,
             defaults.framerate, fixed);
    g_object_class_install_property(
        klass, prop_latency,
        g_param_spec_uint64(
            "latency", "Latency",
            "Nanoseconds from when media come to when they are seen and heard; set it "
            "before pads are requested",
            0, 10 * GST_SECOND, defaults.latency, fixed));
    add_uint(prop_max_tiles, "max-tiles", "Most tiles", "Inputs that are seen at most", 1, 49,
             defaults.max_tiles, any_time);
    g_object_class_install_property(
        klass, prop_keyframe_interval,
        g_param_spec_uint64("keyframe-interval", "Keyframe interval",
                            "Nanoseconds after which the encoder that follows is asked for a "
                            "keyframe, also when frames are left out; 0: never",
                            0, 60 * GST_SECOND, defaults.keyframe_interval, fixed));
    g_object_class_install_property(klass, prop_empty_text,
                                    g_param_spec_string("empty-text", "Empty text",
                                                        "What is shown while nobody is there",
                                                        defaults.empty_text.c_str(), any_time));
    g_object_class_install_property(
        klass, prop_on_empty,
        g_param_spec_enum("on-empty", "On empty", "What to do when the last input has gone",
                          on_empty_type(), int(defaults.on_empty), any_time));
    g_object_class_install_property(
        klass, prop_stats,
        g_param_spec_boxed(
            "stats", "Statistics",
            "bytes-in bytes-out buffers-in (frames mixed) buffers-out (frames put out) drops peers "
            "(inputs) uptime (ns) tiles layouts (how often they were arranged) late (frames that "
            "came too late) audio-buffers-out (of 20 ms), and an array of "
            "inputs: pad, title, screen, state "
            "(video, name or absent), width, height, bytes-in, video-frames, audio-frames (decoded "
            "frames), drops (encoded frames left out), moves (how often the timestamps were moved "
            "to the time of arrival) and level (dBFS)",
            GST_TYPE_STRUCTURE, GParamFlags(G_PARAM_READABLE | G_PARAM_STATIC_STRINGS)));
    for (const GType type : {layout_type(), on_empty_type()})
        gst_type_mark_as_plugin_api(type, GstPluginAPIFlags(0));
}

} // namespace

static void penstock_room_mixer_class_init(PenstockRoomMixerClass *klass) {
    GST_DEBUG_CATEGORY_INIT(penstock_roommixer_debug, "roommixer", 0, "conferences mixed");
    auto *object_class = G_OBJECT_CLASS(klass);
    object_class->set_property = set_property;
    object_class->get_property = get_property;
    object_class->finalize = finalize;
    install_properties(object_class);

    auto *element_class = GST_ELEMENT_CLASS(klass);
    element_class->request_new_pad = request_new_pad;
    element_class->release_pad = release_pad;
    element_class->change_state = change_state;
    element_class->send_event = send_event;
    element_class->set_clock = set_clock;
    GST_BIN_CLASS(klass)->handle_message = handle_message;
    gst_element_class_add_static_pad_template(element_class, &sink_template);
    gst_element_class_add_static_pad_template(element_class, &video_template);
    gst_element_class_add_static_pad_template(element_class, &audio_template);
    gst_element_class_set_static_metadata(
        element_class, "Room mixer", "Generic/Mixer/Bin",
        "Mixes the participants of a conference into one video and one audio",
        "The Penstock authors");
}

static void penstock_room_mixer_init(PenstockRoomMixer *self) {
    GstElementClass *klass = GST_ELEMENT_GET_CLASS(self);
    GstPad *pads[2];
    const char *const names[] = {"video", "audio"};
    for (int i = 0; i < 2; ++i) {
        pads[i] = gst_ghost_pad_new_no_target_from_template(
            names[i], gst_element_class_get_pad_template(klass, names[i]));
        gst_element_add_pad(GST_ELEMENT(self), pads[i]);
    }
    self->impl = new Mixer(GST_BIN(self), pads[0], pads[1]);
    // It has no element that is a source as long as nothing comes in, and ends by EOS as a source
    // does.
    GST_OBJECT_FLAG_SET(self, GST_ELEMENT_FLAG_SOURCE);
    gst_bin_set_suppressed_flags(GST_BIN(self),
                                 GstElementFlags(GST_ELEMENT_FLAG_SOURCE | GST_ELEMENT_FLAG_SINK));
}

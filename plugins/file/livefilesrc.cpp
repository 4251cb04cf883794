// SPDX-License-Identifier: LGPL-2.1-or-later
#include "file/livefilesrc.h"

#include "file/file_source.h"
#include "file/tracks.h"
#include "gst/guard.h"

/**
 * SECTION:element-livefilesrc
 * @title: livefilesrc
 * @short_description: any media file as the source of a live stream
 *
 * Opens any media file that GStreamer can demux and gives its streams still encoded, parsed and
 * ready to be muxed: the pads `video` and `audio`. Of several tracks of a kind the one that the
 * file marks as the default is given, or the first; `audio-track` chooses another. A rotation that
 * the file asks for goes downstream as a tag (image-orientation), for which copyorencode turns the
 * video upright; `rotate=ignore` takes the tag out. With `loop` the file begins again at its end
 * without a gap: running time goes on (through the segment's base), no end of stream and no flush
 * is seen downstream, and audio and video keep their distance to one another however often the file
 * goes round.
 *
 * It does not pace: the sinks do (`sync=true`, or clocksync in front of an element that must not
 * be made to wait, such as goptee). It decodes nothing; where the streams have to be decoded, use
 * uridecodebin.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 livefilesrc location=movie.mp4 loop=true name=file \
 *     file.video ! queue ! fakesink sync=true file.audio ! queue ! fakesink sync=true
 * ]|
 * Plays movie.mp4 round and round at its own speed.
 *
 * Since: 0.1.0
 */

GST_DEBUG_CATEGORY(penstock_live_file_src_debug);
#define GST_CAT_DEFAULT penstock_live_file_src_debug

using namespace penstock;

#define penstock_live_file_src_parent_class parent_class
G_DEFINE_TYPE(PenstockLiveFileSrc, penstock_live_file_src, GST_TYPE_BIN)
GST_ELEMENT_REGISTER_DEFINE(livefilesrc, "livefilesrc", GST_RANK_NONE,
                            penstock_live_file_src_get_type())

namespace {

enum Property { prop_0, prop_location, prop_loop, prop_rotate, prop_audio_track, prop_stats };

GstStaticPadTemplate video_template =
    GST_STATIC_PAD_TEMPLATE("video", GST_PAD_SRC, GST_PAD_SOMETIMES, GST_STATIC_CAPS_ANY);
GstStaticPadTemplate audio_template =
    GST_STATIC_PAD_TEMPLATE("audio", GST_PAD_SRC, GST_PAD_SOMETIMES, GST_STATIC_CAPS_ANY);

GType rotate_type() {
    static const GEnumValue values[] = {
        {int(file::Rotate::pass),
         "The orientation tag goes downstream: copyorencode turns the "
         "video upright",
         "auto"},
        {int(file::Rotate::ignore),
         "The orientation tag is taken out: the video stays as it is "
         "stored",
         "ignore"},
        {0, nullptr, nullptr},
    };
    static const GType type = g_enum_register_static("PenstockLiveFileSrcRotate", values);
    return type;
}

file::FileSource &impl(gpointer object) {
    return *static_cast<PenstockLiveFileSrc *>(object)->impl;
}

GstStateChangeReturn change_state(GstElement *element, GstStateChange transition) noexcept {
    file::FileSource &source = impl(element);
    if (transition == GST_STATE_CHANGE_READY_TO_PAUSED &&
        !guard(element, false, [&] { return source.open(); }))
        return GST_STATE_CHANGE_FAILURE;
    if (transition == GST_STATE_CHANGE_PAUSED_TO_READY) source.begin_close();
    const GstStateChangeReturn result =
        GST_ELEMENT_CLASS(parent_class)->change_state(element, transition);
    if (transition == GST_STATE_CHANGE_PAUSED_TO_READY ||
        (transition == GST_STATE_CHANGE_READY_TO_PAUSED && result == GST_STATE_CHANGE_FAILURE))
        guard(element, [&] { source.close(); });
    return result;
}

void handle_message(GstBin *bin, GstMessage *message) noexcept {
    if (guard(bin, false, [&] { return impl(bin).take_message(message); }))
        gst_message_unref(message);
    else
        GST_BIN_CLASS(parent_class)->handle_message(bin, message);
}

void set_property(GObject *object, guint id, const GValue *value, GParamSpec *pspec) noexcept {
    guard(object, [&] {
        switch (id) {
        case prop_location:
            impl(object).set_location(g_value_get_string(value));
            break;
        case prop_loop:
            impl(object).loop = g_value_get_boolean(value);
            break;
        case prop_rotate:
            impl(object).rotate = file::Rotate(g_value_get_enum(value));
            break;
        case prop_audio_track:
            impl(object).audio_track = g_value_get_int(value);
            break;
        default:
            G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
        }
    });
}

void get_property(GObject *object, guint id, GValue *value, GParamSpec *pspec) noexcept {
    guard(object, [&] {
        switch (id) {
        case prop_location:
            g_value_set_string(value, impl(object).location().c_str());
            break;
        case prop_loop:
            g_value_set_boolean(value, impl(object).loop);
            break;
        case prop_rotate:
            g_value_set_enum(value, int(impl(object).rotate.load()));
            break;
        case prop_audio_track:
            g_value_set_int(value, impl(object).audio_track);
            break;
        case prop_stats:
            g_value_take_boxed(value, impl(object).stats().release());
            break;
        default:
            G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
        }
    });
}

// The children are destroyed before impl, because their signals use it.
void finalize(GObject *object) noexcept {
    auto *source = reinterpret_cast<PenstockLiveFileSrc *>(object)->impl;
    G_OBJECT_CLASS(parent_class)->finalize(object);
    delete source;
}

} // namespace

static void penstock_live_file_src_class_init(PenstockLiveFileSrcClass *klass) {
    GST_DEBUG_CATEGORY_INIT(penstock_live_file_src_debug, "livefilesrc", 0,
                            "media files as live sources");
    auto *object_class = G_OBJECT_CLASS(klass);
    object_class->set_property = set_property;
    object_class->get_property = get_property;
    object_class->finalize = finalize;
    const auto flags = GParamFlags(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS);
    g_object_class_install_property(
        object_class, prop_location,
        g_param_spec_string("location", "Location", "Path or file:// URI of the media file", "",
                            GParamFlags(flags | GST_PARAM_MUTABLE_READY)));
    g_object_class_install_property(
        object_class, prop_loop,
        g_param_spec_boolean("loop", "Loop",
                             "Begin again at the end of the file; running time goes on", FALSE,
                             GParamFlags(flags | GST_PARAM_MUTABLE_PLAYING)));
    g_object_class_install_property(
        object_class, prop_rotate,
        g_param_spec_enum("rotate", "Rotate",
                          "Treatment of a rotation or flip that the file asks for", rotate_type(),
                          int(file::Rotate::pass), GParamFlags(flags | GST_PARAM_MUTABLE_READY)));
    gst_type_mark_as_plugin_api(rotate_type(), GstPluginAPIFlags(0));
    g_object_class_install_property(
        object_class, prop_audio_track,
        g_param_spec_int("audio-track", "Audio track",
                         "Which of several audio tracks is played: an index from 0 in the file's "
                         "order; -1: the default track, or the first if none is marked so",
                         file::automatic_track, int(file::most_tracks) - 1, file::automatic_track,
                         GParamFlags(flags | GST_PARAM_MUTABLE_READY)));
    g_object_class_install_property(
        object_class, prop_stats,
        g_param_spec_boxed(
            "stats", "Statistics",
            "bytes-in, bytes-out, buffers-in, buffers-out, drops, peers (linked "
            "pads), uptime (ns), loops, ignored-streams, audio-tracks and audio-track "
            "(the one that is played; -1: none)",
            GST_TYPE_STRUCTURE, GParamFlags(G_PARAM_READABLE | G_PARAM_STATIC_STRINGS)));

    auto *element_class = GST_ELEMENT_CLASS(klass);
    element_class->change_state = change_state;
    GST_BIN_CLASS(klass)->handle_message = handle_message;
    gst_element_class_add_static_pad_template(element_class, &video_template);
    gst_element_class_add_static_pad_template(element_class, &audio_template);
    gst_element_class_set_static_metadata(
        element_class, "Live file source", "Source/File",
        "Gives a media file's encoded streams, looping without a gap", "The Penstock authors");
}

static void penstock_live_file_src_init(PenstockLiveFileSrc *self) {
    self->impl = new file::FileSource(GST_BIN(self));
    GST_OBJECT_FLAG_SET(self, GST_ELEMENT_FLAG_SOURCE);
}

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "flv/flvlivemux.h"

#include "flv/muxer.h"
#include "gst/live_muxer_class.h"

/**
 * SECTION:element-flvlivemux
 * @title: flvlivemux
 * @short_description: wraps live video and audio in FLV, one tag per buffer
 *
 * Makes `video/x-flv` that servers and caches can use without looking inside: every buffer is one
 * tag; the caps have a `streamheader`; the stream begins with HEADER-flagged file header, metadata
 * and codec configuration and then a keyframe; with video, video keyframes alone lack DELTA_UNIT;
 * buffers keep their times to the nanosecond. B-frames that decode before time zero shift the
 * whole stream instead of wrapping around.
 *
 * A pad that never gets caps does not hold up the other for longer than `stream-wait`; when it
 * gets some later, its configuration follows in the stream. No queues are needed in front of it
 * as long as audio and video lie within `stream-wait` of each other.
 *
 * With `interleave=false` nothing waits for the other medium: right before rtcserversink, where
 * audio that is encoded would hold up the video; wrong for files, and for players of FLV.
 *
 * H.264, AAC and MP3 get the tags that every player knows; H.265, AV1, VP9, VP8, Opus, AC-3, E-AC-3
 * and FLAC those of Enhanced RTMP, which ffmpeg 7 (audio: 9) and mpegts.js 1.8 read.
 * Further tracks, such as other languages, come in on `audio_1`, `video_1` and so on and become
 * Multitrack tags; players that do not know these play the tracks of `video` and `audio`.
 *
 * When not: for files that shall be sought in (it writes no index and no duration), and for G.711
 * or Speex, use flvmux.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 videotestsrc num-buffers=90 ! video/x-raw,format=I420,framerate=30/1 ! x264enc
 * tune=zerolatency key-int-max=30 ! mux.video audiotestsrc num-buffers=130 ! audioconvert !
 * avenc_aac ! mux.audio flvlivemux name=mux ! filesink location=/dev/null
 * ]|
 * Three seconds of picture and tone as FLV.
 *
 * Since: 0.1.0
 */

GST_DEBUG_CATEGORY(penstock_flvlivemux_debug);
#define GST_CAT_DEFAULT penstock_flvlivemux_debug

using namespace penstock;

#define penstock_flvlivemux_parent_class parent_class
G_DEFINE_TYPE(PenstockFlvLiveMux, penstock_flvlivemux, GST_TYPE_AGGREGATOR)
GST_ELEMENT_REGISTER_DEFINE(flvlivemux, "flvlivemux", GST_RANK_NONE, penstock_flvlivemux_get_type())

namespace {

using Class = LiveMuxerClass<struct FlvLiveMux>;

GstStaticPadTemplate src_template =
    GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS("video/x-flv"));

} // namespace

static void penstock_flvlivemux_class_init(PenstockFlvLiveMuxClass *klass) {
    GST_DEBUG_CATEGORY_INIT(penstock_flvlivemux_debug, "flvlivemux", 0, "live FLV muxer");
    Class::init(klass, parent_class, true);
    auto *element_class = GST_ELEMENT_CLASS(klass);
    gst_element_class_add_static_pad_template_with_gtype(element_class, &src_template,
                                                         GST_TYPE_AGGREGATOR_PAD);
    Class::add_sink_template(element_class, "video", flv::writable_caps(flv::TagType::video).get());
    Class::add_sink_template(element_class, "audio", flv::writable_caps(flv::TagType::audio).get());
    Class::add_sink_template(element_class, "video_%u",
                             flv::writable_caps(flv::TagType::video).get());
    Class::add_sink_template(element_class, "audio_%u",
                             flv::writable_caps(flv::TagType::audio).get());
    gst_element_class_set_static_metadata(
        element_class, "Live FLV muxer", "Codec/Muxer",
        "Wraps live video and audio in FLV with the flags and headers that servers need",
        "The Penstock authors");
}

static void penstock_flvlivemux_init(PenstockFlvLiveMux *self) {
    self->element.impl = new flv::Muxer(GST_AGGREGATOR(self));
}

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "ts/tslivemux.h"

#include "ts/muxer.h"

/**
 * SECTION:element-tslivemux
 * @title: tslivemux
 * @short_description: wraps live H.264 and AAC or Opus in MPEG-TS, one datagram per buffer
 *
 * Makes MPEG-TS for UDP, RTP and SRT: every buffer has seven packets (1316 bytes) or, where a
 * video frame ends, fewer, so that no frame waits for the next one. The program tables come every
 * 100 ms and before each keyframe, H.264 parameter sets with each keyframe, so that a player that
 * joins late can begin at the next keyframe. Buffers have the timestamps of the media in them: a
 * sink with sync=true paces a file.
 *
 * A pad that never gets caps does not hold up the other for longer than `stream-wait`: a file
 * without audio needs no pipeline of its own. No queues are needed in front of it as long as the
 * timestamps of audio and video differ by less than `stream-wait`.
 *
 * When not: for other codecs, several programs or a constant bitrate, use mpegtsmux.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 videotestsrc num-buffers=90 ! video/x-raw,format=I420,framerate=30/1 ! x264enc
 * tune=zerolatency key-int-max=30 ! mux.video audiotestsrc num-buffers=130 ! audioconvert !
 * avenc_aac ! mux.audio tslivemux name=mux ! udpsink host=127.0.0.1 port=25000
 * ]|
 * Sends three seconds of video and audio to `mpv udp://127.0.0.1:25000`.
 *
 * Since: 0.1.0
 */

GST_DEBUG_CATEGORY(penstock_tslivemux_debug);
#define GST_CAT_DEFAULT penstock_tslivemux_debug

using namespace penstock;

#define penstock_tslivemux_parent_class parent_class
G_DEFINE_TYPE(PenstockTsLiveMux, penstock_tslivemux, GST_TYPE_AGGREGATOR)
GST_ELEMENT_REGISTER_DEFINE(tslivemux, "tslivemux", GST_RANK_NONE, penstock_tslivemux_get_type())

namespace {

using Class = LiveMuxerClass<struct TsLiveMux>;

GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE(
    "src", GST_PAD_SRC, GST_PAD_ALWAYS,
    GST_STATIC_CAPS("video/mpegts, systemstream=(boolean)true, packetsize=(int)188"));

void add_sink_template(GstElementClass *klass, const char *name, const char *caps) {
    Class::add_sink_template(klass, name, GstPtr<GstCaps>::adopt(gst_caps_from_string(caps)).get());
}

} // namespace

static void penstock_tslivemux_class_init(PenstockTsLiveMuxClass *klass) {
    GST_DEBUG_CATEGORY_INIT(penstock_tslivemux_debug, "tslivemux", 0, "live MPEG-TS muxer");
    Class::init(klass, parent_class);
    auto *element_class = GST_ELEMENT_CLASS(klass);
    gst_element_class_add_static_pad_template_with_gtype(element_class, &src_template,
                                                         GST_TYPE_AGGREGATOR_PAD);
    add_sink_template(element_class, "video",
                      "video/x-h264, stream-format=(string){avc, byte-stream}, "
                      "alignment=(string)au");
    add_sink_template(element_class, "audio",
                      "audio/mpeg, mpegversion=(int)4, stream-format=(string){raw, adts}; "
                      "audio/x-opus, channel-mapping-family=(int)0");
    gst_element_class_set_static_metadata(
        element_class, "Live MPEG-TS muxer", "Codec/Muxer",
        "Wraps live H.264 and AAC or Opus in MPEG-TS, one datagram per buffer",
        "The Penstock authors");
}

static void penstock_tslivemux_init(PenstockTsLiveMux *self) {
    self->element.impl = new ts::Muxer(GST_AGGREGATOR(self));
}

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "rtc/pull_tracks.h"

#include <gst/webrtc/webrtc.h>

#include <array>
#include <string_view>

GST_DEBUG_CATEGORY_EXTERN(penstock_rtc_pull_src_debug);
#define GST_CAT_DEFAULT penstock_rtc_pull_src_debug

namespace penstock::rtc {
namespace {

constexpr const char *muxer_name = "muxer";

// Payload types are far apart, because webrtcbin puts those of rtx between them.
constexpr const char *video_caps =
    "application/x-rtp,media=video,encoding-name=H264,clock-rate=90000,payload=96,"
    "packetization-mode=(string)1,profile-level-id=(string)42e01f,"
    "level-asymmetry-allowed=(string)1;"
    "application/x-rtp,media=video,encoding-name=H264,clock-rate=90000,payload=98,"
    "packetization-mode=(string)1,profile-level-id=(string)4d001f,"
    "level-asymmetry-allowed=(string)1;"
    "application/x-rtp,media=video,encoding-name=H264,clock-rate=90000,payload=100,"
    "packetization-mode=(string)1,profile-level-id=(string)640028,"
    "level-asymmetry-allowed=(string)1;"
    "application/x-rtp,media=video,encoding-name=VP8,clock-rate=90000,payload=102;"
    "application/x-rtp,media=video,encoding-name=VP9,clock-rate=90000,payload=104;"
    "application/x-rtp,media=video,encoding-name=H265,clock-rate=90000,payload=106";
constexpr const char *audio_caps =
    "application/x-rtp,media=audio,encoding-name=OPUS,clock-rate=48000,payload=111,"
    "encoding-params=(string)2";

struct Chain {
    std::string_view encoding;
    const char *muxer_pad;
    const char *launch;
};

constexpr std::array chains{
    Chain{"H264", "video",
          "rtph264depay request-keyframe=true wait-for-keyframe=true ! h264parse ! "
          "capsfilter caps=video/x-h264,stream-format=avc,alignment=au"},
    Chain{
        "H265", "video",
        "rtph265depay ! h265parse ! capsfilter caps=video/x-h265,stream-format=hvc1,alignment=au"},
    Chain{"VP8", "video", "rtpvp8depay request-keyframe=true wait-for-keyframe=true"},
    Chain{"VP9", "video",
          "rtpvp9depay request-keyframe=true wait-for-keyframe=true ! vp9parse ! "
          "capsfilter caps=video/x-vp9,alignment=frame"},
    Chain{"OPUS", "audio", "rtpopusdepay"},
};

const Chain *chain_of(GstPad *pad) {
    const auto caps = GstPtr<GstCaps>::adopt(gst_pad_get_current_caps(pad));
    if (!caps) return nullptr;
    const gchar *name =
        gst_structure_get_string(gst_caps_get_structure(caps.get(), 0), "encoding-name");
    for (const Chain &one : chains)
        if (name && g_ascii_strcasecmp(name, std::string(one.encoding).c_str()) == 0) return &one;
    return nullptr;
}

void add_receiver(Connection &connection, const char *text, bool is_video) {
    const auto caps = GstPtr<GstCaps>::adopt(gst_caps_from_string(text));
    GstWebRTCRTPTransceiver *transceiver = nullptr;
    g_signal_emit_by_name(connection.webrtc(), "add-transceiver",
                          GST_WEBRTC_RTP_TRANSCEIVER_DIRECTION_RECVONLY, caps.get(), &transceiver);
    if (!transceiver) return;
    g_object_set(transceiver, "do-nack", gboolean(is_video), nullptr);
    gst_object_unref(transceiver);
}

/// rtpbin sets a track back by what the sender's reports correct of picture and sound. Its frames
/// then wait for the time that has been: further back it is another time.
GstPadProbeReturn hold_time(GstPad *, GstPadProbeInfo *info, gpointer data) {
    constexpr GstClockTime longest = GST_SECOND;
    auto &last = *static_cast<GstClockTime *>(data);
    GstBuffer *buffer = gst_buffer_make_writable(GST_PAD_PROBE_INFO_BUFFER(info));
    GST_PAD_PROBE_INFO_DATA(info) = buffer;
    const GstClockTime time = GST_BUFFER_PTS(buffer);
    if (!GST_CLOCK_TIME_IS_VALID(time)) return GST_PAD_PROBE_OK;
    if (GST_CLOCK_TIME_IS_VALID(last) && time < last && last - time < longest) {
        GST_BUFFER_PTS(buffer) = last;
        if (GST_CLOCK_TIME_IS_VALID(GST_BUFFER_DTS(buffer))) GST_BUFFER_DTS(buffer) = last;
    } else {
        last = time;
    }
    return GST_PAD_PROBE_OK;
}

/// Makes a chain in front of the muxer's pad; nullptr: an element is missing, or the pad.
GstElement *make_chain(GstBin *bin, const Chain &chain) {
    const auto muxer = GstPtr<GstElement>::adopt(gst_bin_get_by_name(bin, muxer_name));
    const auto sink =
        muxer ? GstPtr<GstPad>::adopt(gst_element_get_static_pad(muxer.get(), chain.muxer_pad))
              : GstPtr<GstPad>();
    if (!sink || gst_pad_is_linked(sink.get())) return nullptr;
    GError *error = nullptr;
    GstElement *made = gst_parse_bin_from_description(chain.launch, TRUE, &error);
    if (error) {
        GST_WARNING("%s: %s", chain.launch, error->message);
        g_error_free(error);
    }
    if (!made) return nullptr;
    gst_bin_add(bin, made);
    const auto out = GstPtr<GstPad>::adopt(gst_element_get_static_pad(made, "src"));
    gst_pad_add_probe(out.get(), GST_PAD_PROBE_TYPE_BUFFER, hold_time,
                      new GstClockTime(GST_CLOCK_TIME_NONE),
                      [](gpointer last) { delete static_cast<GstClockTime *>(last); });
    gst_pad_link(out.get(), sink.get());
    return made;
}

} // namespace

void add_receivers(Connection &connection) {
    add_receiver(connection, audio_caps, false);
    add_receiver(connection, video_caps, true);
}

GstPtr<GstPad> add_muxer(Connection &connection, const sdp::Offer &answer, bool interleave,
                         std::string &reason) {
    GstElement *muxer = gst_element_factory_make("flvlivemux", muxer_name);
    if (!muxer) {
        reason = "there is no element flvlivemux";
        return {};
    }
    g_object_set(muxer, "interleave", gboolean(interleave), nullptr);
    gst_bin_add(connection.bin(), muxer);
    bool has_any = false;
    for (const sdp::MediaSection &section : answer.media) {
        const bool sends = !section.is_rejected && (section.direction == sdp::Direction::sendonly ||
                                                    section.direction == sdp::Direction::sendrecv);
        if (!sends || (section.kind != sdp::Kind::video && section.kind != sdp::Kind::audio))
            continue;
        const char *name = section.kind == sdp::Kind::video ? "video" : "audio";
        // The muxer has the pad until it is gone.
        const auto pad = GstPtr<GstPad>::adopt(gst_element_request_pad_simple(muxer, name));
        has_any = has_any || pad;
    }
    if (!has_any) {
        reason = "the server sends nothing of what is asked for";
        return {};
    }
    return GstPtr<GstPad>::adopt(gst_element_get_static_pad(muxer, "src"));
}

bool link_track(GstBin *bin, GstPad *pad) {
    const Chain *chain = chain_of(pad);
    GstElement *next = chain ? make_chain(bin, *chain) : nullptr;
    const bool is_used = next != nullptr;
    if (!next) {
        next = gst_element_factory_make("fakesink", nullptr);
        if (!next) return false;
        g_object_set(next, "async", FALSE, "sync", FALSE, nullptr);
        gst_bin_add(bin, next);
    }
    const auto sink = GstPtr<GstPad>::adopt(gst_element_get_static_pad(next, "sink"));
    gst_pad_link(pad, sink.get());
    gst_element_sync_state_with_parent(next);
    return is_used && std::string_view(chain->muxer_pad) == "video";
}

} // namespace penstock::rtc

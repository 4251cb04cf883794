// SPDX-License-Identifier: LGPL-2.1-or-later
#include "rtc/push_tracks.h"

#include "core/codec/avc.h"

#include <gst/webrtc/webrtc.h>

#include <array>
#include <cstdio>

namespace penstock::rtc {
namespace {

using flv::fourcc;
using flv::TagType;

struct Payloader {
    TagType type;
    uint32_t codec;
    const char *factory;
    const char *settings; ///< as in launch lines
    const char *caps;     ///< that are offered
};

constexpr std::array payloaders{
    Payloader{TagType::video, fourcc("avc1"), "rtph264pay",
              "pt=96 mtu=1200 config-interval=-1 aggregate-mode=zero-latency",
              "application/x-rtp,media=video,encoding-name=H264,clock-rate=90000,payload=96,"
              "packetization-mode=(string)1"},
    Payloader{TagType::video, fourcc("hvc1"), "rtph265pay",
              "pt=96 mtu=1200 config-interval=-1 aggregate-mode=zero-latency",
              "application/x-rtp,media=video,encoding-name=H265,clock-rate=90000,payload=96"},
    Payloader{TagType::video, fourcc("vp08"), "rtpvp8pay", "pt=96 mtu=1200 picture-id-mode=15-bit",
              "application/x-rtp,media=video,encoding-name=VP8,clock-rate=90000,payload=96"},
    Payloader{TagType::video, fourcc("vp09"), "rtpvp9pay", "pt=96 mtu=1200 picture-id-mode=15-bit",
              "application/x-rtp,media=video,encoding-name=VP9,clock-rate=90000,payload=96"},
    Payloader{TagType::audio, fourcc("Opus"), "rtpopuspay", "pt=111 mtu=1200",
              "application/x-rtp,media=audio,encoding-name=OPUS,clock-rate=48000,payload=111,"
              "encoding-params=(string)2"},
    Payloader{TagType::audio, fourcc("ulaw"), "rtppcmupay", "pt=0 mtu=1200",
              "application/x-rtp,media=audio,encoding-name=PCMU,clock-rate=8000,payload=0"},
    Payloader{TagType::audio, fourcc("alaw"), "rtppcmapay", "pt=8 mtu=1200",
              "application/x-rtp,media=audio,encoding-name=PCMA,clock-rate=8000,payload=8"},
};

const Payloader *payloader_of(TagType type, uint32_t codec) {
    for (const Payloader &one : payloaders)
        if (one.type == type && one.codec == codec) return &one;
    return nullptr;
}

GstElement *make(Connection &connection, const char *factory, const char *name,
                 std::string &reason) {
    GstElement *element = gst_element_factory_make(factory, name);
    if (!element) {
        reason = std::string("there is no element ") + factory;
        return nullptr;
    }
    gst_bin_add(connection.bin(), element);
    return element;
}

void set_settings(GstElement *element, const char *settings) {
    const auto values = GstPtr<GstStructure>::adopt(
        gst_structure_from_string((std::string("s,") + settings).c_str(), nullptr));
    gst_structure_foreach(
        values.get(),
        [](GQuark name, const GValue *value, gpointer to) -> gboolean {
            const GOwned<> text(gst_value_serialize(value));
            gst_util_set_object_arg(G_OBJECT(to), g_quark_to_string(name), text.get());
            return TRUE;
        },
        element);
}

/// A payloader in front of webrtcbin, which is going to offer it.
bool add_payloader(Connection &connection, const Payloader &one, const PushTracks &tracks,
                   std::string &reason) {
    const char *name = one.type == TagType::video ? "video" : "audio";
    GstElement *payloader = make(connection, one.factory, name, reason);
    if (!payloader) return false;
    std::string settings = one.settings;
    for (char &c : settings)
        if (c == ' ') c = ',';
    set_settings(payloader, settings.c_str());
    auto caps = GstPtr<GstCaps>::adopt(gst_caps_from_string(one.caps));
    if (one.codec == fourcc("avc1") && !tracks.profile.empty())
        gst_caps_set_simple(caps.get(), "profile-level-id", G_TYPE_STRING, tracks.profile.c_str(),
                            nullptr);
    GstPadTemplate *sinks = gst_element_get_pad_template(connection.webrtc(), "sink_%u");
    const auto pad = GstPtr<GstPad>::adopt(
        gst_element_request_pad(connection.webrtc(), sinks, nullptr, caps.get()));
    const auto out = GstPtr<GstPad>::adopt(gst_element_get_static_pad(payloader, "src"));
    if (!pad || gst_pad_link(out.get(), pad.get()) != GST_PAD_LINK_OK) {
        reason = std::string("webrtcbin takes no ") + name;
        return false;
    }
    GstWebRTCRTPTransceiver *transceiver = nullptr;
    g_object_get(pad.get(), "transceiver", &transceiver, nullptr);
    if (transceiver) {
        g_object_set(transceiver, "direction", GST_WEBRTC_RTP_TRANSCEIVER_DIRECTION_SENDONLY,
                     "codec-preferences", caps.get(), "do-nack",
                     gboolean(one.type == TagType::video), nullptr);
        gst_object_unref(transceiver);
    }
    return true;
}

/// Links what the demuxer finds; further tracks stay unlinked.
void on_pad(GstElement *demux, GstPad *pad, gpointer) {
    const GOwned<> name(gst_pad_get_name(pad));
    const auto parent = GstPtr<GstObject>::adopt(gst_element_get_parent(demux));
    if (!parent) return;
    const auto payloader =
        GstPtr<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(parent.get()), name.get()));
    if (!payloader) return;
    const auto sink = GstPtr<GstPad>::adopt(gst_element_get_static_pad(payloader.get(), "sink"));
    if (sink && !gst_pad_is_linked(sink.get())) gst_pad_link(pad, sink.get());
}

} // namespace

bool can_push(TagType type, uint32_t codec, std::string *remedy) {
    const Payloader *one = payloader_of(type, codec);
    if (one) {
        const auto factory =
            GstPtr<GstElementFactory>::adopt(gst_element_factory_find(one->factory));
        if (factory) return true;
    }
    if (!remedy) return false;
    const std::string name = flv::codec_name(codec) == "mp4a" ? "AAC" : flv::codec_name(codec);
    *remedy = one ? name + " needs the element " + one->factory + ", which is not installed"
              : type == TagType::audio
                  ? name + " is not sent over WebRTC: put copyorencode codec=opus in front of the "
                           "muxer that makes this stream"
                  : name + " is not sent over WebRTC: encode H.264, VP8 or VP9";
    return false;
}

std::string profile_of(const flv::Tag &config) {
    const auto header = flv::parse_body(config.type, config.body_view());
    if (!header || header->codec != fourcc("avc1") || header->packet != flv::PacketType::config)
        return {};
    codec::AvcConfig record;
    const ByteView bytes = config.body_view().subspan(header->payload, header->payload_size);
    if (!codec::parse_avc_config(bytes, record).is_ok()) return {};
    char text[7];
    std::snprintf(text, sizeof text, "%02x%02x%02x", record.profile, record.compatibility,
                  record.level);
    return text;
}

GstPtr<GstPad> add_payloaders(Connection &connection, const PushTracks &tracks,
                              std::string &reason) {
    GstElement *demux = make(connection, "flvlivedemux", nullptr, reason);
    if (!demux) return {};
    g_signal_connect(demux, "pad-added", G_CALLBACK(on_pad), nullptr);
    // OBS offers audio first, and servers know that best.
    const std::pair<TagType, uint32_t> wanted[] = {{TagType::audio, tracks.audio},
                                                   {TagType::video, tracks.video}};
    for (const auto &[type, codec] : wanted)
        if (codec != 0 && can_push(type, codec) &&
            !add_payloader(connection, *payloader_of(type, codec), tracks, reason))
            return {};
    return GstPtr<GstPad>::adopt(gst_element_get_static_pad(demux, "sink"));
}

} // namespace penstock::rtc

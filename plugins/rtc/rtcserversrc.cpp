// SPDX-License-Identifier: LGPL-2.1-or-later
// The element rtcserversrc: a server source whose listener is the core library's WebRTC server.
/**
 * SECTION:element-rtcserversrc
 * @title: rtcserversrc
 * @short_description: receives a stream that is published to us over WebRTC (WHIP)
 *
 * Takes one publisher at `location` (OBS 30 and later, a browser, ffmpeg's whip muxer, GStreamer's
 * whipclientsink) by WHIP (RFC 9725): offer and answer over HTTP, media over the UDP port `udp`.
 * What comes out is `video/x-flv`, one tag a buffer: H.264, HEVC, VP8, VP9 or AV1 as they came, and
 * Opus (Enhanced RTMP v2). That is the form in which streams of all protocols meet: behind it stand
 * `goptee`, the same sinks as behind rtmpserversrc, or flvlivedemux for the frames. Opus is for
 * players that know Enhanced RTMP; copyorencode makes AAC of it for others.
 *
 * The HTTP address is shared with httpserversink, hlssegmenter and the viewers' page, the UDP port
 * with every WebRTC element that names it. Elements at one HTTP address give the same `udp`,
 * `announce`, `ice-servers`, scheme and certificate.
 *
 * When the publisher goes, the element waits for the next one (`on-unpublish=wait`) or ends the
 * stream (`eos`). One that stays connected and sends no media for `silence-timeout` is closed, and
 * loses its name. `republish` decides about a second publisher of the name, as in rtmpserversrc.
 *
 * When not: to receive RTMP, use rtmpserversrc; to serve browsers, rtcserversink.
 *
 * ## Addresses
 * Peers send to the addresses that the answer names: those of the machine's interfaces, or those of
 * `announce`. Where the machine is behind NAT, or in a container without the host's network, only
 * `announce` has the address that peers can reach; the UDP port has to be forwarded unchanged.
 * Peers whose networks let no UDP through come to the TCP port of the same number, which is open
 * too unless another program has it. `ice-servers` are for those that can't reach that either: they
 * may reach a TURN server, which in turn reaches the UDP port.
 *
 * ## HTTPS
 * Browsers give a page camera and microphone only if it came by https:// (or from this machine),
 * and such a page can't ask an http:// location. `location=https://…` takes `tls-certificate` and
 * `tls-key`, as in httpserversink. Media are encrypted (DTLS-SRTP) with both.
 *
 * ## Authorization
 * The signal `authorize` asks the application about each publisher. Its handlers get a structure
 * with `id`, `protocol`, `address`, `path`, `query`, `key`, `client` and `publish`, and return
 * whether the publisher is admitted. They run on threads of their own, up to sixteen at a time, so
 * they may block; a publisher without an answer after five seconds is refused. Without a handler
 * `publish-key` alone decides. `peer-connected` and `peer-disconnected` (with a `reason`) are
 * emitted on another thread, in order.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 rtcserversrc location=http://127.0.0.1:28081/live/cam/whip udp=127.0.0.1:28189 !
 * goptee ! fakesink async=false
 * ]|
 * Waits for a publisher, such as OBS with the service WHIP and that location as its server.
 *
 * Since: 0.1.0
 */
#include "rtc/rtcserversrc.h"

#include "gst/guard.h"
#include "gst/server_source_element.h"
#include "rtc/settings.h"

using namespace penstock;

struct PenstockRtcServerSrc {
    ServerSourceElement parent;
    rtc::Settings *rtc;
};
struct PenstockRtcServerSrcClass {
    ServerSourceElementClass parent;
    GObjectFinalizeFunc base_finalize;
    guint first_id; ///< of the properties that this element adds
};

namespace {

std::unique_ptr<PublishListener> open_listener(const ListenRequest &request, std::string *error) {
    const auto *self = reinterpret_cast<PenstockRtcServerSrc *>(request.element);
    auto server = self->rtc->open(request.location, request.tls, "/whip", error);
    if (!server) return nullptr;
    return std::make_unique<PublishListenerOf<net::RtcServer>>(std::move(server));
}

const ServerSourceKind kind{
    .schemes = {"http", "https"},
    .default_port = 80,
    .default_location = "http://127.0.0.1:8080/live/stream/whip",
    .location_form = "http://host:port/live/NAME/whip",
    .location_blurb =
        "HTTP address to listen on and path to receive at: http://host:port/live/NAME/whip, or "
        "https:// with a certificate; no host: every interface; port 0: any free port",
    .key_blurb = "Publishers need it as their bearer token, or ?key=THIS behind the location; "
                 "empty: no key needed",
    .long_name = "WebRTC server source",
    .description = "Receives a stream that is published to us over WebRTC (WHIP)",
    .open = open_listener,
};

} // namespace

#define KLASS(object) (reinterpret_cast<PenstockRtcServerSrcClass *>(G_OBJECT_GET_CLASS(object)))
#define SETTINGS(object) (*reinterpret_cast<PenstockRtcServerSrc *>(object)->rtc)

G_DEFINE_TYPE(PenstockRtcServerSrc, penstock_rtc_server_src, GST_TYPE_ELEMENT)
GST_ELEMENT_REGISTER_DEFINE(rtcserversrc, "rtcserversrc", GST_RANK_NONE,
                            penstock_rtc_server_src_get_type())

static void set_property(GObject *object, guint id, const GValue *value, GParamSpec *spec) {
    guard(object, [&] {
        if (!SETTINGS(object).set(KLASS(object)->first_id, id, value))
            server_source_set_property(object, id, value, spec);
    });
}

static void get_property(GObject *object, guint id, GValue *value, GParamSpec *spec) {
    guard(object, [&] {
        if (!SETTINGS(object).get(KLASS(object)->first_id, id, value))
            server_source_get_property(object, id, value, spec);
    });
}

static void finalize(GObject *object) {
    delete &SETTINGS(object);
    KLASS(object)->base_finalize(object);
}

static void penstock_rtc_server_src_class_init(PenstockRtcServerSrcClass *klass) {
    klass->first_id = server_source_class_init(&klass->parent, kind);
    auto *object_class = G_OBJECT_CLASS(klass);
    klass->base_finalize = object_class->finalize;
    object_class->set_property = set_property;
    object_class->get_property = get_property;
    object_class->finalize = finalize;
    rtc::Settings::install(object_class, klass->first_id);
}

static void penstock_rtc_server_src_init(PenstockRtcServerSrc *self) {
    self->rtc = new rtc::Settings;
    server_source_init(&self->parent);
}

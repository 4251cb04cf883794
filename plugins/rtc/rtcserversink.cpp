// SPDX-License-Identifier: LGPL-2.1-or-later
// The element rtcserversink: a server sink whose feed is the core library's WebRTC server.
/**
 * SECTION:element-rtcserversink
 * @title: rtcserversink
 * @short_description: serves a stream to any number of browsers over WebRTC (WHEP)
 *
 * Serves its stream at `location` by WHEP: a browser offers over HTTP, media come to it over the
 * UDP port `udp`, a few tens of milliseconds behind the publisher. In: `video/x-flv`, the form in
 * which streams of all protocols meet, from goptee, gopsrc or flvlivemux. Each frame is cut into
 * packets once for all viewers and encrypted for each.
 *
 * Browsers play H.264, VP8, VP9, AV1 (some HEVC) and Opus. Other audio has to be made into Opus
 * first, once for all viewers: flvlivedemux, `copyorencode codec=opus`, flvlivemux; otherwise
 * viewers get the video alone. Video with B-frames is refused, since WebRTC has no order of
 * decoding but the one of display: encode with none.
 *
 * The HTTP address is shared with httpserversink, hlssegmenter and the viewers' page, the UDP port
 * with every WebRTC element that names it. Elements at one HTTP address give the same `udp`,
 * `announce`, `ice-servers`, scheme and certificate.
 *
 * A viewer that joins gets the last GOP's video in an instant and stands at the live edge
 * (`join=fast-forward`), or waits for a keyframe (`join=keyframe`). One whose network can't follow
 * gets a lower video track if the stream has any (`video_1`, `video_2` and `video_3` of
 * flvlivemux), then keyframes only, then sound alone, and never makes the others wait; `slow` of
 * `stats` counts such viewers. When the pipeline stops, viewers wait for `grace` (counted from the
 * last media) and watch on if it comes back.
 *
 * When not: players other than browsers want rtmpserversink, httpserversink or hlssegmenter.
 *
 * ## Addresses
 * Browsers send to the addresses that the answer names: those of the machine's interfaces, or those
 * of `announce`. Where the machine is behind NAT, or in a container without the host's network,
 * only `announce` has the address that they can reach; the UDP port has to be forwarded unchanged.
 * Browsers whose networks let no UDP through come to the TCP port of the same number, which is open
 * too unless another program has it; `ice-servers` are for those that can't reach that either.
 *
 * ## HTTPS
 * `location=https://…` takes `tls-certificate` and `tls-key`, as in httpserversink. A page that
 * came by https:// can't ask an http:// location. Media are encrypted (DTLS-SRTP) with both.
 *
 * ## Authorization
 * The signal `authorize` asks the application about each viewer. Its handlers get a structure with
 * `id`, `protocol`, `address`, `path`, `query`, `key`, `client` and `publish`, and return whether
 * the viewer is let in. They run on threads of their own, up to sixteen at a time, so they may
 * block; a viewer without an answer after five seconds is refused. Without a handler every viewer
 * is let in. `peer-connected` and `peer-disconnected` (with a `reason`) are emitted on another
 * thread, in order.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 videotestsrc is-live=true ! video/x-raw,format=I420,width=320,height=240 ! x264enc
 * tune=zerolatency key-int-max=60 ! h264parse ! flvlivemux ! rtcserversink
 * location=http://127.0.0.1:28082/live/test/whep udp=127.0.0.1:28189
 * ]|
 * A WHEP player in a browser on this machine plays http://127.0.0.1:28082/live/test/whep.
 *
 * Since: 0.1.0
 */
#include "rtc/rtcserversink.h"

#include "gst/flv_sink.h"
#include "gst/guard.h"
#include "gst/server_sink.h"
#include "rtc/settings.h"

using namespace penstock;

struct PenstockRtcServerSink {
    ServerSinkElement parent;
    rtc::Settings *rtc;
};
struct PenstockRtcServerSinkClass {
    ServerSinkElementClass parent;
    GObjectFinalizeFunc base_finalize;
    guint first_id; ///< of the properties that this element adds
};

namespace {

std::unique_ptr<ServerFeed> open_feed(const FeedRequest &request, std::string *error) {
    const auto *self = reinterpret_cast<PenstockRtcServerSink *>(request.element);
    auto server = self->rtc->open(request.location, request.settings.tls, "/whep", error);
    if (!server) return nullptr;
    return FlvServerFeed<net::RtcServer>::open(std::move(server), request, error);
}

const ServerSinkKind kind{
    .schemes = {"http", "https"},
    .default_port = 80,
    .default_location = "http://127.0.0.1:8080/live/stream/whep",
    .location_blurb =
        "HTTP address to listen on and path to serve at: http://host:port/live/NAME/whep, or "
        "https:// with a certificate; no host: every interface; port 0: any free port",
    .caps = "video/x-flv",
    .long_name = "WebRTC server sink",
    .description = "Serves a stream to any number of browsers over WebRTC (WHEP)",
    .open = open_feed,
    .viewers = {.policy = {.join = fanout::Join::fast_forward}},
};

} // namespace

#define KLASS(object) (reinterpret_cast<PenstockRtcServerSinkClass *>(G_OBJECT_GET_CLASS(object)))
#define SETTINGS(object) (*reinterpret_cast<PenstockRtcServerSink *>(object)->rtc)

G_DEFINE_TYPE(PenstockRtcServerSink, penstock_rtc_server_sink, GST_TYPE_BASE_SINK)
GST_ELEMENT_REGISTER_DEFINE(rtcserversink, "rtcserversink", GST_RANK_NONE,
                            penstock_rtc_server_sink_get_type())

static void set_property(GObject *object, guint id, const GValue *value, GParamSpec *spec) {
    guard(object, [&] {
        if (!SETTINGS(object).set(KLASS(object)->first_id, id, value))
            server_sink_set_property(object, id, value, spec);
    });
}

static void get_property(GObject *object, guint id, GValue *value, GParamSpec *spec) {
    guard(object, [&] {
        if (!SETTINGS(object).get(KLASS(object)->first_id, id, value))
            server_sink_get_property(object, id, value, spec);
    });
}

static void finalize(GObject *object) {
    delete &SETTINGS(object);
    KLASS(object)->base_finalize(object);
}

static void penstock_rtc_server_sink_class_init(PenstockRtcServerSinkClass *klass) {
    klass->first_id = server_sink_class_init(&klass->parent, kind);
    auto *object_class = G_OBJECT_CLASS(klass);
    klass->base_finalize = object_class->finalize;
    object_class->set_property = set_property;
    object_class->get_property = get_property;
    object_class->finalize = finalize;
    rtc::Settings::install(object_class, klass->first_id);
}

static void penstock_rtc_server_sink_init(PenstockRtcServerSink *self) {
    self->rtc = new rtc::Settings;
    server_sink_init(&self->parent);
}

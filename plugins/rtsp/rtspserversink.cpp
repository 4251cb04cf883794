// SPDX-License-Identifier: LGPL-2.1-or-later
// The element rtspserversink: a server sink whose feed is the core library's RTSP server.
/**
 * SECTION:element-rtspserversink
 * @title: rtspserversink
 * @short_description: serves a stream to any number of RTSP players
 *
 * Listens at `location` and sends its stream to every player of that name (VLC, mpv, ffplay,
 * rtspsrc, network video recorders): within the TCP connection, or by UDP, as the player asks.
 * H.264, H.265, AV1, VP8, VP9; AAC, Opus, G.711, MP3, AC-3, E-AC-3; up to eight tracks, B-frames
 * included. Each frame is packetized once for all players, and one that is too slow skips to a
 * newer keyframe and never makes the others wait.
 *
 * A player that joins gets the last GOP at once, or what `join` says: docs/joining.md describes
 * what players make of it. When the pipeline stops, players wait for `grace` (counted from the last
 * media) and watch on if it comes back with the same tracks. Then they get an RTCP BYE, and those
 * that have not left after `linger` are closed. They wait only while another element keeps the
 * address open.
 *
 * By UDP, media go to the address of the player's TCP connection only, whatever the player asks
 * for, and bursts are spread, because routers and receivers have short queues. A player that shows
 * no sign of life for 75 seconds (neither requests nor reports) is closed. `udp-port` fixes the two
 * ports from which they come, for firewalls and containers.
 *
 * With `multicast` a player may ask for the stream at that group, where it is sent once for all of
 * them, from the interface on which the first one has come. Who is let in there is decided as for
 * others, but anybody in the network can receive a group.
 *
 * A live pipeline is passed on as it comes; one that is not live (a file) is paced by the clock, as
 * `sync` does in any sink, unless `sync` is set.
 *
 * When not: browsers play no RTSP; use rtcserversink or httpserversink.
 *
 * ## RTSPS
 * `location=rtsps://…` takes `tls-certificate` and `tls-key`, two PEM files: the certificate with
 * those between it and the root behind it, and its private key without a passphrase. With the same
 * files an `rtsp://` location takes players with TLS and without at one port. With TLS everything
 * is within the connection.
 *
 * ## Authorization
 * The signal `authorize` asks the application about each player. Its handlers get a structure with
 * `id`, `protocol`, `address`, `path`, `query`, `key`, `client` and `publish`, and return whether
 * the player is let in. `key` is that of the URL (`?key=…`), or the password that the player gives
 * when it is asked for one (basic authentication). They run on threads of their own, up to sixteen
 * at a time, so they may block; a player without an answer after five seconds is refused. Without a
 * handler every player is let in. `peer-connected` and `peer-disconnected` (with a `reason`) are
 * emitted on another thread, in order.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 videotestsrc is-live=true ! video/x-raw,format=I420,width=320,height=240 ! x264enc
 * tune=zerolatency key-int-max=60 ! h264parse ! flvlivemux ! rtspserversink
 * location=rtsp://127.0.0.1:28554/live/test
 * ]|
 * Play it with `mpv rtsp://127.0.0.1:28554/live/test`.
 *
 * Since: 0.1.0
 */
#include "rtsp/rtspserversink.h"

#include "gst/flv_sink.h"
#include "gst/guard.h"
#include "gst/server_sink.h"
#include "rtsp/settings.h"

using namespace penstock;

struct PenstockRtspServerSink {
    ServerSinkElement parent;
    penstock::rtsp::Settings *rtsp;
};
struct PenstockRtspServerSinkClass {
    ServerSinkElementClass parent;
    GObjectFinalizeFunc base_finalize;
    guint first_id; ///< of the properties that this element adds
};

namespace {

std::unique_ptr<ServerFeed> open_feed(const FeedRequest &request, std::string *error) {
    const auto *self = reinterpret_cast<PenstockRtspServerSink *>(request.element);
    auto server = self->rtsp->open(request.location, request.settings.tls, error);
    if (!server) return nullptr;
    auto feed = FlvServerFeed<net::RtspServer>::open(server, request, error);
    if (feed && !self->rtsp->set_multicast(*server, request.location.path, error)) return nullptr;
    return feed;
}

const ServerSinkKind kind{
    .schemes = {"rtsp", "rtsps"},
    .default_port = 8554,
    .default_location = "rtsp://127.0.0.1:8554/live/stream",
    .location_blurb =
        "Address to listen on and path to serve at: rtsp://host:port/live/name, or rtsps:// with "
        "a certificate; no host: every interface; port 0: any free port",
    .caps = "video/x-flv",
    .long_name = "RTSP server sink",
    .description = "Serves a stream to any number of RTSP players",
    .open = open_feed,
};

} // namespace

#define KLASS(object) (reinterpret_cast<PenstockRtspServerSinkClass *>(G_OBJECT_GET_CLASS(object)))
#define SETTINGS(object) (*reinterpret_cast<PenstockRtspServerSink *>(object)->rtsp)

G_DEFINE_TYPE(PenstockRtspServerSink, penstock_rtsp_server_sink, GST_TYPE_BASE_SINK)
GST_ELEMENT_REGISTER_DEFINE(rtspserversink, "rtspserversink", GST_RANK_NONE,
                            penstock_rtsp_server_sink_get_type())

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

static void penstock_rtsp_server_sink_class_init(PenstockRtspServerSinkClass *klass) {
    klass->first_id = server_sink_class_init(&klass->parent, kind);
    auto *object_class = G_OBJECT_CLASS(klass);
    klass->base_finalize = object_class->finalize;
    object_class->set_property = set_property;
    object_class->get_property = get_property;
    object_class->finalize = finalize;
    penstock::rtsp::Settings::install(object_class, klass->first_id, true);
}

static void penstock_rtsp_server_sink_init(PenstockRtspServerSink *self) {
    self->rtsp = new penstock::rtsp::Settings;
    server_sink_init(&self->parent);
}

// SPDX-License-Identifier: LGPL-2.1-or-later
// The element rtmpserversink: a server sink whose feed is the core library's RTMP server.
/**
 * SECTION:element-rtmpserversink
 * @title: rtmpserversink
 * @short_description: serves a stream to any number of RTMP players
 *
 * Listens at `location` and sends its stream to every player of that name (mpv, VLC, ffplay,
 * rtmp2src). A player that joins gets the last GOP at once, or what `join` says: docs/joining.md
 * describes what players make of it. Each packet is serialized once for all players; one that is
 * too slow skips to a newer keyframe and never makes the others wait. One that takes nothing for
 * `stall-timeout` is closed.
 *
 * When the pipeline stops, players wait for `grace` (counted from the last media) and watch on if
 * it comes back. Then they are told that the stream has ended, and those that have not left after
 * `linger` are closed. They wait only while another element keeps the address open.
 *
 * A live pipeline is passed on as it comes; one that is not live (a file) is paced by the clock, as
 * `sync` does in any sink, unless `sync` is set.
 *
 * When not: to publish to another server, use rtmppushsink.
 *
 * ## RTMPS
 * `location=rtmps://…` takes `tls-certificate` and `tls-key`, two PEM files: the certificate with
 * those between it and the root behind it, and its private key without a passphrase. TLS 1.2 and
 * 1.3. With the same files an `rtmp://` location takes players with TLS and without at one port.
 * All elements at one address give the same scheme and files. When the files are replaced (a
 * renewal), new connections get the new certificate; existing ones stay.
 *
 * ## Authorization
 * The signal `authorize` asks the application about each player. Its handlers get a structure with
 * `id`, `protocol`, `address`, `path`, `query`, `key`, `client` and `publish`, and return whether
 * the player is let in. They run on threads of their own, up to sixteen at a time, so they may
 * block; a player without an answer after five seconds is refused. Without a handler every player
 * is let in. `peer-connected` and `peer-disconnected` (with a `reason`) are emitted on another
 * thread, in order.
 *
 * ## Reconnect requests
 * The action signal `ask-to-reconnect` (location, description) asks all players to connect again,
 * before this machine goes down or to another one: `location` is an rtmp:// or rtmps:// URL with
 * the application and without the stream's name, or relative (`/other`, `//host:port/live`); empty:
 * here. Those that announced that they can (rtmppushsink, rtmppullsrc) leave when they are ready
 * to; others are told nothing. It returns FALSE if nobody can be asked so. Enhanced RTMP v2,
 * Reconnect Request. The same players are asked when the server closes.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 videotestsrc is-live=true ! video/x-raw,format=I420,width=320,height=240 ! x264enc
 * tune=zerolatency key-int-max=60 ! h264parse ! flvlivemux ! rtmpserversink
 * location=rtmp://127.0.0.1:21936/live/test
 * ]|
 * Play it with `mpv rtmp://127.0.0.1:21936/live/test`.
 *
 * Since: 0.1.0
 */
#include "rtmp/rtmpserversink.h"

#include "core/net/rtmp/server.h"
#include "gst/flv_sink.h"
#include "gst/server_sink.h"
#include "rtmp/reconnect_signal.h"

using namespace penstock;

namespace {

std::unique_ptr<ServerFeed> open_feed(const FeedRequest &request, std::string *error) {
    auto server = net::RtmpServer::open(
        request.location.address, {request.settings.tls, net::is_tls_only(request.location.scheme)},
        error);
    if (!server) return nullptr;
    return FlvServerFeed<net::RtmpServer>::open(std::move(server), request, error);
}

const ServerSinkKind kind{
    .schemes = {"rtmp", "rtmps"},
    .default_port = 1935,
    .default_location = "rtmp://127.0.0.1:1935/live/stream",
    .location_blurb =
        "Address to listen on and name to serve under: rtmp://host:port/app/name, or "
        "rtmps:// with a certificate; no host: every interface; port 0: any free port",
    .caps = "video/x-flv",
    .long_name = "RTMP server sink",
    .description = "Serves a stream to any number of RTMP players",
    .open = open_feed,
};

} // namespace

struct PenstockRtmpServerSink {
    ServerSinkElement parent;
};
struct PenstockRtmpServerSinkClass {
    ServerSinkElementClass parent;
};
G_DEFINE_TYPE(PenstockRtmpServerSink, penstock_rtmp_server_sink, GST_TYPE_BASE_SINK)
GST_ELEMENT_REGISTER_DEFINE(rtmpserversink, "rtmpserversink", GST_RANK_NONE,
                            penstock_rtmp_server_sink_get_type())

static void penstock_rtmp_server_sink_class_init(PenstockRtmpServerSinkClass *klass) {
    server_sink_class_init(&klass->parent, kind);
    rtmp::install_reconnect_signal(G_TYPE_FROM_CLASS(klass), false);
}

static void penstock_rtmp_server_sink_init(PenstockRtmpServerSink *self) {
    server_sink_init(&self->parent);
}

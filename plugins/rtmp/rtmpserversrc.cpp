// SPDX-License-Identifier: LGPL-2.1-or-later
// The element rtmpserversrc: a server source whose listener is the core library's RTMP server.
/**
 * SECTION:element-rtmpserversrc
 * @title: rtmpserversrc
 * @short_description: receives a stream that is published to us over RTMP
 *
 * Listens at `location` and takes one publisher (OBS, ffmpeg, rtmp2sink, an encoder box) under that
 * name. What comes out is `video/x-flv`, one tag a buffer. When the publisher goes, the element
 * waits for the next one (`on-unpublish=wait`) or ends the stream (`eos`). One that stays connected
 * and sends no media for `silence-timeout` is closed, and loses its name. Several elements may
 * share one port with different names.
 *
 * `republish` decides about a second publisher of the name: it is refused
 * (NetStream.Publish.BadName), or takes the name over, or stands by as a backup. A backup's media
 * are held back, one GOP at most, until the primary leaves or sends none for `backup-timeout`; the
 * stream then goes on with that GOP (folded into milliseconds where it began before the last frame
 * on air), with DISCONT, its configuration sent again and timestamps that go on. The primary takes
 * over again with a keyframe once it has sent media for `return-after`. The publisher that comes
 * with `?backup=1` behind the name is the backup; of two without that, or two with it, the one on
 * air stays. For a picture when both are gone, put failover behind this element; it is told by an
 * event when the last publisher goes.
 *
 * When not: to fetch a stream from a server, use rtmppullsrc.
 *
 * ## RTMPS
 * `location=rtmps://…` takes `tls-certificate` and `tls-key`, two PEM files: the certificate with
 * those between it and the root behind it, and its private key without a passphrase. TLS 1.2 and
 * 1.3. With the same files an `rtmp://` location takes publishers with TLS and without at one port.
 * All elements at one address give the same scheme and files. When the files are replaced (a
 * renewal), new connections get the new certificate; existing ones stay.
 *
 * ## Authorization
 * The signal `authorize` asks the application about each publisher. Its handlers get a structure
 * with `id`, `protocol`, `address`, `path`, `query`, `key`, `client` and `publish`, and return
 * whether the publisher is admitted. They run on threads of their own, up to sixteen at a time, so
 * they may block; a publisher without an answer after five seconds is refused. Without a handler
 * `publish-key` alone decides. `peer-connected` and `peer-disconnected` (with a `reason`) are
 * emitted on another thread, in order.
 *
 * ## Reconnect requests
 * The action signal `ask-to-reconnect` (location, description) asks the publisher to connect again,
 * before this machine goes down or to another one: `location` is an rtmp:// or rtmps:// URL with
 * the application and without the stream's name, or relative (`/other`, `//host:port/live`); empty:
 * here. Those that announced that they can (rtmppushsink, rtmppullsrc) leave when they are ready
 * to; others are told nothing. It returns FALSE if nobody can be asked so. Enhanced RTMP v2,
 * Reconnect Request. Such a publisher is asked, too, when this element stops.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 rtmpserversrc location=rtmp://127.0.0.1:21935/live/cam ! goptee ! fakesink
 * async=false
 * ]|
 * Waits for `ffmpeg -re -i FILE -c copy -f flv rtmp://127.0.0.1:21935/live/cam`.
 *
 * Since: 0.1.0
 */
#include "rtmp/rtmpserversrc.h"

#include "core/net/rtmp/server.h"
#include "gst/server_source_element.h"
#include "rtmp/reconnect_signal.h"

using namespace penstock;

namespace {

std::unique_ptr<PublishListener> open_listener(const ListenRequest &request, std::string *error) {
    const net::Location &location = request.location;
    auto server = net::RtmpServer::open(location.address,
                                        {request.tls, net::is_tls_only(location.scheme)}, error);
    if (!server) return nullptr;
    return std::make_unique<PublishListenerOf<net::RtmpServer>>(std::move(server));
}

const ServerSourceKind kind{
    .schemes = {"rtmp", "rtmps"},
    .default_port = 1935,
    .default_location = "rtmp://127.0.0.1:1935/live/stream",
    .location_form = "rtmp://host:port/app/name",
    .location_blurb =
        "Address to listen on and name to receive under: rtmp://host:port/app/name, or rtmps:// "
        "with a certificate; no host: every interface; port 0: any free port",
    .key_blurb = "Publishers need ?key=THIS after the name; empty: no key needed",
    .long_name = "RTMP server source",
    .description = "Receives a stream that is published to us over RTMP",
    .open = open_listener,
};

} // namespace

struct PenstockRtmpServerSrc {
    ServerSourceElement parent;
};
struct PenstockRtmpServerSrcClass {
    ServerSourceElementClass parent;
};
G_DEFINE_TYPE(PenstockRtmpServerSrc, penstock_rtmp_server_src, GST_TYPE_ELEMENT)
GST_ELEMENT_REGISTER_DEFINE(rtmpserversrc, "rtmpserversrc", GST_RANK_NONE,
                            penstock_rtmp_server_src_get_type())

static void penstock_rtmp_server_src_class_init(PenstockRtmpServerSrcClass *klass) {
    server_source_class_init(&klass->parent, kind);
    rtmp::install_reconnect_signal(G_TYPE_FROM_CLASS(klass), true);
}

static void penstock_rtmp_server_src_init(PenstockRtmpServerSrc *self) {
    server_source_init(&self->parent);
}

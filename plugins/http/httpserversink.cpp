// SPDX-License-Identifier: LGPL-2.1-or-later
// The element httpserversink: a server sink whose feed is the core library's HTTP server.
/**
 * SECTION:element-httpserversink
 * @title: httpserversink
 * @short_description: serves a stream to any number of viewers over HTTP and WebSocket
 *
 * Listens at `location` and sends its stream to every viewer that requests that path: FLV (mpv,
 * VLC, ffplay; in browsers mpegts.js), MPEG-TS, MP3, AAC or Ogg. The same URL takes WebSocket, as
 * ws:// (wss:// where it is https://). A viewer that joins gets the last GOP at once, or what
 * `join` says: docs/joining.md describes what players make of it. Each packet is serialized once
 * for all viewers; one that is too slow skips to a newer keyframe and never makes the others wait.
 * One that takes nothing for `stall-timeout` is closed.
 *
 * A live pipeline is passed on as it comes; one that is not live (a file) is paced by the clock, as
 * `sync` does in any sink, unless `sync` is set. Several elements, and hlssegmenter, may share an
 * address.
 *
 * When the pipeline stops, viewers wait for `grace` (counted from the last media) and watch on if
 * it comes back. Then the body ends, a WebSocket with a close frame, and those that have not left
 * after `linger` are closed. They wait only while another element keeps the address open.
 *
 * Audio players that ask with `Icy-MetaData: 1` get titles amid MP3 and AAC, from TAG events.
 *
 * Of FLV with the extensions of Enhanced RTMP a viewer gets the default tracks; with `?enhanced=1`
 * in its URL also further tracks, colour metadata, channel layouts and nanoseconds, at which
 * players in browsers raise errors.
 *
 * When not: to reach viewers through caches, or behind bad networks, use hlssegmenter.
 *
 * ## HTTPS
 * `location=https://…` takes `tls-certificate` and `tls-key`, two PEM files: the certificate with
 * those between it and the root behind it, and its private key without a passphrase. TLS 1.2 and
 * 1.3. All elements at one address give the same files. When the files are replaced (a renewal),
 * new connections get the new certificate; existing ones stay.
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
 * tune=zerolatency key-int-max=60 ! h264parse ! flvlivemux ! httpserversink
 * location=http://127.0.0.1:28080/live/test.flv
 * ]|
 * Play it with `mpv http://127.0.0.1:28080/live/test.flv`.
 *
 * Since: 0.1.0
 */
#include "http/httpserversink.h"

#include "core/net/http/live/mount.h"
#include "gst/server_sink.h"
#include "http/input.h"

using namespace penstock;

namespace {

class HttpStream final : public ServerFeed {
public:
    HttpStream(std::unique_ptr<net::HttpFeed> feed, std::string path)
        : feed_(std::move(feed)), path_(std::move(path)) {}

    bool set_caps(const GstCaps *caps) override { return input_.set_caps(caps, *feed_); }
    Result push(GstBuffer *buffer) override { return input_.push(buffer, *feed_); }
    Result push(GstBufferList *list) override { return input_.push(list, *feed_); }
    bool has_begun() const override { return input_.any(); }
    void flush() override { input_.flush(); }
    void set_title(const std::string &title) override { feed_->set_title(title); }
    net::ViewerTotals stats() const override { return feed_->stats(); }
    std::string bound_location() const override {
        return std::string(feed_->scheme()) + "://" + feed_->address().to_string() + "/" + path_;
    }

private:
    const std::unique_ptr<net::HttpFeed> feed_;
    const std::string path_;
    HttpInput input_;
};

std::unique_ptr<ServerFeed> open_feed(const FeedRequest &request, std::string *error) {
    net::HttpMountOptions options;
    options.policy = request.settings.viewers.policy;
    options.history = request.settings.viewers.history();
    options.tls = request.settings.tls;
    options.ending = request.settings.viewers.ending;
    options.watch = request.watch;
    const net::Location &location = request.location;
    auto feed = net::open_http_feed(location.address, location.path, options, error);
    if (!feed) return nullptr;
    return std::make_unique<HttpStream>(std::move(feed), location.path);
}

const ServerSinkKind kind{
    .schemes = {"http", "https"},
    .default_port = 80,
    .default_location = "http://127.0.0.1:8080/live/stream.flv",
    .location_blurb =
        "Address to listen on and path to serve under: http://host:port/path, or "
        "https:// with a certificate; no host: every interface; port 0: any free port",
    .caps = "video/x-flv; "
            "video/mpegts, systemstream=(boolean)true, packetsize=(int)188; "
            "audio/mpeg, mpegversion=(int)1, layer=(int)3, parsed=(boolean)true; "
            "audio/mpeg, mpegversion=(int){ 2, 4 }, stream-format=(string)adts; "
            "application/ogg; audio/ogg; video/ogg",
    .long_name = "HTTP server sink",
    .description = "Serves a stream to any number of viewers over HTTP and WebSocket",
    .open = open_feed,
};

} // namespace

struct PenstockHttpServerSink {
    ServerSinkElement parent;
};
struct PenstockHttpServerSinkClass {
    ServerSinkElementClass parent;
};
G_DEFINE_TYPE(PenstockHttpServerSink, penstock_http_server_sink, GST_TYPE_BASE_SINK)
GST_ELEMENT_REGISTER_DEFINE(httpserversink, "httpserversink", GST_RANK_NONE,
                            penstock_http_server_sink_get_type())

static void penstock_http_server_sink_class_init(PenstockHttpServerSinkClass *klass) {
    server_sink_class_init(&klass->parent, kind);
}

static void penstock_http_server_sink_init(PenstockHttpServerSink *self) {
    server_sink_init(&self->parent);
}

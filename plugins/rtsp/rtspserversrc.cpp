// SPDX-License-Identifier: LGPL-2.1-or-later
// The element rtspserversrc: a server source whose listener is the core library's RTSP server.
/**
 * SECTION:element-rtspserversrc
 * @title: rtspserversrc
 * @short_description: receives a stream that is published to us over RTSP
 *
 * Listens at `location` and takes one publisher (ffmpeg, rtspclientsink, an encoder box) that
 * announces and records under that name, within the TCP connection or by UDP. What comes out is
 * `video/x-flv`, one tag a buffer: its first stream of video (H.264, H.265, AV1, VP8, VP9) and its
 * first one of audio (AAC, Opus, G.711). Packets are put in order; video that a gap has damaged is
 * left out until the next keyframe. Sender reports keep audio and video synchronous.
 *
 * When the publisher goes, the element waits for the next one (`on-unpublish=wait`) or ends the
 * stream (`eos`). One that stays connected and sends no media for `silence-timeout` is closed, and
 * loses its name. `republish` decides about a second publisher of the name, as it does in
 * rtmpserversrc; the one that comes with `?backup=1` behind the name is the backup. Several
 * elements may share one port with different names.
 *
 * By UDP, datagrams are taken from the address of the publisher's TCP connection only.
 *
 * When not: cameras are servers, too; rtsppullsrc fetches their streams.
 *
 * ## RTSPS
 * `location=rtsps://…` takes `tls-certificate` and `tls-key`, two PEM files: the certificate with
 * those between it and the root behind it, and its private key without a passphrase. With the same
 * files an `rtsp://` location takes publishers with TLS and without at one port. All elements at
 * one address give the same scheme and files.
 *
 * ## Authorization
 * `publish-key` is the password of the publisher (digest authentication with SHA-256 or MD5, or
 * basic), with any user, or `?key=…` behind the location. The signal `authorize` asks the
 * application about each publisher. Its handlers get a structure with `id`, `protocol`, `address`,
 * `path`, `query`, `key`, `client` and `publish`, and return whether the publisher is admitted.
 * They run on threads of their own, up to sixteen at a time, so they may block; a publisher without
 * an answer after five seconds is refused. Without a handler `publish-key` alone decides.
 * `peer-connected` and `peer-disconnected` (with a `reason`) are emitted on another thread, in
 * order.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 rtspserversrc location=rtsp://127.0.0.1:28555/live/cam ! goptee ! fakesink
 * async=false
 * ]|
 * Waits for `ffmpeg -re -i FILE -c copy -f rtsp -rtsp_transport tcp
 * rtsp://127.0.0.1:28555/live/cam`.
 *
 * Since: 0.1.0
 */
#include "rtsp/rtspserversrc.h"

#include "gst/guard.h"
#include "gst/server_source_element.h"
#include "rtsp/settings.h"

using namespace penstock;

struct PenstockRtspServerSrc {
    ServerSourceElement parent;
    penstock::rtsp::Settings *rtsp;
};
struct PenstockRtspServerSrcClass {
    ServerSourceElementClass parent;
    GObjectFinalizeFunc base_finalize;
    guint first_id; ///< of the properties that this element adds
};

namespace {

std::unique_ptr<PublishListener> open_listener(const ListenRequest &request, std::string *error) {
    const auto *self = reinterpret_cast<PenstockRtspServerSrc *>(request.element);
    auto server = self->rtsp->open(request.location, request.tls, error);
    if (!server) return nullptr;
    return std::make_unique<PublishListenerOf<net::RtspServer>>(std::move(server));
}

const ServerSourceKind kind{
    .schemes = {"rtsp", "rtsps"},
    .default_port = 8554,
    .default_location = "rtsp://127.0.0.1:8554/live/stream",
    .location_form = "rtsp://host:port/live/name",
    .location_blurb =
        "Address to listen on and path to receive at: rtsp://host:port/live/name, or rtsps:// "
        "with a certificate; no host: every interface; port 0: any free port",
    .key_blurb = "Publishers need it as their password, or ?key=THIS behind the location; empty: "
                 "no key needed",
    .long_name = "RTSP server source",
    .description = "Receives a stream that is published to us over RTSP",
    .open = open_listener,
};

} // namespace

#define KLASS(object) (reinterpret_cast<PenstockRtspServerSrcClass *>(G_OBJECT_GET_CLASS(object)))
#define SETTINGS(object) (*reinterpret_cast<PenstockRtspServerSrc *>(object)->rtsp)

G_DEFINE_TYPE(PenstockRtspServerSrc, penstock_rtsp_server_src, GST_TYPE_ELEMENT)
GST_ELEMENT_REGISTER_DEFINE(rtspserversrc, "rtspserversrc", GST_RANK_NONE,
                            penstock_rtsp_server_src_get_type())

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

static void penstock_rtsp_server_src_class_init(PenstockRtspServerSrcClass *klass) {
    klass->first_id = server_source_class_init(&klass->parent, kind);
    auto *object_class = G_OBJECT_CLASS(klass);
    klass->base_finalize = object_class->finalize;
    object_class->set_property = set_property;
    object_class->get_property = get_property;
    object_class->finalize = finalize;
    penstock::rtsp::Settings::install(object_class, klass->first_id, false);
}

static void penstock_rtsp_server_src_init(PenstockRtspServerSrc *self) {
    self->rtsp = new penstock::rtsp::Settings;
    server_source_init(&self->parent);
}

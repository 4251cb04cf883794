// SPDX-License-Identifier: LGPL-2.1-or-later
// The element httpserversink: GObject boilerplate; the serving is the core library's.
/**
 * SECTION:element-httpserversink
 * @title: httpserversink
 * @short_description: serves a stream to any number of viewers over HTTP and WebSocket
 *
 * Listens at `location` and sends what it gets to everybody who asks for that path: FLV (mpv, VLC,
 * ffplay; in browsers mpegts.js), MPEG-TS, MP3, AAC or Ogg. The same URL takes WebSocket, as
 * ws:// (wss:// where it is https://). A viewer that joins gets the last GOP at once, or what
 * `join` says: docs/joining.md has what players make of it. Each packet is serialized once for all
 * viewers; one that is too slow skips to a newer keyframe and never makes the others wait.
 *
 * A live pipeline is passed on as it comes; one that is not live (a file) is paced by the clock, as
 * `sync` does in any sink, unless `sync` is set. Several elements, and hlssegmenter, may share an
 * address. While anything else keeps that open, viewers stay for ten seconds when the pipeline
 * stops, and watch on if it comes back.
 *
 * Audio players that ask with `Icy-MetaData: 1` get titles amid MP3 and AAC, from TAG events.
 *
 * When not: to reach viewers through caches, or behind bad networks, use hlssegmenter.
 *
 * ## HTTPS
 * `location=https://…` takes `tls-certificate` and `tls-key`, two PEM files: the certificate with
 * those between it and the root behind it, and its private key without a passphrase. TLS 1.2 and
 * 1.3. All elements at one address give the same files. When they are replaced (a renewal), those
 * who connect get the new certificate; nobody is disconnected.
 *
 * ## Who may
 * The signal `authorize` asks the application about each viewer: its handlers get a structure with
 * `id`, `protocol`, `address`, `path`, `query`, `key`, `client` and `publish` and return whether it
 * may. They run on threads of their own, up to sixteen at a time, so they may take their time; who
 * has no answer after five seconds is refused. Without a handler everybody may. `peer-connected`
 * and `peer-disconnected` (with a `reason`) come on another thread, in order.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 videotestsrc is-live=true ! video/x-raw,format=I420,width=320,height=240 ! x264enc
 * tune=zerolatency key-int-max=60 ! h264parse ! flvlivemux ! httpserversink
 * location=http://127.0.0.1:28080/live/test.flv
 * ]|
 * Play it with `mpv http://127.0.0.1:28080/live/test.flv`.
 */
#include "http/httpserversink.h"

#include "core/net/http/live/mount.h"
#include "gst/auto_sync.h"
#include "gst/guard.h"
#include "gst/nonblocking.h"
#include "gst/peer_signals.h"
#include "gst/stats.h"
#include "gst/tls_files.h"
#include "gst/viewer_policy.h"
#include "http/input.h"

#include <gst/base/gstbasesink.h>

#include <mutex>
#include <string>

GST_DEBUG_CATEGORY_STATIC(penstock_http_server_sink_debug);
#define GST_CAT_DEFAULT penstock_http_server_sink_debug

using namespace penstock;

namespace {

struct Sink {
    struct Settings {
        std::string location = "http://127.0.0.1:8080/live/stream.flv";
        net::TlsFiles tls;
        ViewerPolicy viewers;
    };
    /// Lock order: settings_mutex, then feed_mutex. Neither is held across a post.
    std::mutex settings_mutex;
    Settings settings;
    std::mutex feed_mutex; ///< the pointer, between state changes and stats
    std::unique_ptr<net::HttpFeed> feed;
    std::string path;
    HttpInput input;
    AutoSync sync;
    Counters counters;
    GstPadChainFunction base_chain = nullptr;
    GstPadChainListFunction base_chain_list = nullptr;
};

} // namespace

struct PenstockHttpServerSink {
    GstBaseSink parent;
    Sink *impl;
};
struct PenstockHttpServerSinkClass {
    GstBaseSinkClass parent;
};
#define IMPL(object) (reinterpret_cast<PenstockHttpServerSink *>(object)->impl)

G_DEFINE_TYPE(PenstockHttpServerSink, penstock_http_server_sink, GST_TYPE_BASE_SINK)
GST_ELEMENT_REGISTER_DEFINE(httpserversink, "httpserversink", GST_RANK_NONE,
                            penstock_http_server_sink_get_type())

enum {
    PROP_0,
    PROP_LOCATION,
    PROP_TLS_CERTIFICATE,
    PROP_TLS_KEY,
    PROP_BOUND_LOCATION,
    PROP_STATS,
    PROP_POLICY
};

static PeerSignals peer_signals;

static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE(
    "sink", GST_PAD_SINK, GST_PAD_ALWAYS,
    GST_STATIC_CAPS("video/x-flv; "
                    "video/mpegts, systemstream=(boolean)true, packetsize=(int)188; "
                    "audio/mpeg, mpegversion=(int)1, layer=(int)3, parsed=(boolean)true; "
                    "audio/mpeg, mpegversion=(int){ 2, 4 }, stream-format=(string)adts; "
                    "application/ogg; audio/ogg; video/ogg"));

static GstStructure *make_stats(Sink &impl) {
    net::HttpFeed::Stats feed;
    {
        std::lock_guard lock(impl.feed_mutex);
        if (impl.feed) feed = impl.feed->stats();
    }
    Stats common = impl.counters.with_peers(feed.viewers);
    common.bytes_out = feed.bytes_out;
    common.drops = feed.skipped;
    auto stats = common.to_structure();
    gst_structure_set(stats.get(), "peers-total", G_TYPE_UINT64, guint64(feed.viewers_total),
                      "closed-slow", G_TYPE_UINT64, guint64(feed.closed_slow), nullptr);
    return stats.release();
}

static void set_property(GObject *object, guint id, const GValue *value, GParamSpec *spec) {
    guard(object, [&] {
        Sink &impl = *IMPL(object);
        std::lock_guard lock(impl.settings_mutex);
        if (set_viewer_policy(impl.settings.viewers, PROP_POLICY, id, value)) return;
        const auto text = [value] {
            const char *string = g_value_get_string(value);
            return std::string(string ? string : "");
        };
        switch (id) {
        case PROP_LOCATION:
            impl.settings.location = text();
            break;
        case PROP_TLS_CERTIFICATE:
            impl.settings.tls.certificate = text();
            break;
        case PROP_TLS_KEY:
            impl.settings.tls.key = text();
            break;
        default:
            G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
        }
    });
}

static std::string bound_location(Sink &impl) {
    std::lock_guard lock(impl.feed_mutex);
    if (!impl.feed) return "";
    return std::string(impl.feed->scheme()) + "://" + impl.feed->address().to_string() + "/" +
           impl.path;
}

static void get_property(GObject *object, guint id, GValue *value, GParamSpec *spec) {
    guard(object, [&] {
        Sink &impl = *IMPL(object);
        std::lock_guard lock(impl.settings_mutex);
        if (get_viewer_policy(impl.settings.viewers, PROP_POLICY, id, value)) return;
        switch (id) {
        case PROP_LOCATION:
            g_value_set_string(value, impl.settings.location.c_str());
            break;
        case PROP_TLS_CERTIFICATE:
            g_value_set_string(value, impl.settings.tls.certificate.c_str());
            break;
        case PROP_TLS_KEY:
            g_value_set_string(value, impl.settings.tls.key.c_str());
            break;
        case PROP_BOUND_LOCATION:
            g_value_set_string(value, bound_location(impl).c_str());
            break;
        case PROP_STATS:
            g_value_take_boxed(value, make_stats(impl));
            break;
        default:
            G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
        }
    });
}

static gboolean start(GstBaseSink *sink) {
    return guard(sink, FALSE, [&]() -> gboolean {
        Sink &impl = *IMPL(sink);
        Sink::Settings wanted;
        {
            std::lock_guard lock(impl.settings_mutex);
            wanted = impl.settings;
        }
        std::string error;
        const auto location = net::parse_location(wanted.location, 80, &error);
        if (location && location->scheme != "http" && location->scheme != "https")
            error = "'" + wanted.location + "' does not begin with http:// or https://";
        if (!error.empty()) error = "location: " + error;
        if (error.empty()) net::tls_suits(location->scheme, wanted.tls, &error);
        if (!error.empty()) {
            GST_ELEMENT_ERROR(sink, RESOURCE, SETTINGS, ("%s", error.c_str()), (nullptr));
            return FALSE;
        }
        apply_loops(wanted.viewers, GST_ELEMENT(sink));
        net::HttpMountOptions options;
        options.policy = wanted.viewers.policy;
        options.history = wanted.viewers.history();
        options.tls = wanted.tls;
        options.watch = make_signal_watch(G_OBJECT(sink), peer_signals, PeerEvents::thread);
        auto feed = net::open_http_feed(location->address, location->path, options, &error);
        if (!feed) {
            GST_ELEMENT_ERROR(sink, RESOURCE, OPEN_WRITE, ("%s", error.c_str()), (nullptr));
            return FALSE;
        }
        impl.input = {};
        impl.sync.restart();
        impl.counters.start();
        std::lock_guard lock(impl.feed_mutex);
        impl.feed = std::move(feed);
        impl.path = location->path;
        return TRUE;
    });
}

static gboolean stop(GstBaseSink *sink) {
    return guard(sink, FALSE, [&]() -> gboolean {
        Sink &impl = *IMPL(sink);
        std::unique_lock lock(impl.feed_mutex);
        const auto feed = std::move(impl.feed);
        lock.unlock();
        return TRUE;
    });
}

static gboolean set_caps(GstBaseSink *sink, GstCaps *caps) {
    return guard(sink, FALSE, [&]() -> gboolean {
        Sink &impl = *IMPL(sink);
        return impl.feed && impl.input.set_caps(caps, *impl.feed);
    });
}

/// "artist - title", or what there is of it.
static void take_title(Sink &impl, GstEvent *event) {
    GstTagList *tags = nullptr;
    gst_event_parse_tag(event, &tags);
    gchar *found = nullptr;
    std::string title;
    for (const char *tag : {GST_TAG_ARTIST, GST_TAG_TITLE}) {
        if (!gst_tag_list_get_string(tags, tag, &found)) continue;
        const GOwned<> text(found);
        title += (title.empty() ? "" : " - ") + std::string(text.get());
    }
    // Muxers and parsers tell of codecs and bitrates the same way.
    if (!title.empty() && impl.feed) impl.feed->set_title(title);
}

static gboolean event(GstBaseSink *sink, GstEvent *event) {
    guard(sink, [&] {
        if (GST_EVENT_TYPE(event) == GST_EVENT_SEGMENT) IMPL(sink)->sync.decide(sink);
        if (GST_EVENT_TYPE(event) == GST_EVENT_FLUSH_STOP) IMPL(sink)->input.flush();
        if (GST_EVENT_TYPE(event) == GST_EVENT_TAG) take_title(*IMPL(sink), event);
    });
    return GST_BASE_SINK_CLASS(penstock_http_server_sink_parent_class)->event(sink, event);
}

static gboolean query(GstBaseSink *sink, GstQuery *query) {
    if (is_nonblocking_query(query)) {
        answer_nonblocking(query, IMPL(sink)->sync.is_nonblocking(sink));
        return TRUE;
    }
    return GST_BASE_SINK_CLASS(penstock_http_server_sink_parent_class)->query(sink, query);
}

static GstFlowReturn judge(GstBaseSink *sink, const Result &result) {
    if (!result.is_error()) return GST_FLOW_OK;
    if (IMPL(sink)->input.any()) {
        GST_ELEMENT_WARNING(sink, STREAM, DECODE, ("Skipped: %s", result.reason().c_str()),
                            (nullptr));
        return GST_FLOW_OK;
    }
    GST_ELEMENT_ERROR(sink, STREAM, WRONG_TYPE,
                      ("This is not what its caps say: %s", result.reason().c_str()),
                      ("put a muxer or a parser in front"));
    return GST_FLOW_ERROR;
}

static GstFlowReturn render(GstBaseSink *sink, GstBuffer *buffer) {
    return guard(sink, GST_FLOW_ERROR, [&] {
        Sink &impl = *IMPL(sink);
        impl.counters.in(gst_buffer_get_size(buffer));
        ++impl.counters.buffers_out;
        return judge(sink, impl.input.push(buffer, *impl.feed));
    });
}

static GstFlowReturn render_list(GstBaseSink *sink, GstBufferList *list) {
    return guard(sink, GST_FLOW_ERROR, [&] {
        Sink &impl = *IMPL(sink);
        impl.counters.bytes_in += gst_buffer_list_calculate_size(list);
        impl.counters.buffers_in += gst_buffer_list_length(list);
        impl.counters.buffers_out += gst_buffer_list_length(list);
        return judge(sink, impl.input.push(list, *impl.feed));
    });
}

/// Whoever pushes may be a network loop, and must not wait until a paused pipeline plays again:
/// what needs no clock does not go through the base class.
static GstFlowReturn chain(GstPad *pad, GstObject *parent, GstBuffer *buffer) {
    auto *sink = reinterpret_cast<GstBaseSink *>(parent);
    if (gst_base_sink_get_sync(sink)) return IMPL(parent)->base_chain(pad, parent, buffer);
    const GstFlowReturn flow = render(sink, buffer);
    gst_buffer_unref(buffer);
    return flow;
}

static GstFlowReturn chain_list(GstPad *pad, GstObject *parent, GstBufferList *list) {
    auto *sink = reinterpret_cast<GstBaseSink *>(parent);
    if (gst_base_sink_get_sync(sink)) return IMPL(parent)->base_chain_list(pad, parent, list);
    const GstFlowReturn flow = render_list(sink, list);
    gst_buffer_list_unref(list);
    return flow;
}

static void finalize(GObject *object) {
    delete IMPL(object);
    G_OBJECT_CLASS(penstock_http_server_sink_parent_class)->finalize(object);
}

static void penstock_http_server_sink_class_init(PenstockHttpServerSinkClass *klass) {
    GST_DEBUG_CATEGORY_INIT(penstock_http_server_sink_debug, "httpserversink", 0,
                            "Streams over HTTP");
    auto *object_class = G_OBJECT_CLASS(klass);
    object_class->set_property = set_property;
    object_class->get_property = get_property;
    object_class->finalize = finalize;
    const auto rw =
        GParamFlags(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY);
    const auto ro = GParamFlags(G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
    const Sink::Settings defaults;
    g_object_class_install_property(
        object_class, PROP_LOCATION,
        g_param_spec_string("location", "Location",
                            "Where to listen and under which path to serve: "
                            "http://host:port/path, or https:// with a certificate; no host: "
                            "every interface; port 0: any",
                            defaults.location.c_str(), rw));
    install_tls_files(object_class, PROP_TLS_CERTIFICATE, PROP_TLS_KEY);
    g_object_class_install_property(
        object_class, PROP_BOUND_LOCATION,
        g_param_spec_string("bound-location", "Bound location",
                            "The location with the real port; empty below PAUSED", "", ro));
    g_object_class_install_property(
        object_class, PROP_STATS,
        g_param_spec_boxed("stats", "Statistics",
                           "bytes-in bytes-out buffers-in buffers-out drops peers uptime (ns) "
                           "peers-total closed-slow",
                           GST_TYPE_STRUCTURE, ro));
    install_viewer_policy(object_class, PROP_POLICY);
    peer_signals = install_peer_signals(G_TYPE_FROM_CLASS(klass));
    auto *sink_class = GST_BASE_SINK_CLASS(klass);
    sink_class->start = start;
    sink_class->stop = stop;
    sink_class->set_caps = set_caps;
    sink_class->event = event;
    sink_class->query = query;
    sink_class->render = render;
    sink_class->render_list = render_list;
    auto *element_class = GST_ELEMENT_CLASS(klass);
    gst_element_class_add_static_pad_template(element_class, &sink_template);
    gst_element_class_set_static_metadata(
        element_class, "HTTP server sink", "Sink/Network",
        "Serves a stream to any number of viewers over HTTP and WebSocket", "The Penstock authors");
}

static void penstock_http_server_sink_init(PenstockHttpServerSink *self) {
    self->impl = new Sink;
    // A server sink has nothing to show before its first viewer: it never prerolls.
    gst_base_sink_set_async_enabled(GST_BASE_SINK(self), FALSE);
    GstPad *pad = GST_BASE_SINK_PAD(self);
    self->impl->base_chain = GST_PAD_CHAINFUNC(pad);
    self->impl->base_chain_list = GST_PAD_CHAINLISTFUNC(pad);
    gst_pad_set_chain_function(pad, chain);
    gst_pad_set_chain_list_function(pad, chain_list);
    self->impl->sync.watch(GST_BASE_SINK(self));
}

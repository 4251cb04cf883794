// SPDX-License-Identifier: LGPL-2.1-or-later
// The element rtmpserversink: GObject boilerplate; the serving is the core library's.
/**
 * SECTION:element-rtmpserversink
 * @title: rtmpserversink
 * @short_description: serves a stream to any number of RTMP players
 *
 * Listens at `location` and sends what it gets to everybody who plays that name (mpv, VLC, ffplay,
 * rtmp2src). A player that joins gets the last GOP at once, or what `join` says: docs/joining.md
 * has what players make of it. Each packet is serialized once for all players; one that is too slow
 * skips to a newer keyframe and never makes the others wait.
 *
 * A live pipeline is passed on as it comes; one that is not live (a file) is paced by the clock, as
 * `sync` does in any sink, unless `sync` is set.
 *
 * When not: to publish to another server, use rtmp2sink.
 *
 * ## Who may
 * The signal `authorize` asks the application about each player: its handlers get a structure with
 * `id`, `protocol`, `address`, `path`, `query`, `key`, `client` and `publish` and return whether it
 * may. They run on threads of their own, up to sixteen at a time, so they may take their time; who
 * has no answer after five seconds is refused. Without a handler everybody may. `peer-connected`
 * and `peer-disconnected` (with a `reason`) come on another thread, in order.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 videotestsrc is-live=true ! video/x-raw,format=I420,width=320,height=240 ! x264enc
 * tune=zerolatency key-int-max=60 ! h264parse ! flvlivemux ! rtmpserversink
 * location=rtmp://127.0.0.1:21936/live/test
 * ]|
 * Play it with `mpv rtmp://127.0.0.1:21936/live/test`.
 */
#include "rtmp/rtmpserversink.h"

#include "core/flv/normalizer.h"
#include "core/net/rtmp/server.h"
#include "gst/auto_sync.h"
#include "gst/bytes.h"
#include "gst/guard.h"
#include "gst/nonblocking.h"
#include "gst/peer_signals.h"
#include "gst/stats.h"
#include "gst/viewer_policy.h"

#include <gst/base/gstbasesink.h>

#include <mutex>
#include <string>

GST_DEBUG_CATEGORY_STATIC(penstock_rtmp_server_sink_debug);
#define GST_CAT_DEFAULT penstock_rtmp_server_sink_debug

using namespace penstock;

namespace {

struct Sink {
    struct Settings {
        std::string location = "rtmp://127.0.0.1:1935/live/stream";
        ViewerPolicy viewers;
    };
    /// Lock order: settings_mutex alone, feed_mutex alone. Neither is held across a post.
    std::mutex settings_mutex;
    Settings settings;
    std::mutex feed_mutex; ///< feed and server, between state changes and stats
    std::shared_ptr<net::RtmpServer> server;
    std::unique_ptr<net::PlayFeed> feed;
    std::string path;
    flv::Normalizer normalizer;
    std::vector<flv::Tag> tags;
    bool any_tag = false;
    AutoSync sync;
    Counters counters;
    GstPadChainFunction base_chain = nullptr;
};

} // namespace

struct PenstockRtmpServerSink {
    GstBaseSink parent;
    Sink *impl;
};
struct PenstockRtmpServerSinkClass {
    GstBaseSinkClass parent;
};
#define IMPL(object) (reinterpret_cast<PenstockRtmpServerSink *>(object)->impl)

G_DEFINE_TYPE(PenstockRtmpServerSink, penstock_rtmp_server_sink, GST_TYPE_BASE_SINK)
GST_ELEMENT_REGISTER_DEFINE(rtmpserversink, "rtmpserversink", GST_RANK_NONE,
                            penstock_rtmp_server_sink_get_type())

enum { PROP_0, PROP_LOCATION, PROP_BOUND_LOCATION, PROP_STATS, PROP_POLICY };

static PeerSignals peer_signals;

static GstStaticPadTemplate sink_template =
    GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS("video/x-flv"));

static GstStructure *make_stats(Sink &impl) {
    net::PlayFeed::Stats feed;
    {
        std::lock_guard lock(impl.feed_mutex);
        if (impl.feed) feed = impl.feed->stats();
    }
    Stats common = impl.counters.with_peers(feed.players);
    common.bytes_out = feed.bytes_out;
    common.drops = feed.skipped;
    auto stats = common.to_structure();
    gst_structure_set(stats.get(), "peers-total", G_TYPE_UINT64, guint64(feed.players_total),
                      "closed-slow", G_TYPE_UINT64, guint64(feed.closed_slow), nullptr);
    return stats.release();
}

static void set_property(GObject *object, guint id, const GValue *value, GParamSpec *spec) {
    guard(object, [&] {
        Sink &impl = *IMPL(object);
        std::lock_guard lock(impl.settings_mutex);
        if (set_viewer_policy(impl.settings.viewers, PROP_POLICY, id, value)) return;
        switch (id) {
        case PROP_LOCATION: {
            const char *text = g_value_get_string(value);
            impl.settings.location = text ? text : "";
            break;
        }
        default:
            G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
        }
    });
}

static void get_property(GObject *object, guint id, GValue *value, GParamSpec *spec) {
    guard(object, [&] {
        Sink &impl = *IMPL(object);
        if (id == PROP_STATS) {
            g_value_take_boxed(value, make_stats(impl));
            return;
        }
        std::lock_guard lock(impl.settings_mutex);
        if (get_viewer_policy(impl.settings.viewers, PROP_POLICY, id, value)) return;
        switch (id) {
        case PROP_LOCATION:
            g_value_set_string(value, impl.settings.location.c_str());
            break;
        case PROP_BOUND_LOCATION: {
            std::lock_guard feed_lock(impl.feed_mutex);
            g_value_take_string(
                value,
                g_strdup(
                    impl.server
                        ? ("rtmp://" + impl.server->address().to_string() + "/" + impl.path).c_str()
                        : ""));
            break;
        }
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
        const auto location = net::parse_location(wanted.location, 1935, &error);
        if (location && location->scheme != "rtmp")
            error = "'" + wanted.location + "' does not begin with rtmp://";
        if (!error.empty()) {
            GST_ELEMENT_ERROR(sink, RESOURCE, SETTINGS, ("location: %s", error.c_str()), (nullptr));
            return FALSE;
        }
        apply_loops(wanted.viewers, GST_ELEMENT(sink));
        auto server = net::RtmpServer::open(location->address, &error);
        const auto watch = make_signal_watch(G_OBJECT(sink), peer_signals, PeerEvents::thread);
        auto feed = server ? server->feed(location->path, wanted.viewers.history(),
                                          wanted.viewers.policy, &error, watch)
                           : nullptr;
        if (!feed) {
            GST_ELEMENT_ERROR(sink, RESOURCE, OPEN_WRITE, ("%s", error.c_str()), (nullptr));
            return FALSE;
        }
        impl.normalizer.reset();
        impl.any_tag = false;
        impl.sync.restart();
        impl.counters.start();
        std::lock_guard lock(impl.feed_mutex);
        impl.server = std::move(server);
        impl.feed = std::move(feed);
        impl.path = location->path;
        return TRUE;
    });
}

static gboolean stop(GstBaseSink *sink) {
    return guard(sink, FALSE, [&]() -> gboolean {
        Sink &impl = *IMPL(sink);
        std::unique_lock lock(impl.feed_mutex);
        auto feed = std::move(impl.feed);
        auto server = std::move(impl.server);
        lock.unlock();
        return TRUE;
    });
}

static gboolean event(GstBaseSink *sink, GstEvent *event) {
    guard(sink, [&] {
        if (GST_EVENT_TYPE(event) == GST_EVENT_SEGMENT) IMPL(sink)->sync.decide(sink);
        if (GST_EVENT_TYPE(event) == GST_EVENT_FLUSH_STOP) IMPL(sink)->normalizer.flush();
    });
    return GST_BASE_SINK_CLASS(penstock_rtmp_server_sink_parent_class)->event(sink, event);
}

static gboolean query(GstBaseSink *sink, GstQuery *query) {
    if (is_nonblocking_query(query)) {
        answer_nonblocking(query, IMPL(sink)->sync.is_nonblocking(sink));
        return TRUE;
    }
    return GST_BASE_SINK_CLASS(penstock_rtmp_server_sink_parent_class)->query(sink, query);
}

static GstFlowReturn render(GstBaseSink *sink, GstBuffer *buffer) {
    return guard(sink, GST_FLOW_ERROR, [&] {
        Sink &impl = *IMPL(sink);
        impl.counters.in(gst_buffer_get_size(buffer));
        impl.tags.clear();
        if (impl.any_tag && GST_BUFFER_IS_DISCONT(buffer)) impl.feed->discontinuity();
        const Result result = impl.normalizer.push(bytes_of(buffer), impl.tags);
        for (const std::string &note : impl.normalizer.take_notes())
            GST_WARNING_OBJECT(sink, "odd FLV: %s", note.c_str());
        for (const flv::Tag &tag : impl.tags) {
            impl.feed->push(tag);
            ++impl.counters.buffers_out;
            impl.any_tag = true;
        }
        impl.tags.clear();
        if (!result.is_error()) return GST_FLOW_OK;
        if (!impl.any_tag) {
            GST_ELEMENT_ERROR(sink, STREAM, WRONG_TYPE,
                              ("This is no FLV: %s", result.reason().c_str()),
                              ("put flvlivemux or flvmux in front"));
            return GST_FLOW_ERROR;
        }
        GST_ELEMENT_WARNING(sink, STREAM, DECODE,
                            ("Broken FLV skipped: %s", result.reason().c_str()), (nullptr));
        impl.normalizer.flush();
        return GST_FLOW_OK;
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

static void finalize(GObject *object) {
    delete IMPL(object);
    G_OBJECT_CLASS(penstock_rtmp_server_sink_parent_class)->finalize(object);
}

static void penstock_rtmp_server_sink_class_init(PenstockRtmpServerSinkClass *klass) {
    GST_DEBUG_CATEGORY_INIT(penstock_rtmp_server_sink_debug, "rtmpserversink", 0, "RTMP play");
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
                            "Where to listen and under which name to serve: "
                            "rtmp://host:port/app/name; no host: every interface; port 0: any",
                            defaults.location.c_str(), rw));
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
    sink_class->event = event;
    sink_class->query = query;
    sink_class->render = render;
    auto *element_class = GST_ELEMENT_CLASS(klass);
    gst_element_class_add_static_pad_template(element_class, &sink_template);
    gst_element_class_set_static_metadata(element_class, "RTMP server sink", "Sink/Network",
                                          "Serves a stream to any number of RTMP players",
                                          "The Penstock authors");
}

static void penstock_rtmp_server_sink_init(PenstockRtmpServerSink *self) {
    self->impl = new Sink;
    // A server sink has nothing to show before its first player: it never prerolls.
    gst_base_sink_set_async_enabled(GST_BASE_SINK(self), FALSE);
    GstPad *pad = GST_BASE_SINK_PAD(self);
    self->impl->base_chain = GST_PAD_CHAINFUNC(pad);
    gst_pad_set_chain_function(pad, chain);
    self->impl->sync.watch(GST_BASE_SINK(self));
}

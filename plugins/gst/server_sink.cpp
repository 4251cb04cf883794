// SPDX-License-Identifier: LGPL-2.1-or-later
// The base of all server sinks.
#include "gst/server_sink.h"

#include "gst/auto_sync.h"
#include "gst/guard.h"
#include "gst/nonblocking.h"
#include "gst/stats.h"
#include "gst/tls_files.h"

#include <algorithm>
#include <mutex>

GST_DEBUG_CATEGORY_STATIC(server_sink_debug);
#define GST_CAT_DEFAULT server_sink_debug

namespace penstock {

Result ServerFeed::push(GstBufferList *list) {
    for (guint i = 0; i < gst_buffer_list_length(list); ++i)
        if (Result result = push(gst_buffer_list_get(list, i)); result.is_error()) return result;
    return Result::ok();
}

/// The state of an instance.
class ServerSink {
public:
    explicit ServerSink(const ServerSinkKind &kind_of_sink) : kind(kind_of_sink) {
        settings.location = kind.default_location;
        settings.viewers = kind.viewers;
    }

    bool start(GstBaseSink *sink, const PeerSignals &signals);
    void stop();
    void take_event(GstBaseSink *sink, GstEvent *event);
    GstFlowReturn judge(GstBaseSink *sink, const Result &result) const;
    GstPtr<GstStructure> stats();
    std::string bound_location();

    const ServerSinkKind &kind;
    /// Lock order: settings_mutex, then feed_mutex. Neither is held across a post.
    std::mutex settings_mutex;
    ServerSinkSettings settings;
    std::mutex feed_mutex; ///< the pointer, between state changes and other threads
    std::unique_ptr<ServerFeed> feed;
    AutoSync sync;
    Counters counters;
    // The pad functions of GstBaseSink.
    GstPadChainFunction base_chain = nullptr;
    GstPadChainListFunction base_chain_list = nullptr;

private:
    /// Leaves in `wanted` the certificate that the scheme uses. Returns what is wrong.
    std::string check(ServerSinkSettings &wanted, const std::string &scheme) const;
};

namespace {

enum {
    PROP_0,
    PROP_LOCATION,
    PROP_BOUND_LOCATION,
    PROP_STATS,
    PROP_TLS_CERTIFICATE,
    PROP_TLS_KEY,
    PROP_POLICY // and what follows
};

ServerSink &impl_of(gpointer object) {
    return *static_cast<ServerSinkElement *>(object)->impl;
}

GstBaseSinkClass *base_class() {
    return GST_BASE_SINK_CLASS(g_type_class_peek(GST_TYPE_BASE_SINK));
}

bool serves_tls(const ServerSinkKind &kind) {
    return std::any_of(kind.schemes.begin(), kind.schemes.end(), net::is_tls_only);
}

/// "artist - title", or what there is of it; empty for tags that tell of codecs and bitrates.
std::string title_of(GstEvent *event) {
    GstTagList *tags = nullptr;
    gst_event_parse_tag(event, &tags);
    gchar *found = nullptr;
    std::string title;
    for (const char *tag : {GST_TAG_ARTIST, GST_TAG_TITLE}) {
        if (!gst_tag_list_get_string(tags, tag, &found)) continue;
        const GOwned<> text(found);
        title += (title.empty() ? "" : " - ") + std::string(text.get());
    }
    return title;
}

} // namespace

// --- the work -----------------------------------------------------------------------------

std::string ServerSink::check(ServerSinkSettings &wanted, const std::string &scheme) const {
    std::string error, schemes;
    for (const std::string &each : kind.schemes) {
        if (each == scheme) {
            wanted.tls = net::tls_for(scheme, wanted.tls, &error).value_or(net::TlsFiles());
            return error;
        }
        schemes += (schemes.empty() ? "" : " or ") + each + "://";
    }
    return "location: '" + wanted.location + "' does not begin with " + schemes;
}

bool ServerSink::start(GstBaseSink *sink, const PeerSignals &signals) {
    ServerSinkSettings wanted;
    {
        std::lock_guard lock(settings_mutex);
        wanted = settings;
    }
    std::string error;
    const net::TlsFiles given = wanted.tls;
    const auto location = net::parse_location(wanted.location, kind.default_port, &error);
    error = location ? check(wanted, location->scheme) : "location: " + error;
    if (!error.empty()) {
        GST_ELEMENT_ERROR(sink, RESOURCE, SETTINGS, ("%s", error.c_str()), (nullptr));
        return false;
    }
    apply_loops(wanted.viewers, GST_ELEMENT(sink));
    const auto watch = make_signal_watch(G_OBJECT(sink), signals, PeerEvents::thread);
    auto opened = kind.open({GST_ELEMENT(sink), *location, wanted, watch}, &error);
    if (!opened) {
        GST_ELEMENT_ERROR(sink, RESOURCE, OPEN_WRITE, ("%s", error.c_str()), (nullptr));
        return false;
    }
    GST_INFO_OBJECT(sink, "serves at %s", opened->bound_location().c_str());
    warn_of_idle_tls(GST_ELEMENT(sink), wanted.location, given);
    sync.restart();
    counters.start();
    std::lock_guard lock(feed_mutex);
    feed = std::move(opened);
    return true;
}

void ServerSink::stop() {
    std::unique_lock lock(feed_mutex);
    const auto gone = std::move(feed);
    lock.unlock();
}

void ServerSink::take_event(GstBaseSink *sink, GstEvent *event) {
    switch (GST_EVENT_TYPE(event)) {
    case GST_EVENT_SEGMENT:
        sync.decide(sink);
        break;
    case GST_EVENT_FLUSH_STOP:
        if (feed) feed->flush();
        break;
    case GST_EVENT_TAG:
        if (const std::string title = title_of(event); feed && !title.empty())
            feed->set_title(title);
        break;
    default:
        break;
    }
}

GstFlowReturn ServerSink::judge(GstBaseSink *sink, const Result &result) const {
    if (!result.is_error()) return GST_FLOW_OK;
    if (feed->has_begun()) {
        GST_ELEMENT_WARNING(sink, STREAM, DECODE,
                            ("Part of the stream is skipped: %s", result.reason().c_str()),
                            (nullptr));
        return GST_FLOW_OK;
    }
    GST_ELEMENT_ERROR(sink, STREAM, WRONG_TYPE,
                      ("The stream is not what its caps say: %s", result.reason().c_str()),
                      ("put a muxer or a parser in front"));
    return GST_FLOW_ERROR;
}

GstPtr<GstStructure> ServerSink::stats() {
    std::lock_guard lock(feed_mutex);
    net::ViewerTotals totals;
    if (feed) totals = feed->stats();
    Stats common = counters.with_peers(totals.viewers);
    common.bytes_out = totals.bytes_out;
    common.drops = totals.skipped;
    auto stats = common.to_structure();
    gst_structure_set(stats.get(), "peers-total", G_TYPE_UINT64, guint64(totals.viewers_total),
                      "closed-slow", G_TYPE_UINT64, guint64(totals.closed_slow), "slow",
                      G_TYPE_UINT64, guint64(totals.slow), nullptr);
    if (feed) feed->add_stats(stats.get());
    return stats;
}

std::string ServerSink::bound_location() {
    std::lock_guard lock(feed_mutex);
    return feed ? feed->bound_location() : "";
}

// --- GObject ------------------------------------------------------------------------------

void server_sink_set_property(GObject *object, guint id, const GValue *value, GParamSpec *spec) {
    guard(object, [&] {
        ServerSink &impl = impl_of(object);
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

void server_sink_get_property(GObject *object, guint id, GValue *value, GParamSpec *spec) {
    guard(object, [&] {
        ServerSink &impl = impl_of(object);
        std::lock_guard lock(impl.settings_mutex);
        if (get_viewer_policy(impl.settings.viewers, PROP_POLICY, id, value)) return;
        switch (id) {
        case PROP_LOCATION:
            g_value_set_string(value, impl.settings.location.c_str());
            break;
        case PROP_BOUND_LOCATION:
            g_value_set_string(value, impl.bound_location().c_str());
            break;
        case PROP_STATS:
            g_value_take_boxed(value, impl.stats().release());
            break;
        case PROP_TLS_CERTIFICATE:
            g_value_set_string(value, impl.settings.tls.certificate.c_str());
            break;
        case PROP_TLS_KEY:
            g_value_set_string(value, impl.settings.tls.key.c_str());
            break;
        default:
            G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
        }
    });
}

static gboolean start(GstBaseSink *sink) noexcept {
    return guard(sink, FALSE, [&]() -> gboolean {
        const auto *klass = reinterpret_cast<ServerSinkElementClass *>(G_OBJECT_GET_CLASS(sink));
        return impl_of(sink).start(sink, klass->signals);
    });
}

static gboolean stop(GstBaseSink *sink) noexcept {
    return guard(sink, FALSE, [&]() -> gboolean {
        impl_of(sink).stop();
        return TRUE;
    });
}

static gboolean set_caps(GstBaseSink *sink, GstCaps *caps) noexcept {
    return guard(sink, FALSE, [&]() -> gboolean {
        ServerSink &impl = impl_of(sink);
        return impl.feed && impl.feed->set_caps(caps);
    });
}

static gboolean event(GstBaseSink *sink, GstEvent *event) noexcept {
    guard(sink, [&] { impl_of(sink).take_event(sink, event); });
    return base_class()->event(sink, event);
}

static gboolean query(GstBaseSink *sink, GstQuery *query) noexcept {
    if (!is_nonblocking_query(query)) return base_class()->query(sink, query);
    answer_nonblocking(query, impl_of(sink).sync.is_nonblocking(sink));
    return TRUE;
}

static GstFlowReturn render(GstBaseSink *sink, GstBuffer *buffer) noexcept {
    return guard(sink, GST_FLOW_ERROR, [&] {
        ServerSink &impl = impl_of(sink);
        impl.counters.in(gst_buffer_get_size(buffer));
        ++impl.counters.buffers_out;
        return impl.judge(sink, impl.feed->push(buffer));
    });
}

static GstFlowReturn render_list(GstBaseSink *sink, GstBufferList *list) noexcept {
    return guard(sink, GST_FLOW_ERROR, [&] {
        ServerSink &impl = impl_of(sink);
        const guint length = gst_buffer_list_length(list);
        impl.counters.bytes_in += gst_buffer_list_calculate_size(list);
        impl.counters.buffers_in += length;
        impl.counters.buffers_out += length;
        return impl.judge(sink, impl.feed->push(list));
    });
}

// The thread that pushes may be a network loop and must not wait until a paused pipeline plays
// again, as GstBaseSink makes it. So while `sync` is off, buffers do not go through the base class,
// and events (EOS, GAP) do not wait.

static GstFlowReturn wait_event(GstBaseSink *sink, GstEvent *event) noexcept {
    if (!gst_base_sink_get_sync(sink)) return GST_FLOW_OK;
    return base_class()->wait_event(sink, event);
}

static GstFlowReturn chain(GstPad *pad, GstObject *parent, GstBuffer *buffer) noexcept {
    auto *sink = reinterpret_cast<GstBaseSink *>(parent);
    if (gst_base_sink_get_sync(sink)) return impl_of(parent).base_chain(pad, parent, buffer);
    const GstFlowReturn flow = render(sink, buffer);
    gst_buffer_unref(buffer);
    return flow;
}

static GstFlowReturn chain_list(GstPad *pad, GstObject *parent, GstBufferList *list) noexcept {
    auto *sink = reinterpret_cast<GstBaseSink *>(parent);
    if (gst_base_sink_get_sync(sink)) return impl_of(parent).base_chain_list(pad, parent, list);
    const GstFlowReturn flow = render_list(sink, list);
    gst_buffer_list_unref(list);
    return flow;
}

static void finalize(GObject *object) noexcept {
    delete static_cast<ServerSink *>(reinterpret_cast<ServerSinkElement *>(object)->impl);
    G_OBJECT_CLASS(base_class())->finalize(object);
}

static void install_properties(GObjectClass *klass, const ServerSinkKind &kind) {
    const auto rw =
        GParamFlags(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY);
    const auto ro = GParamFlags(G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
    g_object_class_install_property(klass, PROP_LOCATION,
                                    g_param_spec_string("location", "Location", kind.location_blurb,
                                                        kind.default_location, rw));
    g_object_class_install_property(
        klass, PROP_BOUND_LOCATION,
        g_param_spec_string("bound-location", "Bound location",
                            "The location with the real port; empty below PAUSED", "", ro));
    g_object_class_install_property(
        klass, PROP_STATS,
        g_param_spec_boxed(
            "stats", "Statistics",
            g_intern_string((std::string("bytes-in bytes-out buffers-in buffers-out drops peers "
                                         "uptime (ns) peers-total closed-slow slow (peers that get "
                                         "less, because of their networks)") +
                             kind.more_stats)
                                .c_str()),
            GST_TYPE_STRUCTURE, ro));
    if (serves_tls(kind)) install_tls_files(klass, PROP_TLS_CERTIFICATE, PROP_TLS_KEY);
}

guint server_sink_class_init(ServerSinkElementClass *klass, const ServerSinkKind &kind) {
    GST_DEBUG_CATEGORY_INIT(server_sink_debug, "penstock-server-sink", 0, "Server sinks");
    klass->kind = &kind;
    auto *object_class = G_OBJECT_CLASS(klass);
    object_class->set_property = server_sink_set_property;
    object_class->get_property = server_sink_get_property;
    object_class->finalize = finalize;
    install_properties(object_class, kind);
    const guint next_id = install_viewer_policy(object_class, PROP_POLICY, kind.viewers);
    klass->signals = install_peer_signals(G_TYPE_FROM_CLASS(klass));
    GstBaseSinkClass *sink_class = &klass->parent;
    sink_class->start = start;
    sink_class->stop = stop;
    sink_class->set_caps = set_caps;
    sink_class->event = event;
    sink_class->wait_event = wait_event;
    sink_class->query = query;
    sink_class->render = render;
    sink_class->render_list = render_list;
    auto *element_class = GST_ELEMENT_CLASS(klass);
    const auto caps = GstPtr<GstCaps>::adopt(gst_caps_from_string(kind.caps));
    gst_element_class_add_pad_template(
        element_class, gst_pad_template_new("sink", GST_PAD_SINK, GST_PAD_ALWAYS, caps.get()));
    gst_element_class_set_static_metadata(element_class, kind.long_name, "Sink/Network",
                                          kind.description, "The Penstock authors");
    return next_id;
}

void server_sink_init(ServerSinkElement *self) {
    const auto *klass = reinterpret_cast<ServerSinkElementClass *>(G_OBJECT_GET_CLASS(self));
    self->impl = new ServerSink(*klass->kind);
    // A server sink has nothing to show before its first viewer: it never prerolls.
    gst_base_sink_set_async_enabled(&self->parent, FALSE);
    GstPad *pad = GST_BASE_SINK_PAD(self);
    self->impl->base_chain = GST_PAD_CHAINFUNC(pad);
    self->impl->base_chain_list = GST_PAD_CHAINLISTFUNC(pad);
    gst_pad_set_chain_function(pad, chain);
    gst_pad_set_chain_list_function(pad, chain_list);
    self->impl->sync.watch(&self->parent);
}

} // namespace penstock

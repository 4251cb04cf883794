// SPDX-License-Identifier: LGPL-2.1-or-later
// The element rtmpserversrc: GObject boilerplate around ServerSource.
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

#include "gst/guard.h"
#include "gst/peer_signals.h"
#include "gst/tls_files.h"
#include "rtmp/reconnect_signal.h"
#include "rtmp/server_source.h"
#include "rtmp/tag_source_class.h"

GST_DEBUG_CATEGORY(penstock_rtmp_server_src_debug);
#define GST_CAT_DEFAULT penstock_rtmp_server_src_debug

using namespace penstock;
using rtmp::OnUnpublish;
using rtmp::ServerSource;

struct PenstockRtmpServerSrc {
    GstElement parent;
    ServerSource *impl;
};
struct PenstockRtmpServerSrcClass {
    GstElementClass parent;
};
#define IMPL(object) (reinterpret_cast<PenstockRtmpServerSrc *>(object)->impl)
using SourceClass = rtmp::TagSourceClass<PenstockRtmpServerSrc>;

G_DEFINE_TYPE(PenstockRtmpServerSrc, penstock_rtmp_server_src, GST_TYPE_ELEMENT)
GST_ELEMENT_REGISTER_DEFINE(rtmpserversrc, "rtmpserversrc", GST_RANK_NONE,
                            penstock_rtmp_server_src_get_type())

enum {
    PROP_0,
    PROP_LOCATION,
    PROP_ON_UNPUBLISH,
    PROP_PUBLISH_KEY,
    PROP_QUEUE_MAX_BYTES,
    PROP_SILENCE_TIMEOUT,
    PROP_REPUBLISH,
    PROP_BACKUP_TIMEOUT,
    PROP_RETURN_AFTER,
    PROP_BOUND_LOCATION,
    PROP_STATS,
    PROP_TLS_CERTIFICATE,
    PROP_TLS_KEY
};

static PeerSignals peer_signals;

static GType on_unpublish_type() {
    static const GEnumValue values[] = {
        {int(OnUnpublish::wait), "Wait for the next publisher; it begins with DISCONT", "wait"},
        {int(OnUnpublish::eos), "End the stream", "eos"},
        {0, nullptr, nullptr},
    };
    static const GType type = g_enum_register_static("PenstockRtmpOnUnpublish", values);
    return type;
}

static GType republish_type() {
    static const GEnumValue values[] = {
        {int(net::Republish::reject), "Refuse it", "reject"},
        {int(net::Republish::takeover), "It gets the name; the other publisher is closed",
         "takeover"},
        {int(net::Republish::backup), "One of them is on air, the other stands by", "backup"},
        {0, nullptr, nullptr},
    };
    static const GType type = g_enum_register_static("PenstockRtmpRepublish", values);
    return type;
}

static void set_property(GObject *object, guint id, const GValue *value, GParamSpec *spec) {
    guard(object, [&] {
        ServerSource &impl = *IMPL(object);
        std::lock_guard lock(impl.settings_mutex);
        const auto text = [&] {
            const char *s = g_value_get_string(value);
            return std::string(s ? s : "");
        };
        switch (id) {
        case PROP_LOCATION:
            impl.settings.location = text();
            break;
        case PROP_ON_UNPUBLISH:
            impl.settings.on_unpublish = OnUnpublish(g_value_get_enum(value));
            break;
        case PROP_PUBLISH_KEY:
            impl.settings.publish_key = text();
            break;
        case PROP_QUEUE_MAX_BYTES:
            impl.settings.max_bytes = g_value_get_uint(value);
            break;
        case PROP_SILENCE_TIMEOUT:
            impl.settings.silence_timeout = g_value_get_uint64(value);
            break;
        case PROP_REPUBLISH:
            impl.settings.republish = net::Republish(g_value_get_enum(value));
            break;
        case PROP_BACKUP_TIMEOUT:
            impl.settings.backup_timeout = g_value_get_uint64(value);
            break;
        case PROP_RETURN_AFTER:
            impl.settings.return_after = g_value_get_uint64(value);
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

static void get_property(GObject *object, guint id, GValue *value, GParamSpec *spec) {
    guard(object, [&] {
        ServerSource &impl = *IMPL(object);
        if (id == PROP_STATS) {
            g_value_take_boxed(value, impl.stats().release());
            return;
        }
        std::lock_guard lock(impl.settings_mutex);
        switch (id) {
        case PROP_LOCATION:
            g_value_set_string(value, impl.settings.location.c_str());
            break;
        case PROP_ON_UNPUBLISH:
            g_value_set_enum(value, int(impl.settings.on_unpublish));
            break;
        case PROP_PUBLISH_KEY:
            // Never readable: properties end up in logs and dot files.
            g_value_set_string(value, impl.settings.publish_key.empty() ? "" : "(set)");
            break;
        case PROP_QUEUE_MAX_BYTES:
            g_value_set_uint(value, guint(impl.settings.max_bytes));
            break;
        case PROP_SILENCE_TIMEOUT:
            g_value_set_uint64(value, impl.settings.silence_timeout);
            break;
        case PROP_REPUBLISH:
            g_value_set_enum(value, int(impl.settings.republish));
            break;
        case PROP_BACKUP_TIMEOUT:
            g_value_set_uint64(value, impl.settings.backup_timeout);
            break;
        case PROP_RETURN_AFTER:
            g_value_set_uint64(value, impl.settings.return_after);
            break;
        case PROP_TLS_CERTIFICATE:
            g_value_set_string(value, impl.settings.tls.certificate.c_str());
            break;
        case PROP_TLS_KEY:
            g_value_set_string(value, impl.settings.tls.key.c_str());
            break;
        case PROP_BOUND_LOCATION:
            g_value_set_string(value, impl.bound_location().c_str());
            break;
        default:
            G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
        }
    });
}

static GstStateChangeReturn change_state(GstElement *element, GstStateChange transition) {
    return guard(element, GST_STATE_CHANGE_FAILURE, [&] {
        ServerSource &impl = *IMPL(element);
        if (transition == GST_STATE_CHANGE_NULL_TO_READY && !impl.open())
            return GST_STATE_CHANGE_FAILURE;
        const GstStateChangeReturn result = SourceClass::change_state(element, transition);
        const bool has_failed = result == GST_STATE_CHANGE_FAILURE;
        if ((transition == GST_STATE_CHANGE_NULL_TO_READY && has_failed) ||
            (transition == GST_STATE_CHANGE_READY_TO_NULL && !has_failed))
            impl.close();
        return result;
    });
}

static bool start(PenstockRtmpServerSrc &self) {
    return self.impl->start(make_signal_watch(G_OBJECT(&self), peer_signals, PeerEvents::thread));
}

static void penstock_rtmp_server_src_class_init(PenstockRtmpServerSrcClass *klass) {
    GST_DEBUG_CATEGORY_INIT(penstock_rtmp_server_src_debug, "rtmpserversrc", 0, "RTMP ingest");
    SourceClass::init(klass, penstock_rtmp_server_src_parent_class, start);
    auto *object_class = G_OBJECT_CLASS(klass);
    object_class->set_property = set_property;
    object_class->get_property = get_property;
    const auto rw =
        GParamFlags(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY);
    const auto ro = GParamFlags(G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
    const ServerSource::Settings defaults;
    g_object_class_install_property(
        object_class, PROP_LOCATION,
        g_param_spec_string("location", "Location",
                            "Address to listen on and name to receive under: "
                            "rtmp://host:port/app/name, or rtmps:// with a certificate; no host: "
                            "every interface; port 0: any free port",
                            defaults.location.c_str(), rw));
    g_object_class_install_property(object_class, PROP_ON_UNPUBLISH,
                                    g_param_spec_enum("on-unpublish", "On unpublish",
                                                      "What to do when the publisher disconnects",
                                                      on_unpublish_type(),
                                                      int(defaults.on_unpublish), rw));
    g_object_class_install_property(
        object_class, PROP_PUBLISH_KEY,
        g_param_spec_string("publish-key", "Publish key",
                            "Publishers need ?key=THIS after the name; empty: no key needed", "",
                            rw));
    g_object_class_install_property(
        object_class, PROP_QUEUE_MAX_BYTES,
        g_param_spec_uint("queue-max-bytes", "Queue size",
                          "Bytes that are queued before the publisher is made to wait", 64 << 10,
                          256 << 20, guint(defaults.max_bytes), rw));
    g_object_class_install_property(
        object_class, PROP_SILENCE_TIMEOUT,
        g_param_spec_uint64("silence-timeout", "Silence timeout",
                            "A publisher that sends no media for this long, in nanoseconds, is "
                            "closed; checked once a second. Time in which the queue is full does "
                            "not count. 0: never",
                            0, 86400 * GST_SECOND, defaults.silence_timeout, rw));
    g_object_class_install_property(
        object_class, PROP_REPUBLISH,
        g_param_spec_enum("republish", "Republish",
                          "What to do with a publisher whose name another one has",
                          republish_type(), int(defaults.republish), rw));
    g_object_class_install_property(
        object_class, PROP_BACKUP_TIMEOUT,
        g_param_spec_uint64("backup-timeout", "Backup timeout",
                            "With republish=backup: a publisher on air that sends no media for "
                            "this long, in nanoseconds, gives way to the other. Time in which the "
                            "queue is full does not count",
                            100 * GST_MSECOND, 3600 * GST_SECOND, defaults.backup_timeout, rw));
    g_object_class_install_property(
        object_class, PROP_RETURN_AFTER,
        g_param_spec_uint64("return-after", "Return after",
                            "With republish=backup: for how long, in nanoseconds, the primary has "
                            "to send media without a pause until it takes over again; 0: until its "
                            "next keyframe",
                            0, 3600 * GST_SECOND, defaults.return_after, rw));
    g_object_class_install_property(
        object_class, PROP_BOUND_LOCATION,
        g_param_spec_string("bound-location", "Bound location",
                            "The location with the real port; empty below READY", "", ro));
    g_object_class_install_property(
        object_class, PROP_STATS,
        g_param_spec_boxed("stats", "Statistics",
                           "bytes-in bytes-out buffers-in buffers-out drops peers uptime (ns); "
                           "switches: how often a publisher went on air with republish=backup",
                           GST_TYPE_STRUCTURE, ro));
    install_tls_files(object_class, PROP_TLS_CERTIFICATE, PROP_TLS_KEY);
    peer_signals = install_peer_signals(G_TYPE_FROM_CLASS(klass));
    rtmp::install_reconnect_signal(G_TYPE_FROM_CLASS(klass), true);
    auto *element_class = GST_ELEMENT_CLASS(klass);
    element_class->change_state = change_state;
    gst_type_mark_as_plugin_api(on_unpublish_type(), GstPluginAPIFlags(0));
    gst_type_mark_as_plugin_api(republish_type(), GstPluginAPIFlags(0));
    gst_element_class_set_static_metadata(element_class, "RTMP server source", "Source/Network",
                                          "Receives a stream that is published to us over RTMP",
                                          "The Penstock authors");
}

static void penstock_rtmp_server_src_init(PenstockRtmpServerSrc *self) {
    SourceClass::init(self);
}

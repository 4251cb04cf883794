// SPDX-License-Identifier: LGPL-2.1-or-later
// The element srtliveserversrc: GObject boilerplate around ServerSource.
/**
 * SECTION:element-srtliveserversrc
 * @title: srtliveserversrc
 * @short_description: receives a stream that is published to us over SRT
 *
 * Listens at the UDP port of `location` and takes one publisher (OBS, ffmpeg, srt-live-transmit, an
 * encoder box) under its path. What comes out is `video/mpegts` in packets of 188 bytes, whatever
 * the network brought, cut where viewers may join, with the program tables in the caps. Behind it,
 * tslivedemux makes the stream that all other protocols serve. When the publisher goes, the element
 * waits for the next one (`on-unpublish=wait`) or ends the stream (`eos`). One that stays connected
 * and sends no media for `silence-timeout` is closed, and loses its name. Any number of
 * srtliveserversrc and srtliveserversink share one port with different names.
 *
 * ## Stream ids
 * Callers say by their stream id which path they mean: `publish:live/cam`, or
 * `#!::r=live/cam,m=publish`; with a key `publish:live/cam:key=KEY`, `publish:live/cam:user:KEY` or
 * `#!::r=live/cam,m=publish,s=KEY`. In URLs: `srt://host:8890?streamid=publish:live/cam`. Unknown
 * keys are let pass. A handshake is refused with the codes of SRT Access Control, which callers
 * show: 1400 an id that is not understood, 1401 a wrong key, 1402 too many connections, 1404 no
 * such path, 1409 the name is being published.
 *
 * ## Encryption
 * With `passphrase` publishers need the same one; without it they must have none. It may differ
 * from path to path at one port: one that waits for a pipeline with another passphrase than its
 * handshake had, or is sent on to such a path, is closed.
 *
 * ## Memory
 * A connection holds back up to 4 MB for `latency`: enough for 30 Mbit/s and a second, or for
 * 8 Mbit/s and almost four.
 *
 * ## Authorization
 * The signal `authorize` asks the application about each publisher, behind the handshake: see
 * rtmpserversrc. Without a handler `publish-key` alone decides.
 *
 * When not: to fetch a stream from elsewhere, or from a device that knows no stream ids, use
 * srtpullsrc.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 srtliveserversrc location=srt://127.0.0.1:28890/live/cam ! goptee ! fakesink
 * async=false
 * ]|
 * Waits for `ffmpeg -re -i FILE -c copy -f mpegts
 * 'srt://127.0.0.1:28890?streamid=publish:live/cam'`.
 *
 * Since: 0.1.0
 */
#include "srt/srtliveserversrc.h"

#include "gst/peer_signals.h"
#include "gst/tag_source_class.h"
#include "srt/link_settings.h"
#include "srt/server_source.h"

using namespace penstock;
using srt::ServerSource;

struct PenstockSrtServerSrc {
    GstElement parent;
    ServerSource *impl;
};
struct PenstockSrtServerSrcClass {
    GstElementClass parent;
    PeerSignals signals;
};
#define IMPL(object) (reinterpret_cast<PenstockSrtServerSrc *>(object)->impl)
using SourceClass = TagSourceClass<PenstockSrtServerSrc, srt::ts_caps>;

G_DEFINE_TYPE(PenstockSrtServerSrc, penstock_srt_server_src, GST_TYPE_ELEMENT)
GST_ELEMENT_REGISTER_DEFINE(srtliveserversrc, "srtliveserversrc", GST_RANK_NONE,
                            penstock_srt_server_src_get_type())

enum {
    PROP_0,
    PROP_LOCATION,
    PROP_ON_UNPUBLISH,
    PROP_PUBLISH_KEY,
    PROP_QUEUE_MAX_BYTES,
    PROP_SILENCE_TIMEOUT,
    PROP_REPUBLISH,
    PROP_BOUND_LOCATION,
    PROP_STATS,
    PROP_LINK
};

static void set_property(GObject *object, guint id, const GValue *value, GParamSpec *spec) {
    guard(object, [&] {
        ServerSource &impl = *IMPL(object);
        std::lock_guard lock(impl.settings_mutex);
        if (srt::set_link_setting(impl.settings.traits, PROP_LINK, id, value)) return;
        const auto text = [value] {
            const char *string = g_value_get_string(value);
            return std::string(string ? string : "");
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
        if (srt::get_link_setting(impl.settings.traits, PROP_LINK, id, value)) return;
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

static bool start(PenstockSrtServerSrc &self) {
    const auto *klass = reinterpret_cast<PenstockSrtServerSrcClass *>(G_OBJECT_GET_CLASS(&self));
    return self.impl->start(make_signal_watch(G_OBJECT(&self), klass->signals, PeerEvents::thread));
}

static void install_properties(GObjectClass *klass) {
    const auto rw =
        GParamFlags(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY);
    const auto ro = GParamFlags(G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
    const ServerSource::Settings defaults;
    g_object_class_install_property(
        klass, PROP_LOCATION,
        g_param_spec_string("location", "Location",
                            "Address to listen on and name to receive under: "
                            "srt://host:port/live/name; no host: every interface; port 0: any free "
                            "port",
                            defaults.location.c_str(), rw));
    g_object_class_install_property(klass, PROP_ON_UNPUBLISH,
                                    g_param_spec_enum("on-unpublish", "On unpublish",
                                                      "What to do when the publisher disconnects",
                                                      on_unpublish_type(),
                                                      int(defaults.on_unpublish), rw));
    g_object_class_install_property(
        klass, PROP_PUBLISH_KEY,
        g_param_spec_string("publish-key", "Publish key",
                            "Publishers need it in their stream id, as publish:NAME:key=THIS or "
                            "#!::r=NAME,m=publish,s=THIS; empty: no key needed",
                            "", rw));
    g_object_class_install_property(
        klass, PROP_QUEUE_MAX_BYTES,
        g_param_spec_uint("queue-max-bytes", "Queue size",
                          "Bytes that are queued before nothing more is read from the publisher",
                          64 << 10, 256 << 20, guint(defaults.max_bytes), rw));
    g_object_class_install_property(
        klass, PROP_SILENCE_TIMEOUT,
        g_param_spec_uint64("silence-timeout", "Silence timeout",
                            "A publisher that sends no media for this long, in nanoseconds, is "
                            "closed; checked once a second. Time in which the queue is full does "
                            "not count. 0: never",
                            0, 86400 * GST_SECOND, defaults.silence_timeout, rw));
    g_object_class_install_property(
        klass, PROP_REPUBLISH,
        g_param_spec_enum("republish", "Republish",
                          "What to do with a publisher whose name another one has: reject or "
                          "takeover",
                          republish_type(), int(defaults.republish), rw));
    g_object_class_install_property(
        klass, PROP_BOUND_LOCATION,
        g_param_spec_string("bound-location", "Bound location",
                            "The location with the real port; empty below READY", "", ro));
    g_object_class_install_property(
        klass, PROP_STATS,
        g_param_spec_boxed(
            "stats", "Statistics",
            g_intern_string((std::string("bytes-in bytes-out buffers-in buffers-out drops peers "
                                         "uptime (ns)") +
                             srt::network_stats)
                                .c_str()),
            GST_TYPE_STRUCTURE, ro));
    srt::install_link_settings(klass, PROP_LINK);
}

static void penstock_srt_server_src_class_init(PenstockSrtServerSrcClass *klass) {
    SourceClass::init(klass, penstock_srt_server_src_parent_class, start);
    auto *object_class = G_OBJECT_CLASS(klass);
    object_class->set_property = set_property;
    object_class->get_property = get_property;
    install_properties(object_class);
    klass->signals = install_peer_signals(G_TYPE_FROM_CLASS(klass));
    auto *element_class = GST_ELEMENT_CLASS(klass);
    element_class->change_state = change_state;
    gst_element_class_set_static_metadata(element_class, "SRT server source", "Source/Network",
                                          "Receives a stream that is published to us over SRT",
                                          "The Penstock authors");
}

static void penstock_srt_server_src_init(PenstockSrtServerSrc *self) {
    SourceClass::init(self);
}

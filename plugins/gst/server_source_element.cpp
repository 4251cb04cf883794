// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/server_source_element.h"

#include "gst/guard.h"
#include "gst/publish_side.h"
#include "gst/tag_source_class.h"
#include "gst/tls_files.h"

#include <mutex>
#include <string>

namespace penstock {
namespace {

using SourceClass = TagSourceClass<ServerSourceElement>;

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
    PROP_TLS_KEY,
    PROP_COUNT
};

ServerSource &impl_of(gpointer object) {
    return *static_cast<ServerSourceElement *>(object)->impl;
}

GstStateChangeReturn change_state(GstElement *element, GstStateChange transition) {
    return guard(element, GST_STATE_CHANGE_FAILURE, [&] {
        ServerSource &impl = impl_of(element);
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

bool start(ServerSourceElement &self) {
    const auto *klass = reinterpret_cast<ServerSourceElementClass *>(G_OBJECT_GET_CLASS(&self));
    return self.impl->start(make_signal_watch(G_OBJECT(&self), klass->signals, PeerEvents::thread));
}

void install_properties(GObjectClass *klass, const ServerSourceKind &kind) {
    const auto rw =
        GParamFlags(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY);
    const auto ro = GParamFlags(G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
    const ServerSource::Settings defaults;
    g_object_class_install_property(klass, PROP_LOCATION,
                                    g_param_spec_string("location", "Location", kind.location_blurb,
                                                        kind.default_location, rw));
    g_object_class_install_property(klass, PROP_ON_UNPUBLISH,
                                    g_param_spec_enum("on-unpublish", "On unpublish",
                                                      "What to do when the publisher disconnects",
                                                      on_unpublish_type(),
                                                      int(defaults.on_unpublish), rw));
    g_object_class_install_property(
        klass, PROP_PUBLISH_KEY,
        g_param_spec_string("publish-key", "Publish key", kind.key_blurb, "", rw));
    g_object_class_install_property(
        klass, PROP_QUEUE_MAX_BYTES,
        g_param_spec_uint("queue-max-bytes", "Queue size",
                          "Bytes that are queued before the publisher is made to wait", 64 << 10,
                          256 << 20, guint(defaults.max_bytes), rw));
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
                          "What to do with a publisher whose name another one has",
                          republish_type(), int(defaults.republish), rw));
    g_object_class_install_property(
        klass, PROP_BACKUP_TIMEOUT,
        g_param_spec_uint64("backup-timeout", "Backup timeout",
                            "With republish=backup: a publisher on air that sends no media for "
                            "this long, in nanoseconds, gives way to the other. Time in which the "
                            "queue is full does not count",
                            100 * GST_MSECOND, 3600 * GST_SECOND, defaults.backup_timeout, rw));
    g_object_class_install_property(
        klass, PROP_RETURN_AFTER,
        g_param_spec_uint64("return-after", "Return after",
                            "With republish=backup: for how long, in nanoseconds, the primary has "
                            "to send media without a pause until it takes over again; 0: until its "
                            "next keyframe",
                            0, 3600 * GST_SECOND, defaults.return_after, rw));
    g_object_class_install_property(
        klass, PROP_BOUND_LOCATION,
        g_param_spec_string("bound-location", "Bound location",
                            "The location with the real port; empty below READY", "", ro));
    g_object_class_install_property(
        klass, PROP_STATS,
        g_param_spec_boxed("stats", "Statistics",
                           "bytes-in bytes-out buffers-in buffers-out drops peers uptime (ns); "
                           "switches: how often a publisher went on air with republish=backup",
                           GST_TYPE_STRUCTURE, ro));
    install_tls_files(klass, PROP_TLS_CERTIFICATE, PROP_TLS_KEY);
}

} // namespace

void server_source_set_property(GObject *object, guint id, const GValue *value, GParamSpec *spec) {
    guard(object, [&] {
        ServerSource &impl = impl_of(object);
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

void server_source_get_property(GObject *object, guint id, GValue *value, GParamSpec *spec) {
    guard(object, [&] {
        ServerSource &impl = impl_of(object);
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

guint server_source_class_init(ServerSourceElementClass *klass, const ServerSourceKind &kind) {
    klass->kind = &kind;
    SourceClass::init(klass, g_type_class_peek_parent(klass), start);
    auto *object_class = G_OBJECT_CLASS(klass);
    object_class->set_property = server_source_set_property;
    object_class->get_property = server_source_get_property;
    install_properties(object_class, kind);
    klass->signals = install_peer_signals(G_TYPE_FROM_CLASS(klass));
    auto *element_class = GST_ELEMENT_CLASS(klass);
    element_class->change_state = change_state;
    gst_element_class_set_static_metadata(element_class, kind.long_name, "Source/Network",
                                          kind.description, "The Penstock authors");
    return PROP_COUNT;
}

void server_source_init(ServerSourceElement *self) {
    const auto *klass = reinterpret_cast<ServerSourceElementClass *>(G_OBJECT_GET_CLASS(self));
    SourceClass::init(self, *klass->kind);
}

} // namespace penstock

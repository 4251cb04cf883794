// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/reconnect_settings.h"

#include "core/net/loop/clock.h"

#include <algorithm>
#include <utility>

namespace penstock {
namespace {

enum {
    LOCATION,
    KEY,
    RECONNECT_DELAY,
    RECONNECT_MAX_DELAY,
    REFUSED_DELAY,
    TLS_CA,
    TLS_VERIFY,
    END
};

/// Whole seconds, from one on.
std::string retry_text(uint64_t ms) {
    return net::time_text(ms < 1000 ? ms : (ms + 500) / 1000 * 1000);
}

const char *name_of(net::ClientChange::State state) {
    switch (state) {
    case net::ClientChange::connecting:
        return "connecting";
    case net::ClientChange::live:
        return "live";
    case net::ClientChange::waiting:
        break;
    }
    return "waiting";
}

} // namespace

rtmp::BackoffLimits ReconnectSettings::backoff() const {
    rtmp::BackoffLimits out;
    out.first = net::ms_of(reconnect_delay);
    out.most = net::ms_of(std::max(reconnect_max_delay, reconnect_delay));
    out.refused = net::ms_of(refused_delay);
    out.refused_most = 10 * out.refused;
    return out;
}

guint install_reconnect_settings(GObjectClass *klass, guint first, const char *location_blurb,
                                 const char *key_blurb, const char *scheme) {
    const auto rw =
        GParamFlags(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY);
    const ReconnectSettings defaults;
    const auto install = [&](guint id, GParamSpec *spec) {
        g_object_class_install_property(klass, first + id, spec);
    };
    const auto time = [&](const char *name, const char *nick, const char *blurb, uint64_t value) {
        return g_param_spec_uint64(name, nick, blurb, GST_MSECOND, 86400 * GST_SECOND, value, rw);
    };
    install(LOCATION, g_param_spec_string("location", "Location", location_blurb, "", rw));
    install(KEY, g_param_spec_string("key", "Key", key_blurb, "", rw));
    install(RECONNECT_DELAY,
            time("reconnect-delay", "Reconnect delay",
                 "Nanoseconds from a failure to the next attempt; doubles each time, less up to a "
                 "quarter at random",
                 defaults.reconnect_delay));
    install(RECONNECT_MAX_DELAY,
            time("reconnect-max-delay", "Longest reconnect delay", "Nanoseconds that it grows to",
                 defaults.reconnect_max_delay));
    install(REFUSED_DELAY,
            time("refused-delay", "Delay after a refusal",
                 "Nanoseconds to the next attempt when the server refuses the key or name; doubles "
                 "up to ten times that",
                 defaults.refused_delay));
    const std::string ca_blurb = "PEM file of the authorities that are trusted for " +
                                 std::string(scheme) + "://; empty: those of the system";
    auto *ca = g_param_spec_string("tls-ca", "TLS authorities", ca_blurb.c_str(), "",
                                   GParamFlags(rw & ~G_PARAM_STATIC_BLURB));
    install(TLS_CA, ca);
    install(TLS_VERIFY,
            g_param_spec_boolean("tls-verify", "TLS verify",
                                 "Whether the server's certificate has to be valid for its name",
                                 defaults.trust.verify, rw));
    return first + END;
}

bool set_reconnect_setting(ReconnectSettings &settings, guint first, guint id,
                           const GValue *value) {
    const auto text = [value] {
        const char *string = g_value_get_string(value);
        return std::string(string ? string : "");
    };
    switch (id - first) {
    case LOCATION:
        settings.location = text();
        return true;
    case KEY:
        settings.key = text();
        return true;
    case RECONNECT_DELAY:
        settings.reconnect_delay = g_value_get_uint64(value);
        return true;
    case RECONNECT_MAX_DELAY:
        settings.reconnect_max_delay = g_value_get_uint64(value);
        return true;
    case REFUSED_DELAY:
        settings.refused_delay = g_value_get_uint64(value);
        return true;
    case TLS_CA:
        settings.trust.ca_file = text();
        return true;
    case TLS_VERIFY:
        settings.trust.verify = g_value_get_boolean(value);
        return true;
    default:
        return false;
    }
}

bool get_reconnect_setting(const ReconnectSettings &settings, guint first, guint id,
                           GValue *value) {
    switch (id - first) {
    case LOCATION:
        g_value_set_string(value, settings.location.c_str());
        return true;
    case KEY:
        // Never readable: properties end up in logs and dot files.
        g_value_set_string(value, settings.key.empty() ? "" : "(set)");
        return true;
    case RECONNECT_DELAY:
        g_value_set_uint64(value, settings.reconnect_delay);
        return true;
    case RECONNECT_MAX_DELAY:
        g_value_set_uint64(value, settings.reconnect_max_delay);
        return true;
    case REFUSED_DELAY:
        g_value_set_uint64(value, settings.refused_delay);
        return true;
    case TLS_CA:
        g_value_set_string(value, settings.trust.ca_file.c_str());
        return true;
    case TLS_VERIFY:
        g_value_set_boolean(value, settings.trust.verify);
        return true;
    default:
        return false;
    }
}

void post_client_change(GstElement *element, const char *name, const std::string &location,
                        const net::ClientChange &change, std::string &last_reason) {
    gst_element_post_message(
        element, gst_message_new_element(
                     GST_OBJECT(element),
                     gst_structure_new(name, "state", G_TYPE_STRING, name_of(change.state),
                                       "location", G_TYPE_STRING, location.c_str(), "reason",
                                       G_TYPE_STRING, change.reason.c_str(), "refused",
                                       G_TYPE_BOOLEAN, gboolean(change.refused), "retry-in",
                                       G_TYPE_UINT64, guint64(change.retry_ms) * GST_MSECOND,
                                       "attempt", G_TYPE_UINT, change.attempt, nullptr)));
    if (change.state == net::ClientChange::live) {
        GST_ELEMENT_INFO(element, RESOURCE, OPEN_WRITE, ("%s: connected", location.c_str()),
                         (nullptr));
        last_reason.clear();
    }
    if (change.state != net::ClientChange::waiting || change.reason == last_reason) return;
    last_reason = change.reason;
    const std::string text =
        location + ": " + change.reason + "; the next attempt is in " + retry_text(change.retry_ms);
    if (change.refused)
        GST_ELEMENT_WARNING(element, RESOURCE, NOT_AUTHORIZED, ("%s", text.c_str()), (nullptr));
    else
        GST_ELEMENT_WARNING(element, RESOURCE, OPEN_READ_WRITE, ("%s", text.c_str()), (nullptr));
}

} // namespace penstock

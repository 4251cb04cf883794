// SPDX-License-Identifier: LGPL-2.1-or-later
#include "rtc/client_settings.h"

#include "core/net/loop/clock.h"
#include "core/net/rtc/options.h"

#include <algorithm>
#include <utility>

namespace penstock::rtc {
namespace {

enum {
    LOCATION,
    TOKEN,
    ICE_SERVERS,
    ICE_TRANSPORT_POLICY,
    RECONNECT_DELAY,
    RECONNECT_MAX_DELAY,
    REFUSED_DELAY,
    SILENCE_TIMEOUT,
    TLS_CA,
    TLS_VERIFY,
};

constexpr size_t max_token = 4096;

GType policy_type() {
    static const GEnumValue values[] = {{0, "Every way that works, a direct one first", "all"},
                                        {1, "Only by a TURN server", "relay"},
                                        {0, nullptr, nullptr}};
    static const GType type = [] {
        const GType made = g_enum_register_static("PenstockRtcTransportPolicy", values);
        gst_type_mark_as_plugin_api(made, GstPluginAPIFlags(0));
        return made;
    }();
    return type;
}

/// The characters of RFC 6750 section 2.1.
bool is_token(const std::string &text) {
    return text.size() <= max_token && std::all_of(text.begin(), text.end(), [](char c) {
               return g_ascii_isalnum(c) ||
                      std::string_view("-._~+/=").find(c) != std::string::npos;
           });
}

/// Whole seconds, from one on.
std::string retry_text(uint64_t ms) {
    return net::time_text(ms < 1000 ? ms : (ms + 500) / 1000 * 1000);
}

const char *name_of(ClientChange::State state) {
    switch (state) {
    case ClientChange::connecting:
        return "connecting";
    case ClientChange::live:
        return "live";
    case ClientChange::waiting:
        break;
    }
    return "waiting";
}

} // namespace

std::optional<ClientOptions> ClientSettings::options(std::string *error) const {
    auto url = http::parse_url(location);
    if (!url) {
        *error = "location: write http://host:port/path or https://host/path, as the server's "
                 "documentation has it for WHIP or WHEP";
        return std::nullopt;
    }
    if (!is_token(token)) {
        *error = "token: a bearer token has letters, digits and -._~+/= only";
        return std::nullopt;
    }
    auto servers = net::parse_ice_servers(ice_servers, error);
    if (!servers) return std::nullopt;
    ClientOptions out{.url = std::move(*url), .token = token, .trust = trust};
    out.connection.ice_servers = std::move(*servers);
    out.connection.relay_only = relay_only;
    out.backoff.first = net::ms_of(reconnect_delay);
    out.backoff.most = net::ms_of(std::max(reconnect_max_delay, reconnect_delay));
    out.backoff.refused = net::ms_of(refused_delay);
    out.backoff.refused_most = 10 * out.backoff.refused;
    out.silence_ms = net::ms_of(silence_timeout);
    return out;
}

void install_client_settings(GObjectClass *klass, guint first, const char *location_blurb) {
    const auto rw =
        GParamFlags(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY);
    const ClientSettings defaults;
    const auto install = [&](guint id, GParamSpec *spec) {
        g_object_class_install_property(klass, first + id, spec);
    };
    const auto time = [&](const char *name, const char *nick, const char *blurb, uint64_t least,
                          uint64_t value) {
        return g_param_spec_uint64(name, nick, blurb, least, 86400 * GST_SECOND, value, rw);
    };
    install(LOCATION, g_param_spec_string("location", "Location", location_blurb, "", rw));
    install(TOKEN,
            g_param_spec_string("token", "Token",
                                "Bearer token for the server (RFC 6750); write-only", "", rw));
    install(ICE_SERVERS,
            g_param_spec_string("ice-servers", "ICE servers",
                                "STUN and TURN servers, with commas between: stun:host:port, "
                                "turn:user:password@host:port?transport=tcp, turns:…; %3A, %2C, "
                                "%40 and %25 stand for a colon, a comma, an @ and a % in user and "
                                "password, which are not readable. Those that the server offers "
                                "are used too",
                                "", rw));
    install(ICE_TRANSPORT_POLICY,
            g_param_spec_enum("ice-transport-policy", "ICE transport policy",
                              "The ways that media may take", policy_type(), 0, rw));
    install(RECONNECT_DELAY,
            time("reconnect-delay", "Reconnect delay",
                 "Nanoseconds from a failure to the next attempt; doubles each time, less up to a "
                 "quarter at random",
                 GST_MSECOND, defaults.reconnect_delay));
    install(RECONNECT_MAX_DELAY,
            time("reconnect-max-delay", "Longest reconnect delay", "Nanoseconds that it grows to",
                 GST_MSECOND, defaults.reconnect_max_delay));
    install(REFUSED_DELAY,
            time("refused-delay", "Delay after a refusal",
                 "Nanoseconds to the next attempt when the server refuses the token; doubles up to "
                 "ten times that",
                 GST_MSECOND, defaults.refused_delay));
    install(SILENCE_TIMEOUT,
            time("silence-timeout", "Silence timeout",
                 "A server that sends nothing, not even reports, for this long, in nanoseconds, is "
                 "left and connected to again. 0: never",
                 0, defaults.silence_timeout));
    install(TLS_CA, g_param_spec_string("tls-ca", "TLS authorities",
                                        "PEM file of the authorities that are trusted for "
                                        "https://; empty: those of the system",
                                        "", rw));
    install(TLS_VERIFY,
            g_param_spec_boolean("tls-verify", "TLS verify",
                                 "Whether the server's certificate has to be valid for its name",
                                 defaults.trust.verify, rw));
}

bool set_client_setting(ClientSettings &settings, guint first, guint id, const GValue *value) {
    const auto text = [value] {
        const char *string = g_value_get_string(value);
        return std::string(string ? string : "");
    };
    switch (id - first) {
    case LOCATION:
        settings.location = text();
        return true;
    case TOKEN:
        settings.token = text();
        return true;
    case ICE_SERVERS:
        settings.ice_servers = text();
        return true;
    case ICE_TRANSPORT_POLICY:
        settings.relay_only = g_value_get_enum(value) != 0;
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
    case SILENCE_TIMEOUT:
        settings.silence_timeout = g_value_get_uint64(value);
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

bool get_client_setting(const ClientSettings &settings, guint first, guint id, GValue *value) {
    switch (id - first) {
    case LOCATION:
        g_value_set_string(value, settings.location.c_str());
        return true;
    case TOKEN:
        // Never readable: properties end up in logs and dot files.
        g_value_set_string(value, settings.token.empty() ? "" : "(set)");
        return true;
    case ICE_SERVERS:
        g_value_set_string(value, net::without_credentials(settings.ice_servers).c_str());
        return true;
    case ICE_TRANSPORT_POLICY:
        g_value_set_enum(value, settings.relay_only ? 1 : 0);
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
    case SILENCE_TIMEOUT:
        g_value_set_uint64(value, settings.silence_timeout);
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
                        const ClientChange &change, std::string &last_reason) {
    gst_element_post_message(
        element, gst_message_new_element(
                     GST_OBJECT(element),
                     gst_structure_new(name, "state", G_TYPE_STRING, name_of(change.state),
                                       "location", G_TYPE_STRING, location.c_str(), "reason",
                                       G_TYPE_STRING, change.reason.c_str(), "refused",
                                       G_TYPE_BOOLEAN, gboolean(change.refused), "retry-in",
                                       G_TYPE_UINT64, guint64(change.retry_ms) * GST_MSECOND,
                                       "attempt", G_TYPE_UINT, change.attempt, nullptr)));
    if (change.state == ClientChange::live) {
        GST_ELEMENT_INFO(element, RESOURCE, OPEN_WRITE, ("%s: connected", location.c_str()),
                         (nullptr));
        last_reason.clear();
    }
    if (change.state != ClientChange::waiting || change.reason == last_reason) return;
    last_reason = change.reason;
    const std::string text =
        location + ": " + change.reason + "; the next attempt is in " + retry_text(change.retry_ms);
    if (change.refused)
        GST_ELEMENT_WARNING(element, RESOURCE, NOT_AUTHORIZED, ("%s", text.c_str()), (nullptr));
    else
        GST_ELEMENT_WARNING(element, RESOURCE, OPEN_READ_WRITE, ("%s", text.c_str()), (nullptr));
}

} // namespace penstock::rtc

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "srt/client_settings.h"

#include "core/srt/stream_id.h"
#include "srt/link_settings.h"

namespace penstock::srt {
namespace {

enum { MODE, STREAM_ID, LOCAL_ADDRESS, LINK }; // and what follows

/// Room for the ids of link settings before those of reconnecting.
constexpr guint reconnect_from = LINK + 8;

GType mode_type() {
    static const GType type = [] {
        static const GEnumValue values[] = {
            {int(LinkMode::caller), "Connect to the other end", "caller"},
            {int(LinkMode::listener), "Let the other end connect", "listener"},
            {int(LinkMode::rendezvous), "Connect to each other, from the same port", "rendezvous"},
            {0, nullptr, nullptr},
        };
        const GType made = g_enum_register_static("PenstockSrtMode", values);
        gst_type_mark_as_plugin_api(made, GstPluginAPIFlags(0));
        return made;
    }();
    return type;
}

} // namespace

std::optional<net::SrtClientOptions> ClientSettings::options(bool sends, std::string *shown,
                                                             std::string *error) const {
    const auto url = parse_client_url(reconnect.location, sends, error);
    if (!url) {
        *error = "location: " + *error;
        return std::nullopt;
    }
    net::SrtClientOptions out{.mode = has_mode ? mode : url->mode,
                              .host = url->host,
                              .port = url->port,
                              .local_host = url->local_host.value_or(local_address),
                              .stream_id = url->stream_id.value_or(stream_id),
                              .traits = traits,
                              .sends = sends,
                              .backoff = reconnect.backoff()};
    if (out.host.empty() && out.mode != LinkMode::listener)
        *error = "location: '" + url->shown + "' has no host to connect to";
    else if (out.stream_id.size() > max_stream_id)
        *error = "streamid has more than " + std::to_string(max_stream_id) + " bytes";
    if (url->passphrase) out.traits.passphrase = *url->passphrase;
    if (url->key_length) out.traits.key_length = *url->key_length;
    if (url->latency_ms) out.traits.latency_ms = *url->latency_ms;
    if (error->empty()) *error = out.traits.check();
    if (!error->empty()) return std::nullopt;
    *shown = url->shown;
    return out;
}

void install_client_settings(GObjectClass *klass, guint first, const char *location_blurb) {
    const auto rw =
        GParamFlags(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY);
    g_object_class_install_property(
        klass, first + MODE,
        g_param_spec_enum("mode", "Mode",
                          "How the two ends find each other; a location without a host is a "
                          "listener's",
                          mode_type(), int(LinkMode::caller), rw));
    g_object_class_install_property(
        klass, first + STREAM_ID,
        g_param_spec_string("streamid", "Stream id",
                            "Tells a server which stream is meant, and what for: "
                            "publish:live/NAME, #!::r=live/NAME,m=publish. 512 bytes at most. "
                            "Write-only",
                            "", rw));
    g_object_class_install_property(
        klass, first + LOCAL_ADDRESS,
        g_param_spec_string("localaddress", "Local address",
                            "Address of this machine to connect from; empty: any", "", rw));
    install_link_settings(klass, first + LINK);
    install_reconnect_settings(klass, first + reconnect_from, location_blurb, nullptr, nullptr);
}

bool set_client_setting(ClientSettings &settings, guint first, guint id, const GValue *value) {
    const char *text = nullptr;
    switch (id - first) {
    case MODE:
        settings.mode = LinkMode(g_value_get_enum(value));
        settings.has_mode = true;
        return true;
    case STREAM_ID:
        text = g_value_get_string(value);
        settings.stream_id = text ? text : "";
        return true;
    case LOCAL_ADDRESS:
        text = g_value_get_string(value);
        settings.local_address = text ? text : "";
        return true;
    default:
        return set_link_setting(settings.traits, first + LINK, id, value) ||
               set_reconnect_setting(settings.reconnect, first + reconnect_from, id, value);
    }
}

bool get_client_setting(const ClientSettings &settings, guint first, guint id, GValue *value) {
    switch (id - first) {
    case MODE:
        g_value_set_enum(value, int(settings.mode));
        return true;
    case STREAM_ID:
        // It may have a key: properties end up in logs and dot files.
        g_value_set_string(value, settings.stream_id.empty() ? "" : "(set)");
        return true;
    case LOCAL_ADDRESS:
        g_value_set_string(value, settings.local_address.c_str());
        return true;
    default:
        break;
    }
    if (get_link_setting(settings.traits, first + LINK, id, value)) return true;
    ReconnectSettings shown = settings.reconnect;
    shown.location = without_secrets(shown.location);
    return get_reconnect_setting(shown, first + reconnect_from, id, value);
}

} // namespace penstock::srt

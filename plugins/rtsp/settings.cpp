// SPDX-License-Identifier: LGPL-2.1-or-later
#include "rtsp/settings.h"

namespace penstock::rtsp {
namespace {

enum { UDP, UDP_PORT, MULTICAST, MULTICAST_TTL };

} // namespace

void Settings::install(GObjectClass *klass, guint first_id, bool plays) {
    const auto flags =
        GParamFlags(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY);
    const net::RtspOptions defaults;
    g_object_class_install_property(
        klass, first_id + UDP,
        g_param_spec_boolean("udp", "UDP",
                             "Whether peers may ask for UDP; media come and go within the TCP "
                             "connection otherwise, as they always do with rtsps",
                             defaults.udp, flags));
    g_object_class_install_property(
        klass, first_id + UDP_PORT,
        g_param_spec_uint("udp-port", "UDP port",
                          "Port from which players get RTP by UDP, an even one; RTCP has the next. "
                          "0: any two that are free. All elements at one address give the same",
                          0, 65534, defaults.udp_port, flags));
    if (!plays) return;
    g_object_class_install_property(
        klass, first_id + MULTICAST,
        g_param_spec_string("multicast", "Multicast group",
                            "Where players that ask for multicast get the stream, GROUP:PORT with "
                            "an even port, as in 239.255.42.1:5000; each track has two ports from "
                            "there on. Empty: nowhere. Nothing is sent while nobody asks for it",
                            "", flags));
    g_object_class_install_property(
        klass, first_id + MULTICAST_TTL,
        g_param_spec_uint("multicast-ttl", "Multicast TTL",
                          "Routers that packets to the group pass, and one; 1: none", 1, 255,
                          default_ttl, flags));
}

bool Settings::set(guint first_id, guint id, const GValue *value) {
    if (id < first_id || id > first_id + MULTICAST_TTL) return false;
    std::lock_guard lock(mutex_);
    switch (id - first_id) {
    case UDP:
        options_.udp = g_value_get_boolean(value);
        return true;
    case UDP_PORT:
        options_.udp_port = static_cast<uint16_t>(g_value_get_uint(value));
        return true;
    case MULTICAST: {
        const char *const text = g_value_get_string(value);
        multicast_ = text ? text : "";
        return true;
    }
    default:
        multicast_ttl_ = g_value_get_uint(value);
        return true;
    }
}

bool Settings::get(guint first_id, guint id, GValue *value) const {
    if (id < first_id || id > first_id + MULTICAST_TTL) return false;
    std::lock_guard lock(mutex_);
    switch (id - first_id) {
    case UDP:
        g_value_set_boolean(value, options_.udp);
        return true;
    case UDP_PORT:
        g_value_set_uint(value, options_.udp_port);
        return true;
    case MULTICAST:
        g_value_set_string(value, multicast_.c_str());
        return true;
    default:
        g_value_set_uint(value, multicast_ttl_);
        return true;
    }
}

std::shared_ptr<net::RtspServer>
Settings::open(const net::Location &location, const net::TlsFiles &tls, std::string *error) const {
    net::RtspOptions options;
    {
        std::lock_guard lock(mutex_);
        options = options_;
    }
    if (options.udp_port % 2 != 0) {
        *error = "udp-port: " + std::to_string(options.udp_port) +
                 " is odd; RTP has an even port, and RTCP the next one";
        return nullptr;
    }
    options.tls = tls;
    options.tls_only = net::is_tls_only(location.scheme);
    return net::RtspServer::open(location.address, options, error);
}

bool Settings::set_multicast(net::RtspServer &server, const std::string &path,
                             std::string *error) const {
    std::lock_guard lock(mutex_);
    const auto ttl = static_cast<uint8_t>(multicast_ttl_);
    if (multicast_.empty()) return server.set_multicast(path, {}, 0, ttl, error);
    const auto place = net::parse_address(multicast_);
    std::string reason;
    if (place && server.set_multicast(path, place->host, place->port, ttl, &reason)) return true;
    *error = "multicast: " +
             (place ? reason
                    : "'" + multicast_ + "' is no GROUP:PORT: write it as in 239.255.42.1:5000");
    return false;
}

} // namespace penstock::rtsp

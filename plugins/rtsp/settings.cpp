// SPDX-License-Identifier: LGPL-2.1-or-later
#include "rtsp/settings.h"

namespace penstock::rtsp {
namespace {

enum { UDP, UDP_PORT };

} // namespace

void Settings::install(GObjectClass *klass, guint first_id) {
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
}

bool Settings::set(guint first_id, guint id, const GValue *value) {
    if (id < first_id || id > first_id + UDP_PORT) return false;
    std::lock_guard lock(mutex_);
    if (id - first_id == UDP)
        options_.udp = g_value_get_boolean(value);
    else
        options_.udp_port = static_cast<uint16_t>(g_value_get_uint(value));
    return true;
}

bool Settings::get(guint first_id, guint id, GValue *value) const {
    if (id < first_id || id > first_id + UDP_PORT) return false;
    std::lock_guard lock(mutex_);
    if (id - first_id == UDP)
        g_value_set_boolean(value, options_.udp);
    else
        g_value_set_uint(value, options_.udp_port);
    return true;
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

} // namespace penstock::rtsp

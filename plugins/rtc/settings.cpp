// SPDX-License-Identifier: LGPL-2.1-or-later
#include "rtc/settings.h"

namespace penstock::rtc {
namespace {

enum { UDP, ANNOUNCE, ICE_SERVERS };

} // namespace

void Settings::install(GObjectClass *klass, guint first_id) {
    const auto rw =
        GParamFlags(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY);
    const net::RtcTexts defaults;
    g_object_class_install_property(
        klass, first_id + UDP,
        g_param_spec_string("udp", "UDP address",
                            "Where media come and go, host:port; no host: every interface; port 0: "
                            "any free port. Elements with the same address share it",
                            defaults.udp.c_str(), rw));
    g_object_class_install_property(
        klass, first_id + ANNOUNCE,
        g_param_spec_string("announce", "Announced addresses",
                            "IP addresses by which peers reach this machine, with commas between, "
                            "the best one first (behind NAT and in containers: the public one); "
                            "empty: those of its interfaces",
                            defaults.announce.c_str(), rw));
    g_object_class_install_property(
        klass, first_id + ICE_SERVERS,
        g_param_spec_string("ice-servers", "ICE servers",
                            "STUN and TURN servers that peers are told of, with commas between: "
                            "stun:host:port, turn:user:password@host:port?transport=udp, "
                            "turns:…; %3A, %2C, %40 and %25 stand for a colon, a comma, an @ and a "
                            "% in user and password, which are not readable",
                            defaults.ice_servers.c_str(), rw));
}

bool Settings::set(guint first_id, guint id, const GValue *value) {
    if (id < first_id || id > first_id + ICE_SERVERS) return false;
    const char *string = g_value_get_string(value);
    std::string text(string ? string : "");
    std::lock_guard lock(mutex_);
    switch (id - first_id) {
    case UDP:
        texts_.udp = std::move(text);
        return true;
    case ANNOUNCE:
        texts_.announce = std::move(text);
        return true;
    default:
        texts_.ice_servers = std::move(text);
        return true;
    }
}

bool Settings::get(guint first_id, guint id, GValue *value) const {
    if (id < first_id || id > first_id + ICE_SERVERS) return false;
    std::lock_guard lock(mutex_);
    switch (id - first_id) {
    case UDP:
        g_value_set_string(value, texts_.udp.c_str());
        return true;
    case ANNOUNCE:
        g_value_set_string(value, texts_.announce.c_str());
        return true;
    default:
        // Properties end up in logs and dot files.
        g_value_set_string(value, net::without_credentials(texts_.ice_servers).c_str());
        return true;
    }
}

std::shared_ptr<net::RtcServer> Settings::open(const net::Location &location,
                                               const net::TlsFiles &tls, std::string_view ending,
                                               std::string *error, std::string_view folder) const {
    if (!location.path.ends_with(ending) || location.path.size() == ending.size() ||
        !net::is_safe_path(location.path)) {
        *error = "location: '/" + location.path + "' is no path of a stream and " +
                 std::string(ending) + ": write " + location.scheme + "://host:port/" +
                 std::string(folder) + "/NAME" + std::string(ending);
        return nullptr;
    }
    net::RtcTexts texts;
    {
        std::lock_guard lock(mutex_);
        texts = texts_;
    }
    const auto options = net::parse_rtc_options(texts, error);
    return options ? net::RtcServer::open(location.address, tls, *options, error) : nullptr;
}

} // namespace penstock::rtc

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "rtmp/reconnect_signal.h"

#include "core/net/rtmp/server.h"
#include "core/rtmp/client_redirect.h"
#include "gst/guard.h"
#include "gst/ptr.h"

#include <string>

namespace penstock::rtmp {
namespace {

/// Whether a client that is at `here`, by whatever name it knows this machine, may go there.
bool may_be_sent(const net::Location &here, const std::string &location, std::string *error) {
    const std::string url =
        here.scheme + "://localhost:" + std::to_string(here.address.port) + "/" + here.path;
    const auto from = parse_client_url(url, "", true, error);
    return from && redirect_client(*from, location, error);
}

gboolean ask(GstElement *element, const char *location, const char *description, bool publishers) {
    return guard(element, FALSE, [&]() -> gboolean {
        gchar *bound = nullptr;
        g_object_get(element, "bound-location", &bound, nullptr);
        const GOwned<> owner(bound);
        const std::string here = bound ? bound : "", to = location ? location : "";
        std::string error;
        const auto at = net::parse_location(here, 1935, nullptr);
        const auto server = at ? net::RtmpServer::find(at->address) : nullptr;
        if (!server || !may_be_sent(*at, to, &error)) {
            GST_WARNING_OBJECT(element, "nobody is asked to connect again: %s",
                               server ? error.c_str() : "the element does not listen");
            return FALSE;
        }
        server->ask_to_reconnect(at->path, publishers, to, description ? description : "");
        return TRUE;
    });
}

gboolean ask_publishers(GstElement *element, const char *location, const char *description) {
    return ask(element, location, description, true);
}

gboolean ask_players(GstElement *element, const char *location, const char *description) {
    return ask(element, location, description, false);
}

} // namespace

void install_reconnect_signal(GType type, bool publishers) {
    g_signal_new_class_handler("ask-to-reconnect", type,
                               GSignalFlags(G_SIGNAL_RUN_LAST | G_SIGNAL_ACTION),
                               G_CALLBACK(publishers ? ask_publishers : ask_players), nullptr,
                               nullptr, nullptr, G_TYPE_BOOLEAN, 2, G_TYPE_STRING, G_TYPE_STRING);
}

} // namespace penstock::rtmp

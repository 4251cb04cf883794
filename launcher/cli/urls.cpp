// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/urls.h"

#include "supervisor/endpoints.h"

#include <cstdlib>

namespace penstock::cli {
namespace {

using supervisor::Endpoint;

/// 224.0.0.0/4 and ff00::/8
bool is_multicast(const std::string &host) {
    const int first = std::atoi(host.c_str());
    return (first >= 224 && first <= 239 && host.find('.') != host.npos) ||
           host.starts_with("ff") || host.starts_with("FF");
}

/// scheme://host:port/path with the endpoint's address made reachable.
std::string url_of(const Endpoint &endpoint, const description::Binding &binding,
                   const net::Address &address, const std::string &here) {
    const std::string text = binding.expand_for_people(endpoint.pieces);
    const size_t host = text.find("://") + 3;
    const size_t slash = text.find('/', host);
    return text.substr(0, host) + reachable(address, here) +
           (slash == text.npos ? "" : text.substr(slash, text.find('?') - slash));
}

/// That of the streams at the same address.
std::string page_scheme(const description::Binding &binding, const net::Address &page) {
    for (const Endpoint &endpoint : supervisor::find_endpoints(binding)) {
        const auto tls = supervisor::tls_of(endpoint, binding, nullptr);
        if (tls && !tls->empty() && supervisor::address_of(endpoint, binding, nullptr) == page)
            return "https";
    }
    return "http";
}

} // namespace

std::string reachable(net::Address address, const std::string &here) {
    if (address.host.empty() || address.host == "0.0.0.0" || address.host == "::")
        address.host = here;
    return address.to_string();
}

std::vector<Url> urls_of(const description::Binding &binding, const std::string &here) {
    std::vector<Url> out;
    for (const Endpoint &endpoint : supervisor::find_endpoints(binding)) {
        const auto address = supervisor::address_of(endpoint, binding, nullptr);
        if (!address) continue;
        switch (endpoint.kind) {
        case Endpoint::Kind::page:
            out.push_back({"Page",
                           page_scheme(binding, *address) + "://" + reachable(*address, here) + "/",
                           "page"});
            break;
        case Endpoint::Kind::publish: {
            const std::string url = url_of(endpoint, binding, *address, here);
            const description::Value *value =
                endpoint.key ? binding.find(endpoint.key->name) : nullptr;
            const bool needs_key = endpoint.has_key && !(value && value->text.empty());
            const std::string key = needs_key ? "?key=KEY" : "";
            const size_t slash = url.rfind('/');
            out.push_back({"Publish", url + key, "publish"});
            out.push_back(
                {"OBS",
                 "server " + url.substr(0, slash) + "  stream key " + url.substr(slash + 1) + key,
                 "obs"});
            out.push_back(
                {"ffmpeg",
                 "ffmpeg -re -i FILE -c copy -f flv " + (needs_key ? "'" + url + key + "'" : url),
                 "ffmpeg"});
            break;
        }
        case Endpoint::Kind::play:
            out.push_back({"mpv, VLC", url_of(endpoint, binding, *address, here), "play"});
            break;
        case Endpoint::Kind::http:
            out.push_back({"mpv, VLC", url_of(endpoint, binding, *address, here), "http"});
            break;
        case Endpoint::Kind::udp:
        case Endpoint::Kind::rtp: {
            const std::string scheme = endpoint.kind == Endpoint::Kind::rtp ? "rtp://" : "udp://";
            // Elsewhere it is received on any address; a group is joined by its own.
            const bool here = address->host == "127.0.0.1" || address->host == "localhost";
            const bool group = is_multicast(address->host);
            const net::Address at{here || group ? address->host : "0.0.0.0", address->port};
            const std::string where = here || group ? "" : "  (on " + address->host + ")";
            out.push_back({"mpv", "mpv " + scheme + at.to_string() + where, "receive"});
            out.push_back({"ffplay", "ffplay " + scheme + at.to_string() + where, "receive"});
            out.push_back({"VLC",
                           "vlc " + scheme + "@" + (group ? address->host : "") + ":" +
                               std::to_string(address->port) + where,
                           "receive"});
            break;
        }
        case Endpoint::Kind::hls:
            out.push_back({"HLS", url_of(endpoint, binding, *address, here), "hls"});
            break;
        }
    }
    return out;
}

} // namespace penstock::cli

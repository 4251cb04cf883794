// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/rtmp/client_redirect.h"

#include <algorithm>

namespace penstock::rtmp {
namespace {

constexpr size_t max_tc_url = 4096; ///< bytes

/// Whether it begins with "SCHEME:", RFC 3986 section 3.1.
bool has_scheme(std::string_view text) {
    const size_t colon = text.find(':');
    return colon != text.npos && colon > 0 && text.find_first_of("/?#") > colon;
}

/// RFC 3986, section 5.2.4, for a path that begins with a slash.
std::string without_dots(std::string_view path) {
    std::string out;
    while (!path.empty()) {
        const size_t end = std::min(path.find('/', 1), path.size());
        const std::string_view segment = path.substr(0, end);
        path.remove_prefix(end);
        if (segment == "/.." || segment == "/.") {
            if (segment == "/..") out.erase(std::min(out.rfind('/'), out.size()));
            if (path.empty()) out += '/';
        } else {
            out += segment;
        }
    }
    return out;
}

/// scheme://authority and /path of the present URL.
struct Base {
    std::string scheme, authority, path;
};

Base base_of(const ClientUrl &from) {
    const std::string_view url = from.request.tc_url;
    const size_t host = url.find("://") + 3, slash = std::min(url.find('/', host), url.size());
    return {std::string(url.substr(0, host - 2)), std::string(url.substr(host, slash - host)),
            std::string(url.substr(slash, url.find('?') - slash))};
}

std::string resolve(const Base &base, std::string_view reference) {
    if (has_scheme(reference)) return std::string(reference);
    if (reference.starts_with("//")) return base.scheme + std::string(reference);
    const std::string server = base.scheme + "//" + base.authority;
    const size_t mark = std::min(reference.find('?'), reference.size());
    const std::string path(reference.substr(0, mark)), query(reference.substr(mark));
    if (path.empty()) return server + base.path + query;
    if (path.starts_with('/')) return server + without_dots(path) + query;
    return server + without_dots(base.path.substr(0, base.path.rfind('/')) + "/" + path) + query;
}

} // namespace

std::optional<ClientUrl> redirect_client(const ClientUrl &from, std::string_view tc_url,
                                         std::string *error) {
    const auto fail = [error](const std::string &what) {
        if (error) *error = what;
        return std::nullopt;
    };
    if (tc_url.empty()) return from;
    if (tc_url.size() > max_tc_url) return fail("its URL is longer than 4096 bytes");
    if (tc_url.find('#') != tc_url.npos) return fail("its URL has a fragment");
    const std::string url = resolve(base_of(from), tc_url);
    if (!url.starts_with("rtmp://") && !url.starts_with("rtmps://"))
        return fail("its URL is neither rtmp:// nor rtmps://");
    std::string wrong;
    auto out = parse_client_url(url, from.request.name, from.request.publish, &wrong);
    if (!out) return fail("its URL is not valid (" + wrong.substr(wrong.find(": ") + 2) + ")");
    if (from.tls && !out->tls)
        return fail("its URL is rtmp://, and the key would go there without TLS");
    return out;
}

} // namespace penstock::rtmp

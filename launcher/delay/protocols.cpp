// SPDX-License-Identifier: LGPL-2.1-or-later
#include "delay/protocols.h"

#include <algorithm>
#include <filesystem>
#include <vector>

namespace penstock::delay {
namespace {

bool is_file(const std::string &url) {
    std::error_code ignored;
    return url.starts_with("file:") ||
           (url.find("://") == std::string::npos && (url.starts_with('/') || url.starts_with('.') ||
                                                     std::filesystem::exists(url, ignored)));
}

/// `rest` begins with "://".
bool has_port(const std::string &rest) {
    const auto address = net::parse_address(rest.substr(3, rest.find_first_of("/?", 3) - 3));
    return address && address->port != 0;
}

/// "a, b and c"
std::string enumerate(const std::vector<std::string> &words, const char *last) {
    std::string out;
    for (size_t i = 0; i < words.size(); ++i)
        out += (i == 0                  ? ""
                : i + 1 == words.size() ? std::string(" ") + last + " "
                                        : ", ") +
               words[i];
    return out;
}

} // namespace

const Protocol &direct() {
    return *protocols::all_readers().at(0).reader;
}

const Protocol *protocol_of(const std::string &url, std::string *error) {
    const size_t colon = url.find("://");
    if (is_file(url)) {
        *error = "'" + url +
                 "' is a file, and nothing in it is late: latency is measured of a stream that is "
                 "live (`penstock run live test-publisher`, then `penstock latency " +
                 protocols::sample_url() + "`)";
        return nullptr;
    }
    if (colon == std::string::npos || colon == 0) {
        std::vector<std::string> hints;
        for (const auto &protocol : protocols::all())
            if (!protocol->readers.empty() && !protocol->url_hint.empty())
                hints.push_back(protocol->url_hint);
        *error = "'" + url + "' is no URL: say " + enumerate(hints, "or");
        return nullptr;
    }
    const std::string scheme = url.substr(0, colon), rest = url.substr(colon);
    bool known = false;
    std::vector<std::string> schemes, endings, hints;
    for (const auto &protocol : protocols::all()) {
        if (protocol->readers.empty() || protocol->url_hint.empty()) continue;
        for (const protocols::Scheme &each : protocol->schemes)
            if (std::find(schemes.begin(), schemes.end(), each.name) == schemes.end())
                schemes.push_back(each.name);
        if (!protocols::has_scheme(*protocol, url)) continue;
        known = true;
        if (const Protocol *reader = protocols::find_reader(*protocol, url)) {
            if (!protocol->is_udp || has_port(rest) || protocols::default_port(*protocol, url) != 0)
                return reader;
            *error = "'" + url + "' has no port: say " + protocol->url_hint;
            return nullptr;
        }
        hints.push_back(protocol->url_hint);
        for (const Protocol &reader : protocol->readers)
            endings.emplace_back(reader.suffix);
    }
    if (const auto pipe = protocols::all_readers().at(0);
        protocols::has_scheme(*pipe.protocol, url))
        return pipe.reader;
    const protocols::Protocol &web = protocols::page_protocol();
    if (known)
        *error = "'" + url + "' ends in none of " + enumerate(endings, "or") + ": say " +
                 enumerate(hints, "or");
    else if (scheme == "ws" || scheme == "wss")
        *error = "over a WebSocket there is the same stream as over HTTP: " +
                 (scheme == "wss" ? web.schemes.back() : web.schemes.front()).name + rest;
    else
        *error = "'" + scheme + "' is no protocol that latency can be measured over: " +
                 enumerate(schemes, "and") + " are";
    return nullptr;
}

} // namespace penstock::delay

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/http/response_head.h"

#include <boost/beast/http/status.hpp>

#include <algorithm>

namespace penstock::net {
namespace {

std::string lower(std::string text) {
    for (char &c : text)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
    return text;
}

/// Prevents header injection through values that a handler took from elsewhere.
bool is_legal(const std::string &text) {
    return std::none_of(text.begin(), text.end(),
                        [](unsigned char c) { return (c < 0x20 && c != '\t') || c == 0x7f; });
}

} // namespace

void each_header(
    const HttpResponse &response, const HttpHeadOptions &options,
    const std::function<void(const std::string &name, const std::string &value)> &add) {
    using Length = HttpHeadOptions::Length;
    HttpHeaders own{{"Server", "Penstock"},
                    {"X-Content-Type-Options", "nosniff"},
                    {"Cache-Control", response.cache_control}};
    own.insert(own.end(), options.first.begin(), options.first.end());
    if (response.status != 204 && response.status != 304) {
        own.emplace_back("Content-Type", response.content_type);
        if (options.length == Length::of_body)
            own.emplace_back("Content-Length", std::to_string(response.body.size()));
        else if (options.length == Length::chunked)
            own.emplace_back("Transfer-Encoding", "chunked");
    }
    std::string vary = options.vary;
    const auto add_legal = [&](const std::string &name, const std::string &value) {
        if (!is_legal(name) || !is_legal(value)) return;
        const bool is_named = (", " + vary + ",").find(", " + value + ",") != vary.npos;
        if (lower(name) == "vary")
            vary += is_named ? "" : (vary.empty() ? "" : ", ") + value;
        else
            add(name, value);
    };
    for (const auto &[name, value] : own) {
        const auto replaces = [wanted = lower(name)](const auto &header) {
            return lower(header.first) == wanted;
        };
        if (lower(name) == "vary" ||
            std::none_of(response.headers.begin(), response.headers.end(), replaces))
            add_legal(name, value);
    }
    for (const auto &[name, value] : response.headers)
        add_legal(name, value);
    if (!vary.empty()) add("Vary", vary);
}

std::string response_head(const HttpResponse &response, const HttpHeadOptions &options) {
    const auto reason = boost::beast::http::obsolete_reason(
        static_cast<boost::beast::http::status>(response.status));
    std::string text = "HTTP/1.1 " + std::to_string(response.status) + " " +
                       std::string(reason.data(), reason.size()) + "\r\n";
    each_header(response, options, [&text](const std::string &name, const std::string &value) {
        text += name + ": " + value + "\r\n";
    });
    // The status line always says HTTP/1.1, so the end of the connection must be announced
    // explicitly.
    if (!options.keep_alive)
        text += "Connection: close\r\n";
    else if (options.version < 11)
        text += "Connection: keep-alive\r\n";
    return text + "\r\n";
}

} // namespace penstock::net

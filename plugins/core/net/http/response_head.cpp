// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/http/response_head.h"

#include <boost/beast/http/status.hpp>

#include <algorithm>
#include <charconv>

namespace penstock::net {
namespace {

bool is_same_name(std::string_view a, std::string_view b) {
    const auto lower = [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
    };
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [&](char one, char other) { return lower(one) == lower(other); });
}

/// Prevents header injection through values that a handler took from elsewhere.
bool is_legal(std::string_view text) {
    return std::none_of(text.begin(), text.end(),
                        [](unsigned char c) { return (c < 0x20 && c != '\t') || c == 0x7f; });
}

/// A number as text, without memory of its own from the heap.
class Decimal {
public:
    explicit Decimal(uint64_t value)
        : size_(size_t(std::to_chars(text_, text_ + sizeof text_, value).ptr - text_)) {}
    operator std::string_view() const { return {text_, size_}; }

private:
    char text_[20];
    size_t size_;
};

} // namespace

// Every part that a player fetches has a head: it is made without allocations.
void each_header(const HttpResponse &response, const HttpHeadOptions &options,
                 const std::function<void(std::string_view name, std::string_view value)> &add) {
    using Length = HttpHeadOptions::Length;
    std::string vary(options.vary);
    const auto pass = [&](std::string_view name, std::string_view value) {
        if (!is_legal(name) || !is_legal(value)) return;
        if (!is_same_name(name, "Vary")) return add(name, value);
        if ((", " + vary + ",").find(", " + std::string(value) + ",") != vary.npos) return;
        if (!vary.empty()) vary += ", ";
        vary += value;
    };
    const auto pass_own = [&](std::string_view name, std::string_view value) {
        const auto replaces = [&](const auto &header) { return is_same_name(header.first, name); };
        if (is_same_name(name, "Vary") ||
            std::none_of(response.headers.begin(), response.headers.end(), replaces))
            pass(name, value);
    };
    pass_own("Server", "Penstock");
    pass_own("X-Content-Type-Options", "nosniff");
    pass_own("Cache-Control", response.cache_control);
    for (const auto &[name, value] : options.first)
        pass_own(name, value);
    if (response.status != 204 && response.status != 304) {
        pass_own("Content-Type", response.content_type);
        if (options.length == Length::of_body)
            pass_own("Content-Length", Decimal(response.body.size()));
        else if (options.length == Length::chunked)
            pass_own("Transfer-Encoding", "chunked");
    }
    for (const auto &[name, value] : response.headers)
        pass(name, value);
    if (!vary.empty()) add("Vary", vary);
}

std::string response_head(const HttpResponse &response, const HttpHeadOptions &options) {
    const auto reason = boost::beast::http::obsolete_reason(
        static_cast<boost::beast::http::status>(response.status));
    std::string text;
    text.reserve(512); // for nearly all
    const auto append = [&text](auto... parts) { (text.append(std::string_view(parts)), ...); };
    append("HTTP/1.1 ", Decimal(response.status), " ",
           std::string_view(reason.data(), reason.size()), "\r\n");
    each_header(response, options, [&](std::string_view name, std::string_view value) {
        append(name, ": ", value, "\r\n");
    });
    // The status line always says HTTP/1.1, so the end of the connection must be announced
    // explicitly.
    if (!options.keep_alive)
        append("Connection: close\r\n");
    else if (options.version < 11)
        append("Connection: keep-alive\r\n");
    append("\r\n");
    return text;
}

} // namespace penstock::net

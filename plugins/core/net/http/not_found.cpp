// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/http/not_found.h"

#include "core/bytes/markup.h"
#include <algorithm>
#include <array>
#include <cctype>

namespace penstock::net {
namespace {

constexpr std::array<std::string_view, 20> endings{
    "/index.m3u8", "/index.m3u", "/index.mpd", "/whip", "/whep", ".m3u8", ".m3u",
    ".flv",        ".ts",        ".mp3",       ".aac",  ".ogg",  ".opus", ".mp4",
    ".m4s",        ".mpd",       ".mkv",       ".webm", ".html", "/"};

/// Paths of streams consist of characters that need no escaping in a URL.
std::string link(const std::string &origin, const std::string &path, bool as_html) {
    if (!as_html) return "  " + origin + path + "\n";
    const std::string text = escape_markup(origin + path);
    return "<li><a href=\"" + escape_markup(path) + "\">" + text + "</a></li>\n";
}

} // namespace

std::string_view stream_path(std::string_view path) {
    for (const std::string_view ending : endings)
        if (path.size() > ending.size() && path.ends_with(ending))
            return path.substr(0, path.size() - ending.size());
    return path;
}

std::string origin_of(const HttpRequest &request, std::string_view scheme) {
    const std::string host = request.header ? request.header("Host") : std::string();
    const bool is_host = std::all_of(host.begin(), host.end(), [](unsigned char c) {
        return std::isalnum(c) ||
               std::string_view(".-_:[]").find(char(c)) != std::string_view::npos;
    });
    return host.empty() || !is_host ? "" : std::string(scheme) + "://" + host;
}

std::string host_of(const HttpRequest &request) {
    std::string origin = origin_of(request, "");
    if (origin.empty()) return {};
    const std::string host = origin.substr(std::string_view("://").size());
    const size_t bracket = host.starts_with('[') ? host.find(']') : 0;
    if (bracket == host.npos) return {};
    return host.substr(0, host.find(':', bracket));
}

HttpResponse not_found(const HttpRequest &request, const NotFound &known) {
    const bool as_html =
        request.header && request.header("Accept").find("text/html") != std::string::npos;
    const std::string origin = origin_of(request, known.scheme);
    const std::string nothing = "Nothing is at " + request.path.substr(0, 200);
    std::string links, lead;
    if (!known.instead.empty()) {
        lead = known.is_live ? "This stream is at"
                             : "This stream is off air. What is left of it is at";
        for (const std::string &path : known.instead)
            links += link(origin, path, as_html);
        if (known.has_page)
            links +=
                link(origin, "/#" + std::string(stream_path(known.instead[0])).substr(1), as_html);
    } else if (known.has_page) {
        lead = "Is the stream published, under that name? Those that are live are listed at";
        links = link(origin, "/", as_html);
    } else {
        lead = "Is the stream published, under that name?";
    }
    HttpResponse response = http_error(404, "");
    response.body = Bytes::copy_of(nothing + ".\n" + lead + "\n" + links);
    response.headers.emplace_back("Vary", "Accept");
    if (!as_html) return response;
    response.content_type = "text/html; charset=utf-8";
    response.headers.emplace_back("Content-Security-Policy", "default-src 'none'");
    response.headers.emplace_back("X-Content-Type-Options", "nosniff");
    response.body = Bytes::copy_of(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n"
        "<meta name=\"viewport\" content=\"width=device-width\">\n<title>Nothing is here</title>\n"
        "<h1>" +
        escape_markup(nothing) + "</h1>\n<p>" + lead + "</p>\n<ul>\n" + links + "</ul>\n");
    return response;
}

} // namespace penstock::net

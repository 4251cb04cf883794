// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/rtsp/message.h"

#include <algorithm>
#include <iterator>

namespace penstock::rtsp {
namespace {

constexpr std::string_view method_names[] = {
    "OPTIONS",       "DESCRIBE", "SETUP",  "PLAY",     "PAUSE", "TEARDOWN", "GET_PARAMETER",
    "SET_PARAMETER", "ANNOUNCE", "RECORD", "REDIRECT", "GET",   "POST"};

struct Phrase {
    unsigned status;
    std::string_view text;
};
constexpr Phrase phrases[] = {
    {100, "Continue"},
    {200, "OK"},
    {201, "Created"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {408, "Request Timeout"},
    {413, "Request Entity Too Large"},
    {414, "Request-URI Too Long"},
    {415, "Unsupported Media Type"},
    {451, "Parameter Not Understood"},
    {453, "Not Enough Bandwidth"},
    {454, "Session Not Found"},
    {455, "Method Not Valid in This State"},
    {457, "Invalid Range"},
    {459, "Aggregate Operation Not Allowed"},
    {460, "Only Aggregate Operation Allowed"},
    {461, "Unsupported Transport"},
    {462, "Destination Unreachable"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {503, "Service Unavailable"},
    {505, "RTSP Version Not Supported"},
    {551, "Option Not Supported"},
};

/// Appends text without what would end its line.
void append_line_part(std::string &out, std::string_view text) {
    for (const char c : text)
        out += c == '\r' || c == '\n' || c == '\0' ? ' ' : c;
}

void append_fields(std::string &out, const Message &message) {
    for (const auto &[name, value] : message.headers) {
        if (sdp::same_word(name, "Content-Length")) continue;
        append_line_part(out, name);
        out += ": ";
        append_line_part(out, value);
        out += "\r\n";
    }
    if (!message.body.empty())
        out += "Content-Length: " + std::to_string(message.body.size()) + "\r\n";
    out += "\r\n";
    out += message.body;
}

} // namespace

std::string_view to_string(Method method) {
    return method == Method::other ? std::string_view() : method_names[size_t(method)];
}

Method parse_method(std::string_view name) {
    const auto found = std::find(std::begin(method_names), std::end(method_names), name);
    return found == std::end(method_names) ? Method::other
                                           : Method(found - std::begin(method_names));
}

std::optional<uint32_t> Message::cseq() const {
    const std::string *const text = headers.find("CSeq");
    return text ? sdp::number<uint32_t>(sdp::trimmed(*text), UINT32_MAX) : std::nullopt;
}

std::string_view reason_of(unsigned status) {
    for (const Phrase &one : phrases)
        if (one.status == status) return one.text;
    return "Unknown";
}

std::string write(const Request &request) {
    std::string out;
    append_line_part(out, request.method == Method::other ? std::string_view(request.method_name)
                                                          : to_string(request.method));
    out += ' ';
    append_line_part(out, request.uri);
    out += ' ';
    append_line_part(out, request.version);
    out += "\r\n";
    append_fields(out, request);
    return out;
}

std::string write(const Response &response) {
    std::string out;
    append_line_part(out, response.version);
    out += ' ' + std::to_string(response.status) + ' ';
    append_line_part(out, response.reason.empty() ? reason_of(response.status)
                                                  : std::string_view(response.reason));
    out += "\r\n";
    append_fields(out, response);
    return out;
}

} // namespace penstock::rtsp

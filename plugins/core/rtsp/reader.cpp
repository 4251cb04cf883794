// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/rtsp/reader.h"

#include "core/bytes/printable.h"

#include <algorithm>

namespace penstock::rtsp {
namespace {

std::string_view text_of(ByteView bytes) {
    return {reinterpret_cast<const char *>(bytes.data()), bytes.size()};
}

/// The size of a head with the empty line that ends it; 0 if that has not come yet. Lines end with
/// CRLF or LF alone. `from`: nothing before it ends a head.
size_t head_size(std::string_view text, size_t from) {
    for (size_t at = text.find('\n', from); at != text.npos; at = text.find('\n', at + 1)) {
        const std::string_view rest = text.substr(at + 1);
        if (rest.starts_with('\n')) return at + 2;
        if (rest.starts_with("\r\n")) return at + 3;
    }
    return 0;
}

bool is_version(std::string_view text) {
    return text.starts_with("RTSP/") || text.starts_with("HTTP/");
}

bool has_control(std::string_view text) {
    return std::any_of(text.begin(), text.end(), [](char c) {
        return (static_cast<unsigned char>(c) < ' ' && c != '\t') || c == '\x7F';
    });
}

/// Reasons are logged: of a line they have neither the query of a URL nor its password, and of a
/// header its name alone, since these may be secrets.
Result bad(std::string_view what, std::string_view line) {
    size_t end = line.find_first_of("?:");
    while (end != line.npos && line.substr(end).starts_with("://"))
        end = line.find_first_of("?:", end + 1);
    if (end == 0 || line.empty()) return Result::error(std::string(what));
    return Result::error(std::string(what) + ": '" + printable(line.substr(0, end), 80) + "'");
}

/// "RTSP/1.0 200 OK" or "PLAY rtsp://host/x RTSP/1.0".
Result parse_first_line(std::string_view line, Request &request, Response &response,
                        bool &is_request) {
    const std::string_view whole = line;
    std::string_view first = sdp::take_word(line);
    is_request = !is_version(first);
    if (!is_request) {
        const auto status = sdp::number<unsigned>(sdp::take_word(line), 599);
        if (!status || *status < 100) return bad("a response without a status", whole);
        response.version = first;
        response.status = *status;
        response.reason = line;
        return Result::ok();
    }
    if (!sdp::is_token(first)) return bad("neither a request nor a response of RTSP", whole);
    const std::string_view uri = sdp::take_word(line);
    const std::string_view version = sdp::take_word(line);
    if (uri.empty() || !is_version(version) || !line.empty())
        return bad("neither a request nor a response of RTSP", whole);
    request.method = parse_method(first);
    request.method_name = first;
    request.uri = uri;
    request.version = version;
    return Result::ok();
}

std::string_view take_line(std::string_view &text) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    return line;
}

/// The number in Content-Length; nullopt: it is none, or too large.
std::optional<size_t> body_size(const Headers &headers) {
    const std::string *const text = headers.find("Content-Length");
    if (!text) return 0;
    return sdp::number<size_t>(sdp::trimmed(*text), max_body);
}

} // namespace

Result parse_head(std::string_view head, Request &request, Response &response, bool &is_request) {
    const std::string_view first = take_line(head);
    if (first.size() > max_line) return bad("a line longer than 8 KiB", first);
    if (has_control(first)) return bad("a control character", first);
    const Result begun = parse_first_line(first, request, response, is_request);
    if (!begun.is_ok()) return begun;
    Headers &headers = is_request ? request.headers : response.headers;
    while (!head.empty()) {
        const std::string_view line = take_line(head);
        if (line.empty()) break;
        // One that begins with a space goes on with the last one.
        const bool goes_on = (line[0] == ' ' || line[0] == '\t') && !headers.empty();
        const size_t colon = line.find(':');
        const std::string_view name = goes_on              ? std::string_view(headers.back().first)
                                      : colon == line.npos ? std::string_view()
                                                           : sdp::trimmed(line.substr(0, colon));
        if (line.size() > max_line) return bad("a line longer than 8 KiB", name);
        if (has_control(line)) return bad("a control character", name);
        if (goes_on) {
            std::string &value = headers.back().second;
            value += ' ';
            value += sdp::trimmed(line);
            if (value.size() > max_line) return bad("a field longer than 8 KiB", name);
            continue;
        }
        if (name.empty()) return Result::error("a header line without a name and a colon");
        if (headers.size() == max_fields) return Result::error("more than 64 header fields");
        headers.add(name, std::string(sdp::trimmed(line.substr(colon + 1))));
    }
    return Result::ok();
}

size_t MessageReader::take_frame(ByteView bytes) {
    if (bytes.size() < frame_head_size) return 0;
    const size_t size = size_t(bytes[2]) << 8 | bytes[3];
    if (bytes.size() < frame_head_size + size) return 0;
    paused_ = !handler_.on_interleaved(bytes[1], bytes.subspan(frame_head_size, size));
    return frame_head_size + size;
}

size_t MessageReader::take_message(ByteView bytes, Result &result) {
    if (bytes.size() < awaited_) return 0;
    const std::string_view text = text_of(bytes);
    const size_t head = head_size(text.substr(0, max_head), searched_);
    if (head == 0) {
        if (bytes.size() >= max_head) result = Result::error("a head longer than 32 KiB");
        // An empty line may begin within the last two bytes.
        searched_ = bytes.size() > 2 ? bytes.size() - 2 : 0;
        return 0;
    }
    Request request;
    Response response;
    bool is_request = false;
    result = parse_head(text.substr(0, head), request, response, is_request);
    if (!result.is_ok()) return 0;
    Message &message = is_request ? static_cast<Message &>(request) : response;
    // The body of HTTP's POST is the tunnel itself, of whatever length it claims to be.
    const bool is_tunnel = is_request && request.method == Method::post;
    const auto body = is_tunnel ? std::optional<size_t>(0) : body_size(message.headers);
    if (!body) {
        result = Result::error("a Content-Length that is no number up to 262144");
        return 0;
    }
    if (bytes.size() < head + *body) {
        awaited_ = head + *body;
        searched_ = 0;
        return 0;
    }
    message.body = text.substr(head, *body);
    awaited_ = searched_ = 0;
    paused_ = is_request ? !handler_.on_request(std::move(request))
                         : !handler_.on_response(std::move(response));
    return head + *body;
}

size_t MessageReader::take(ByteView bytes, Result &result) {
    if (bytes.empty()) return 0;
    if (bytes[0] == '$') return take_frame(bytes);
    if (bytes[0] == '\r' || bytes[0] == '\n') return 1; // some end a body with an empty line
    return take_message(bytes, result);
}

Result MessageReader::feed(ByteView bytes) {
    paused_ = false;
    // Whole frames are handed on without a copy where nothing was kept.
    const bool has_kept = !kept_.empty();
    if (has_kept) kept_.insert(kept_.end(), bytes.begin(), bytes.end());
    std::vector<uint8_t> held;
    if (has_kept) held.swap(kept_); // a handler may call take_rest()
    ByteView left = has_kept ? ByteView(held) : bytes;
    Result result = Result::ok();
    while (!paused_) {
        const size_t used = take(left, result);
        if (result.is_error()) return result;
        if (used == 0) break;
        left = left.subspan(used);
    }
    if (has_kept && left.size() == held.size())
        kept_ = std::move(held);
    else
        kept_.assign(left.begin(), left.end());
    return paused_ ? Result::ok() : Result::need_more();
}

std::vector<uint8_t> MessageReader::take_rest() {
    awaited_ = searched_ = 0;
    return std::exchange(kept_, {});
}

} // namespace penstock::rtsp

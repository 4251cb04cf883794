// SPDX-License-Identifier: LGPL-2.1-or-later
// Any bytes as the target and headers of an HTTP request. The input is lines: target, name of a
// parameter, Range and If-None-Match headers; the body's size is that of the input. Laws: a path is
// absolute and printable and is unchanged by escaping and parsing; a safe path stays below its
// root; a range lies in the body; a tag matches itself in any list.
#include "core/http/range.h"
#include "core/http/target.h"
#include "core/net/loop/address.h"

#include "fuzz/law.h"

#include <array>

using namespace penstock;

namespace {

bool is_control(char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

bool has_control(std::string_view text) {
    for (const char c : text)
        if (is_control(c)) return true;
    return false;
}

std::string escaped(std::string_view path) {
    static constexpr char digits[] = "0123456789aBcDeF"; // of either case
    std::string out;
    for (const char c : path) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '/') {
            out += c;
        } else {
            out += '%';
            out += digits[byte >> 4];
            out += digits[byte & 15];
        }
    }
    return out;
}

void check_target(std::string_view text, std::string_view name) {
    const auto target = http::parse_target(text);
    if (!target) return;
    fuzz::law(text.size() <= http::max_target_size, "a long target is refused");
    fuzz::law(target->path.starts_with('/'), "a path is absolute");
    fuzz::law(!has_control(target->path), "a path has no control characters");
    fuzz::law(!has_control(target->query), "a query has no control characters");
    if (const std::string again = escaped(target->path); again.size() <= http::max_target_size) {
        const auto same = http::parse_target(again);
        fuzz::law(same && same->path == target->path, "an escaped path is the same path");
    }
    const std::string below = target->path.substr(1);
    if (net::is_safe_path(below)) {
        fuzz::law(below.find("//") == below.npos && !below.starts_with('/'),
                  "a safe path has no empty segment");
        fuzz::law(("/" + below + "/").find("/../") == std::string::npos,
                  "a safe path stays below its root");
    }
    const auto value = http::query_parameter(target->query, name);
    fuzz::law(!value || !has_control(*value), "a parameter has no control characters");
    (void)net::query_value(target->query, name);
}

void check_range(std::string_view header, uint64_t size) {
    const http::ByteRange range = http::parse_range(header, size);
    if (range.kind == http::ByteRange::Kind::part)
        fuzz::law(range.first <= range.last && range.last < size, "a range lies in the body");
    else
        fuzz::law(range.first == 0 && range.last == 0, "no range, no numbers");
}

void check_tags(std::string_view header) {
    static constexpr std::string_view tag = "\"1f-x\"";
    (void)http::etag_matches(header, tag);
    fuzz::law(http::etag_matches("*", tag), "* matches every tag");
    fuzz::law(http::etag_matches("W/\"1f-x\"", tag), "a weak tag matches");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    std::array<std::string_view, 4> lines;
    std::string_view rest(reinterpret_cast<const char *>(data), size);
    for (std::string_view &line : lines) {
        const size_t end = rest.find('\n');
        line = rest.substr(0, end);
        rest = end == rest.npos ? std::string_view() : rest.substr(end + 1);
    }
    check_target(lines[0], lines[1]);
    check_range(lines[2], size);
    check_range(lines[2], 0);
    check_range(lines[2], UINT64_MAX);
    check_tags(lines[3]);
    return 0;
}

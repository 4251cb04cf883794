// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/http/response.h"

#include "core/http/range.h"

namespace penstock::net {

HttpResponse http_error(unsigned status, std::string_view text) {
    HttpResponse response;
    response.status = status;
    response.body = Bytes::copy_of(std::string(text) + "\n");
    response.cache_control = "no-store";
    return response;
}

HttpResponse http_retry(std::string_view text, unsigned seconds) {
    HttpResponse response = http_error(503, text);
    response.headers.emplace_back("Retry-After", std::to_string(seconds));
    return response;
}

namespace {

std::string header_of(const HttpResponse &response, std::string_view name) {
    for (const auto &[each, value] : response.headers)
        if (each == name) return value;
    return {};
}

} // namespace

void apply_range(const HttpRequest &request, HttpResponse &response) {
    using Kind = http::ByteRange::Kind;
    if (response.status != 200 || response.streamed || request.method != "GET") return;
    response.headers.emplace_back("Accept-Ranges", "bytes");
    if (!request.header) return;
    // An If-Range with another version or a date requests the whole body: section 13.1.5.
    const std::string condition = request.header("If-Range");
    const std::string etag = header_of(response, "ETag");
    if (!condition.empty() && (condition != etag || etag.starts_with("W/"))) return;
    const uint64_t size = response.body.size();
    const auto range = http::parse_range(request.header("Range"), size);
    if (range.kind == Kind::whole) return;
    if (range.kind == Kind::unsatisfiable) {
        response = http_error(416, "The range lies outside of the body.");
        response.headers = {{"Content-Range", "bytes */" + std::to_string(size)}};
        return;
    }
    response.status = 206;
    response.headers.emplace_back("Content-Range", "bytes " + std::to_string(range.first) + "-" +
                                                       std::to_string(range.last) + "/" +
                                                       std::to_string(size));
    response.body = response.body.sub(range.first, range.last - range.first + 1);
}

bool apply_etag(const HttpRequest &request, HttpResponse &response, const std::string &etag) {
    response.headers.emplace_back("ETag", etag);
    if (response.status != 200 || !request.header ||
        !http::etag_matches(request.header("If-None-Match"), etag))
        return false;
    response.status = 304;
    response.body = {};
    return true;
}

} // namespace penstock::net

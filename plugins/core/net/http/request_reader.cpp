// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/http/request_reader.h"

#include <boost/asio/write.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/rfc7230.hpp>

#include <utility>

namespace penstock::net {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;

/// Timeout of a body, extended by a second per `slowest_body` bytes of its limit.
constexpr auto body_timeout = std::chrono::seconds(30);
constexpr size_t slowest_body = 16 << 10; ///< bytes per second
/// Bytes of chunk framing allowed in addition to the size of the body.
constexpr size_t max_framing = 64 << 10;
constexpr size_t max_discarded = 1 << 20;
/// Bytes per read while a request is being answered: what a connection's buffer has anyway.
constexpr size_t watch_size = 512;

bool same(beast::string_view a, const char *b) {
    return beast::iequals(a, b);
}

} // namespace

void HttpRequestReader::read_header(std::function<void(error_code)> done) {
    forget_body();
    parser_.emplace();
    parser_->header_limit(max_header_size);
    parser_->body_limit(boost::none); // read_body() applies the limit
    http::async_read_header(socket_, buffer_, *parser_,
                            [done = std::move(done)](error_code ec, size_t) { done(ec); });
}

std::optional<HttpResponse> HttpRequestReader::refusal(error_code error) const {
    if (error == http::error::header_limit || error == http::error::buffer_overflow)
        return http_error(431, "The request's headers are too large.");
    if (error == http::error::end_of_stream || error == http::error::partial_message)
        return std::nullopt;
    if (error && error.category() == make_error_code(http::error::end_of_stream).category())
        return http_error(error == http::error::bad_version ? 505 : 400,
                          "This is no legal HTTP/1.1 request.");
    if (error) return std::nullopt;
    // Peers that disagree about the end of a body can be used for request smuggling (RFC 9112,
    // section 6.1). Beast rejects a Content-Length together with a Transfer-Encoding, and
    // contradictory Content-Length values.
    const auto &fields = parser_->get();
    const auto coding = fields.equal_range(http::field::transfer_encoding);
    if (coding.first == coding.second) {
        if (fields.version() >= 11 && fields.count(http::field::host) != 1)
            return http_error(400, "A request needs one Host header.");
        return std::nullopt;
    }
    if (fields.version() < 11) return http_error(400, "HTTP/1.0 has no Transfer-Encoding.");
    if (std::next(coding.first) != coding.second || !same(coding.first->value(), "chunked"))
        return http_error(501, "Only chunked is understood as a Transfer-Encoding.");
    if (fields.count(http::field::host) != 1)
        return http_error(400, "A request needs one Host header.");
    return std::nullopt;
}

void HttpRequestReader::read_body(size_t limit,
                                  std::function<void(std::optional<HttpResponse>)> done) {
    limit_ = limit;
    received_ = 0;
    body_done_ = std::move(done);
    if (parser_->is_done()) return end_body(std::nullopt);
    if (const auto length = parser_->content_length(); length && *length > limit)
        return end_body(http_error(413, "The body is too large."));
    parser_->eager(true);
    socket_.expires_after(body_timeout + std::chrono::seconds(limit / slowest_body));
    const auto &message = parser_->get();
    const bool waits =
        message.version() >= 11 && same(message[http::field::expect], "100-continue");
    if (buffer_.size() > 0) return parse_body();
    if (!waits) return read_more();
    static constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";
    asio::async_write(socket_, asio::buffer(go_on.data(), go_on.size()),
                      [this, keep = body_done_](error_code ec, size_t) {
                          if (ec) return forget_body();
                          read_more();
                      });
}

void HttpRequestReader::read_more() {
    socket_.async_read_some(buffer_.prepare(buffer_.max_size() - buffer_.size()),
                            [this, keep = body_done_](error_code ec, size_t size) {
                                if (ec == beast::error::timeout)
                                    return end_body(
                                        http_error(408, "The body did not arrive in time."));
                                if (ec) return forget_body(); // the client has left
                                buffer_.commit(size);
                                parse_body();
                            });
}

/// Beast's own read operations continue until a piece of the body ends at the end of a read: a
/// client could send any number of chunks before the limits are checked.
void HttpRequestReader::parse_body() {
    error_code ec;
    const size_t used = parser_->put(buffer_.cdata(), ec);
    buffer_.consume(used);
    received_ += used;
    if (ec && ec != http::error::need_more)
        return end_body(http_error(400, "The body is not legal."));
    const size_t body = parser_->get().body().size();
    if (body > limit_ || received_ > 2 * limit_ + max_framing)
        return end_body(http_error(413, "The body is too large."));
    if (body > held_) {
        if (!budget_.take(body - held_))
            return end_body(http_error(503, "Too many bodies are on their way."));
        held_ = body;
    }
    if (parser_->is_done()) return end_body(std::nullopt);
    if (buffer_.size() == buffer_.max_size())
        return end_body(http_error(400, "The body is not legal."));
    read_more();
}

void HttpRequestReader::end_body(std::optional<HttpResponse> refusal) {
    const auto done = std::exchange(body_done_, nullptr);
    if (refusal) forget_body();
    done(std::move(refusal));
}

/// Discards the pending callback and the body.
void HttpRequestReader::forget_body() {
    body_done_ = nullptr;
    budget_.give_back(std::exchange(held_, 0));
}

Bytes HttpRequestReader::take_body() {
    auto &body = parser_->get().body();
    return body.empty() ? Bytes() : Bytes::adopt(std::move(body));
}

void HttpRequestReader::watch(std::function<void(error_code)> done) {
    if (buffer_.size() >= max_header_size)
        return asio::post(socket_.get_executor(),
                          [done = std::move(done)] { done(asio::error::no_buffer_space); });
    socket_.async_read_some(buffer_.prepare(watch_size),
                            [this, done = std::move(done)](error_code ec, size_t size) {
                                buffer_.commit(size);
                                if (ec == asio::error::operation_aborted && buffer_.size() > 0)
                                    ec = {};
                                done(ec);
                            });
}

void HttpRequestReader::discard(std::function<void()> done) {
    buffer_.consume(buffer_.size());
    socket_.async_read_some(buffer_.prepare(buffer_.max_size()),
                            [this, done = std::move(done)](error_code ec, size_t size) mutable {
                                discarded_ += size;
                                if (ec || discarded_ > max_discarded) return done();
                                discard(std::move(done));
                            });
}

} // namespace penstock::net

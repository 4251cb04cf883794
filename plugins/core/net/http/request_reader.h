// SPDX-License-Identifier: LGPL-2.1-or-later
// Reads requests from a connection: first the header and then, once its route is known, the body
// within limits.
#pragma once

#include "core/net/http/body_budget.h"
#include "core/net/http/response.h"
#include "core/net/http/socket.h"

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>

#include <functional>
#include <optional>
#include <vector>

namespace penstock::net {

/// Body type for Beast's parser: memory grows with received data, not with the announced size.
struct HttpRequestBody {
    using value_type = std::vector<uint8_t>;
    struct reader {
        template <bool isRequest, class Fields>
        reader(boost::beast::http::header<isRequest, Fields> &, value_type &body) : body_(body) {}
        void init(const boost::optional<uint64_t> &, boost::system::error_code &ec) { ec = {}; }
        template <class Buffers>
        size_t put(const Buffers &buffers, boost::system::error_code &ec) {
            ec = {};
            size_t size = 0;
            for (const boost::asio::const_buffer part : boost::beast::buffers_range_ref(buffers)) {
                const auto *data = static_cast<const uint8_t *>(part.data());
                body_.insert(body_.end(), data, data + part.size());
                size += part.size();
            }
            return size;
        }
        void finish(boost::system::error_code &ec) { ec = {}; }

    private:
        value_type &body_;
    };
};

/// Belongs to its connection and that connection's loop. Callbacks must keep the connection alive.
/// Only one read may be pending.
class HttpRequestReader {
public:
    using Message = boost::beast::http::request<HttpRequestBody>;
    static constexpr size_t max_header_size = 16 << 10;

    HttpRequestReader(HttpSocket &socket, HttpBodyBudget &budget)
        : socket_(socket), budget_(budget) {}
    ~HttpRequestReader() { forget_body(); }
    HttpRequestReader(const HttpRequestReader &) = delete;
    HttpRequestReader &operator=(const HttpRequestReader &) = delete;

    /// Reads the next request's header; the socket's deadline applies.
    void read_header(std::function<void(boost::system::error_code)> done);
    /// The last header read; valid until the next read_header().
    const Message &message() const { return parser_->get(); }
    /// Returns the response that refuses a header with this error or, without error, an invalid
    /// one; the connection must end after it. nullopt: the header is valid, or the client has left.
    std::optional<HttpResponse> refusal(boost::system::error_code error) const;
    /// Whether the body is complete.
    bool is_complete() const { return parser_->is_done(); }

    /// Reads the body of up to `limit` bytes and sets the socket's deadline for it. If it is too
    /// large or invalid, `done` receives a refusal, after which the connection must end. Not called
    /// if the client has left.
    void read_body(size_t limit, std::function<void(std::optional<HttpResponse> refusal)> done);
    /// Returns the body that was read.
    Bytes take_body();

    /// Reads what the client sends while its request is answered, for the next read_header(). Calls
    /// `done` once data arrived or the client left; no_buffer_space: it sends too much.
    /// Cancellation is reported only if no data has arrived.
    void watch(std::function<void(boost::system::error_code)> done);
    /// Reads and drops data of a connection that has ended, until it closes or the deadline passes.
    /// Closing with unread data would reset the connection and lose the response.
    void discard(std::function<void()> done);
    /// Data that follows the request.
    boost::asio::const_buffer rest() const { return buffer_.cdata(); }

private:
    void read_more();
    void parse_body();
    void end_body(std::optional<HttpResponse> refusal);
    void forget_body();

    HttpSocket &socket_;
    HttpBodyBudget &budget_;
    boost::beast::flat_buffer buffer_{max_header_size + (4 << 10)};
    std::optional<boost::beast::http::request_parser<HttpRequestBody>> parser_;
    std::function<void(std::optional<HttpResponse>)> body_done_;
    size_t limit_ = 0;    ///< limit of the body; bytes
    size_t received_ = 0; ///< bytes of the body including its framing
    size_t held_ = 0;     ///< bytes taken from the budget
    size_t discarded_ = 0;
};

} // namespace penstock::net

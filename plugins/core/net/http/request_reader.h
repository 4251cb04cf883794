// SPDX-License-Identifier: LGPL-2.1-or-later
// Reads requests from a connection: the header first, then, once it is known who takes it, the
// body, within bounds.
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

/// Beast's body of a request: memory grows with what has come, not with what is announced.
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

/// Whether a browser shows the answer to its user, rather than hand it to a script or a player.
template <class Fields>
bool is_navigation(const Fields &request) {
    // Browsers say it over TLS and on localhost only; elsewhere what they would like to have tells:
    // players and fetch() ask for anything.
    if (const auto destination = request["Sec-Fetch-Dest"]; !destination.empty())
        return destination == "document";
    return request[boost::beast::http::field::accept].find("text/html") !=
           boost::beast::string_view::npos;
}

/// Belongs to its connection, on its loop: whoever passes a callback keeps the connection alive
/// with it. One read at a time.
class HttpRequestReader {
public:
    using Message = boost::beast::http::request<HttpRequestBody>;
    static constexpr size_t max_header_size = 16 << 10;

    HttpRequestReader(HttpSocket &socket, HttpBodyBudget &budget)
        : socket_(socket), budget_(budget) {}
    ~HttpRequestReader() { forget_body(); }
    HttpRequestReader(const HttpRequestReader &) = delete;
    HttpRequestReader &operator=(const HttpRequestReader &) = delete;

    /// Reads the next request's header; the socket's deadline holds.
    void read_header(std::function<void(boost::system::error_code)> done);
    /// The request whose header was read, until the next read_header().
    const Message &message() const { return parser_->get(); }
    /// Why a header with this error, or, without one, the header that was read, is refused; the
    /// connection has to end then. nullopt: it is legal, or nobody is there to be answered.
    std::optional<HttpResponse> refusal(boost::system::error_code error) const;
    /// Nothing of the body is missing.
    bool is_complete() const { return parser_->is_done(); }

    /// Reads the body, of at most `limit` bytes, and sets the socket's deadline for it. `done` is
    /// called with a refusal if it is too large or illegal: the connection has to end then. Not
    /// called if the client has left.
    void read_body(size_t limit, std::function<void(std::optional<HttpResponse> refusal)> done);
    /// The body that was read.
    Bytes take_body();

    /// Reads what the client sends while its request is answered, for the next read_header():
    /// `done` says once that something came, or that the client left. no_buffer_space: it sends
    /// too much. Cancelled, it says so only if nothing has come, now or before.
    void watch(std::function<void(boost::system::error_code)> done);
    /// Reads and drops what an ended connection still brings, until it ends or the deadline: a
    /// close with unread bytes would take back the answer.
    void discard(std::function<void()> done);
    /// What came behind the request.
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
    size_t limit_ = 0;    ///< of the body, in bytes
    size_t received_ = 0; ///< bytes of the body and of what frames it
    size_t held_ = 0;     ///< bytes of the budget
    size_t discarded_ = 0;
};

} // namespace penstock::net

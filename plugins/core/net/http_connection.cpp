// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/http_connection.h"

#include "core/net/log.h"

#include <boost/asio/dispatch.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

#include <array>
#include <optional>
#include <sstream>

namespace penstock::net {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;

constexpr auto idle_timeout = std::chrono::seconds(30);
constexpr size_t max_header_size = 16 << 10;
constexpr size_t max_body_size = 4 << 10; // nothing here takes a body

/// Percent-decodes a target's path. nullopt for a broken escape or a control character.
std::optional<std::string> decode_path(std::string_view text) {
    std::string out;
    for (size_t i = 0; i < text.size(); ++i) {
        unsigned char c = static_cast<unsigned char>(text[i]);
        if (c == '%') {
            const auto digit = [&](size_t at) {
                const char d = at < text.size() ? text[at] : 'x';
                return d >= '0' && d <= '9'                 ? d - '0'
                       : (d | 32) >= 'a' && (d | 32) <= 'f' ? (d | 32) - 'a' + 10
                                                            : -1;
            };
            if (digit(i + 1) < 0 || digit(i + 2) < 0) return std::nullopt;
            c = static_cast<unsigned char>(digit(i + 1) << 4 | digit(i + 2));
            i += 2;
        }
        if (c < 0x20 || c == 0x7f) return std::nullopt;
        out += static_cast<char>(c);
    }
    return out.starts_with('/') ? std::optional(out) : std::nullopt;
}

/// Whether a browser shows the answer to its user, rather than hand it to a script or a player.
template <class Fields>
bool is_navigation(const Fields &request) {
    // Browsers say it over TLS and on localhost only; elsewhere what they would like to have tells:
    // players and fetch() ask for anything.
    if (const auto destination = request["Sec-Fetch-Dest"]; !destination.empty())
        return destination == "document";
    return request[http::field::accept].find("text/html") != beast::string_view::npos;
}

class Connection : public std::enable_shared_from_this<Connection> {
public:
    Connection(tcp::socket &&socket, std::shared_ptr<HttpRoutes> routes,
               std::shared_ptr<Loops> loops)
        : loops_(std::move(loops)), routes_(std::move(routes)), peer_(endpoint_name(socket)),
          stream_(std::move(socket)) {
        ++routes_->connections;
    }
    ~Connection() {
        routes_->forget(this);
        --routes_->connections;
    }

    void start() {
        routes_->on_close(this, [weak = weak_from_this()] {
            const auto self = weak.lock();
            if (!self) return;
            asio::post(self->stream_.get_executor(), [self] {
                if (self->reading_) self->stream_.cancel();
            });
        });
        read();
    }

private:
    void read() {
        if (routes_->closing()) return;
        reading_ = true;
        parser_.emplace();
        parser_->header_limit(max_header_size);
        parser_->body_limit(max_body_size);
        stream_.expires_after(idle_timeout);
        http::async_read(
            stream_, buffer_, *parser_, [self = shared_from_this()](error_code ec, size_t) {
                self->reading_ = false;
                if (!ec)
                    self->answer();
                else if (ec != http::error::end_of_stream && ec != beast::error::timeout &&
                         ec != asio::error::operation_aborted)
                    log(LogLevel::debug, "http", "[" + self->peer_ + "] " + ec.message());
            });
    }

    void answer() {
        const auto &message = parser_->get();
        keep_alive_ = message.keep_alive();
        version_ = message.version();
        varies_ = false;
        head_ = message.method() == http::verb::head;
        if (message.method() == http::verb::options) {
            HttpResponse allowed;
            allowed.status = 204;
            allowed.headers = {{"Access-Control-Allow-Methods", "GET, HEAD, OPTIONS"},
                               {"Access-Control-Allow-Headers", "Range"},
                               {"Access-Control-Max-Age", "86400"}};
            return send(std::move(allowed));
        }
        if (!head_ && message.method() != http::verb::get) {
            auto refused = http_error(405, "Only GET and HEAD are served here.");
            refused.headers = {{"Allow", "GET, HEAD, OPTIONS"}};
            return send(std::move(refused));
        }
        const std::string_view target(message.target().data(), message.target().size());
        const size_t mark = target.find('?');
        const auto path = decode_path(target.substr(0, mark));
        if (!path) return send(http_error(400, "The path is not legal."));
        const HttpHandler navigation = routes_->navigation(*path);
        varies_ = navigation != nullptr;
        if (navigation && is_navigation(message)) return handle(navigation, *path, mark);
        const auto demand = routes_->demand_for(*path);
        const std::string name = path->substr(1);
        if (!demand || demand->is_ready(name)) return handle(routes_->find(*path), *path, mark);
        // The request stays in the parser: nothing else is read until it is answered.
        stream_.expires_never();
        demand->on_demand(name, [self = shared_from_this(), path = *path,
                                 mark](bool go_on, const std::string &reason) {
            asio::post(self->stream_.get_executor(), [self, path, mark, go_on, reason] {
                if (go_on)
                    self->handle(self->routes_->find(path), path, mark);
                else
                    self->send(http_error(404, "No such stream: " + reason));
            });
        });
    }

    /// `mark`: where the target's query begins.
    void handle(const HttpHandler &handler, const std::string &path, size_t mark) {
        const auto &message = parser_->get();
        const std::string_view target(message.target().data(), message.target().size());
        if (!handler) return send(http_error(404, "Nothing is here."));

        HttpRequest request;
        request.method = head_ ? "HEAD" : "GET";
        request.path = path;
        if (mark != target.npos) request.query = target.substr(mark + 1);
        request.peer = peer_;
        request.header = [&message](std::string_view name) {
            return std::string(message[beast::string_view(name.data(), name.size())]);
        };
        stream_.expires_never(); // the handler has its own deadline
        handler(request,
                [self = shared_from_this(), answered = false](HttpResponse response) mutable {
                    if (std::exchange(answered, true)) return;
                    asio::dispatch(self->stream_.get_executor(),
                                   [self, response = std::move(response)]() mutable {
                                       self->send(std::move(response));
                                   });
                });
    }

    void send(HttpResponse response) {
        response_ = std::move(response);
        if (routes_->closing()) keep_alive_ = false;
        http::response<http::empty_body> header;
        header.version(version_);
        header.result(response_.status);
        header.keep_alive(keep_alive_);
        header.set(http::field::server, "Penstock");
        header.set(http::field::access_control_allow_origin, "*");
        header.set("X-Content-Type-Options", "nosniff");
        header.set(http::field::cache_control, response_.cache_control);
        if (varies_) header.set(http::field::vary, "Accept, Sec-Fetch-Dest");
        if (response_.status != 204 && response_.status != 304) {
            header.set(http::field::content_type, response_.content_type);
            header.set(http::field::content_length, std::to_string(response_.body.size()));
        }
        for (const auto &[name, value] : response_.headers)
            header.set(name, value);
        std::ostringstream text;
        text << header.base();
        head_text_ = text.str();
        const bool body = !head_ && response_.status != 204 && response_.status != 304;
        const std::array<asio::const_buffer, 2> parts{
            asio::buffer(head_text_),
            body ? asio::buffer(response_.body.data(), response_.body.size())
                 : asio::const_buffer()};
        stream_.expires_after(idle_timeout);
        asio::async_write(stream_, parts, [self = shared_from_this()](error_code ec, size_t) {
            self->response_ = {};
            if (ec) return;
            if (self->keep_alive_) return self->read();
            error_code ignored;
            self->stream_.socket().shutdown(tcp::socket::shutdown_send, ignored);
        });
    }

    // The stream goes first, then the loops it lives on.
    std::shared_ptr<Loops> loops_;
    std::shared_ptr<HttpRoutes> routes_;
    const std::string peer_;
    beast::tcp_stream stream_;
    beast::flat_buffer buffer_{max_header_size + max_body_size};
    std::optional<http::request_parser<http::string_body>> parser_;
    HttpResponse response_;
    std::string head_text_;
    unsigned version_ = 11;
    bool keep_alive_ = false;
    bool varies_ = false;  ///< another Accept or Sec-Fetch-Dest might get another answer
    bool reading_ = false; ///< waits for a request
    bool head_ = false;
};

} // namespace

void HttpConnection::start(tcp::socket &&socket, std::shared_ptr<HttpRoutes> routes,
                           std::shared_ptr<Loops> loops) {
    if (routes->connections >= HttpRoutes::max_connections) {
        log(LogLevel::warning, "http",
            "refused " + endpoint_name(socket) + ": too many connections");
        return;
    }
    std::make_shared<Connection>(std::move(socket), std::move(routes), std::move(loops))->start();
}

} // namespace penstock::net

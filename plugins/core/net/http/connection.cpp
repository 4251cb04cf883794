// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/http/connection.h"

#include "core/bytes/printable.h"
#include "core/http/target.h"
#include "core/net/http/socket.h"
#include "core/net/loop/log.h"
#include "core/net/stream/admission.h"

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
constexpr auto handshake_timeout = std::chrono::seconds(10);
constexpr size_t max_header_size = 16 << 10;
constexpr size_t max_body_size = 4 << 10; // nothing here takes a body

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
    Connection(tcp::socket &&socket, size_t loop, std::shared_ptr<HttpRoutes> routes,
               std::shared_ptr<Loops> loops)
        : loop_(loop), loops_(std::move(loops)), routes_(std::move(routes)),
          peer_(endpoint_name(socket)), stream_(std::move(socket)),
          refused_(++routes_->connections > HttpRoutes::max_connections) {}
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
        if (routes_->tls)
            start_tls();
        else
            read();
    }

private:
    void start_tls() {
        if (routes_->closing()) return;
        reading_ = true;
        stream_.expires_after(handshake_timeout);
        stream_.start_tls(*routes_->tls,
                          [self = shared_from_this()](error_code ec, HttpSocket::Greeting greeting,
                                                      const std::string &reason) {
                              self->reading_ = false;
                              self->greeted(ec, greeting, reason);
                          });
    }

    void greeted(error_code ec, HttpSocket::Greeting greeting, const std::string &reason) {
        if (ec == asio::error::eof || ec == asio::error::operation_aborted) return;
        if (!ec && greeting == HttpSocket::Greeting::tls) return read();
        if (!ec && greeting == HttpSocket::Greeting::http) return read(true);
        const std::string what = ec == beast::error::timeout ? "no TLS handshake in time"
                                 : !ec                       ? "this is no TLS"
                                 : reason.empty()            ? ec.message()
                                                             : reason;
        log(LogLevel::info, "http", "[" + peer_ + "] TLS: " + what);
    }

    /// Plain HTTP where TLS is spoken: the request is read, so that its answer is, too.
    void refuse_plain() {
        log(LogLevel::info, "http", "[" + peer_ + "] plain HTTP where https:// is served");
        keep_alive_ = false;
        send(http_error(400, "This port serves https:// only."));
    }

    /// `plain`: whatever it asks for is refused.
    void read(bool plain = false) {
        if (routes_->closing()) return;
        reading_ = true;
        parser_.emplace();
        parser_->header_limit(max_header_size);
        parser_->body_limit(max_body_size);
        stream_.expires_after(idle_timeout);
        http::async_read(
            stream_, buffer_, *parser_, [self = shared_from_this(), plain](error_code ec, size_t) {
                self->reading_ = false;
                if (!ec)
                    plain ? self->refuse_plain() : self->answer();
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
        was_asked_ = false;
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
        const auto parsed = penstock::http::parse_target(target);
        if (!parsed) return send(http_error(400, "The path is not legal."));
        const std::string *path = &parsed->path;
        if (refused_) return send(too_many());
        const HttpHandler navigation = routes_->navigation(*path);
        varies_ = navigation != nullptr;
        if (navigation && is_navigation(message)) return handle(navigation, *path, mark);
        if (!is_stream(*path) && !starts_something(*path)) return ask_demand(*path, mark);
        if (head_ && routes_->stream(*path)) return reach(*path, mark);
        ask_watches(*path, mark);
    }

    static HttpResponse too_many() {
        HttpResponse response = http_error(503, "Too many are connected; try again.");
        response.headers.emplace_back("Retry-After", "5");
        return response;
    }

    /// Whether it is, or may become, a stream that a viewer watches on its own connection.
    bool is_stream(const std::string &path) const {
        return routes_->stream(path) ||
               (!path.ends_with(".m3u8") && routes_->rules->demand_for(path.substr(1)));
    }

    /// Whether a playlist's pipeline would be started for this request.
    bool starts_something(const std::string &path) const {
        const auto demand = routes_->rules->demand_for(path.substr(1));
        return demand && !demand->is_ready(path.substr(1));
    }

    /// Only then may anything be started for the viewer.
    void ask_watches(const std::string &path, size_t mark) {
        stream_.expires_never();
        was_asked_ = true;
        const auto stream = routes_->stream(path);
        const auto done = [self = shared_from_this(), path, mark](bool allowed,
                                                                  const std::string &reason) {
            if (allowed) return self->ask_demand(path, mark);
            log(LogLevel::warning, "http",
                "[" + self->peer_ + "] refused to play " + path + ": " + reason);
            self->send(http_error(403, "Not allowed."));
        };
        if (admission_.ask(stream_.get_executor(), routes_->rules->watches(),
                           stream ? stream->authority() : Authority(), peer_info(path, mark), done))
            ask_demand(path, mark);
    }

    PeerInfo peer_info(const std::string &path, size_t mark) const {
        const auto &message = parser_->get();
        const std::string_view target(message.target().data(), message.target().size());
        PeerInfo peer;
        peer.address = peer_;
        peer.path = path.substr(1);
        if (mark != target.npos) peer.query = target.substr(mark + 1);
        peer.key = query_value(peer.query, "key");
        const auto agent = message[http::field::user_agent];
        peer.client = printable(std::string_view(agent.data(), agent.size()), 100);
        peer.protocol = is_websocket() ? "websocket" : "http";
        peer.id = peer.protocol == "http" ? "http-play" : "ws-play";
        return peer;
    }

    void ask_demand(const std::string &path, size_t mark) {
        const auto demand = routes_->rules->demand_for(path.substr(1));
        const std::string name = path.substr(1);
        if (!demand || demand->is_ready(name)) return reach(path, mark);
        // The request stays in the parser: nothing else is read until it is answered.
        stream_.expires_never();
        demand->on_demand(
            name, [self = shared_from_this(), path, mark](bool go_on, const std::string &reason) {
                asio::post(self->stream_.get_executor(), [self, path, mark, go_on, reason] {
                    if (go_on)
                        self->reach(path, mark);
                    else
                        self->send(http_error(404, "No such stream: " + reason));
                });
            });
    }

    /// `mark`: where the target's query begins.
    void reach(const std::string &path, size_t mark) {
        if (auto stream = routes_->stream(path)) return play(std::move(stream), path, mark);
        handle(routes_->find(path), path, mark);
    }

    void handle(const HttpHandler &handler, const std::string &path, size_t mark) {
        const auto &message = parser_->get();
        const std::string_view target(message.target().data(), message.target().size());
        if (!handler) return send(http_error(404, "Nothing is here."));

        HttpRequest request;
        if (was_asked_) request.admission = std::make_shared<Admission>(std::move(admission_));
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

    bool is_websocket() const {
        const auto &message = parser_->get();
        return http::token_list(message[http::field::upgrade]).exists("websocket") &&
               http::token_list(message[http::field::connection]).exists("upgrade");
    }

    /// From here on the socket is a viewer's; of this connection nothing is left.
    void play(std::shared_ptr<HttpStream> stream, const std::string &path, size_t mark) {
        const auto &message = parser_->get();
        // A stream has no ranges. Players ask for all of it as one.
        const auto range = message[http::field::range];
        if (!range.empty() && range != "bytes=0-") {
            auto refused = http_error(416, "A live stream has no ranges.");
            refused.headers = {{"Accept-Ranges", "none"}};
            return send(std::move(refused));
        }
        if (head_) {
            HttpResponse response;
            response.content_type = stream->format().content_type;
            response.cache_control = "no-store";
            response.headers = {{"Accept-Ranges", "none"}};
            return send(std::move(response), true);
        }
        HttpPlayRequest request;
        if (is_websocket()) {
            const auto key = message[http::field::sec_websocket_key];
            if (message[http::field::sec_websocket_version] != "13" || message.version() < 11 ||
                key.size() != 24) {
                auto refused = http_error(key.size() == 24 ? 426 : 400,
                                          "This WebSocket handshake is not understood.");
                refused.headers = {{"Sec-WebSocket-Version", "13"}};
                return send(std::move(refused));
            }
            request.websocket_key = std::string(key);
        }
        if (routes_->viewers->is_full()) return send(too_many());
        request.peer = peer_info(path, mark);
        request.keep_alive = keep_alive_ && message.version() >= 11;
        request.titles = message["Icy-MetaData"] == "1";
        request.admission = std::move(admission_);
        stream_.expires_never();
        const auto early = buffer_.cdata();
        auto [socket, tls] = stream_.release();
        request.tls = std::move(tls);
        std::make_shared<HttpViewer>(std::move(socket), loop_, std::move(stream), routes_->viewers,
                                     std::move(request))
            ->start(ByteView(static_cast<const uint8_t *>(early.data()), early.size()));
    }

    /// `endless`: the headers of an answer whose length nobody knows.
    void send(HttpResponse response, bool endless = false) {
        response_ = std::move(response);
        if (routes_->closing() || refused_) keep_alive_ = false;
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
            if (!endless)
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
            self->stream_.shutdown();
        });
    }

    const size_t loop_;
    // The stream goes first, then the loops it lives on.
    std::shared_ptr<Loops> loops_;
    std::shared_ptr<HttpRoutes> routes_;
    const std::string peer_;
    HttpSocket stream_;
    beast::flat_buffer buffer_{max_header_size + max_body_size};
    std::optional<http::request_parser<http::string_body>> parser_;
    HttpResponse response_;
    std::string head_text_;
    unsigned version_ = 11;
    bool keep_alive_ = false;
    bool varies_ = false;  ///< another Accept or Sec-Fetch-Dest might get another answer
    bool reading_ = false; ///< waits for a request
    bool head_ = false;
    const bool refused_;     ///< there are too many
    Admission admission_;    ///< of the request under way
    bool was_asked_ = false; ///< whether there was something to be asked
};

} // namespace

void HttpConnection::start(tcp::socket &&socket, size_t loop, std::shared_ptr<HttpRoutes> routes,
                           std::shared_ptr<Loops> loops) {
    if (routes->connections >= HttpRoutes::max_connections + HttpRoutes::max_refused) {
        log(LogLevel::warning, "http",
            "refused " + endpoint_name(socket) + ": too many connections");
        return;
    }
    std::make_shared<Connection>(std::move(socket), loop, std::move(routes), std::move(loops))
        ->start();
}

} // namespace penstock::net

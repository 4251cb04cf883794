// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/http/connection.h"

#include "core/http/target.h"
#include "core/net/http/request_reader.h"
#include "core/net/http/response_head.h"
#include "core/net/http/response_writer.h"
#include "core/net/http/viewer_info.h"
#include "core/net/loop/clock.h"
#include "core/net/loop/log.h"
#include "core/net/stream/admission.h"

#include <boost/asio/dispatch.hpp>

#include <algorithm>
#include <atomic>
#include <optional>

namespace penstock::net {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;

constexpr auto idle_timeout = std::chrono::seconds(30);
constexpr auto handshake_timeout = std::chrono::seconds(10);
/// How long a connection that is being closed waits for the client to read the response.
constexpr auto linger_timeout = std::chrono::seconds(2);
constexpr size_t max_body = 16 << 20; ///< bytes; upper limit for all routes

class Connection : public std::enable_shared_from_this<Connection> {
public:
    Connection(tcp::socket &&socket, size_t loop, std::shared_ptr<HttpRoutes> routes,
               std::shared_ptr<Loops> loops, std::unique_ptr<WaitingRoom::Seat> place)
        : place_(std::move(place)), loop_(loop), loops_(std::move(loops)),
          routes_(std::move(routes)), peer_(endpoint_name(socket)), stream_(std::move(socket)),
          reader_(stream_, routes_->bodies), writer_(std::make_shared<HttpResponseWriter>(stream_)),
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
                if (self->streaming_) self->writer_->close("the server ends");
                if (self->gone_) self->stream_.cancel();
            });
        });
        routes_->tls ? start_tls() : read();
    }

private:
    using Route = std::shared_ptr<const HttpRoute>;
    using Length = HttpHeadOptions::Length;

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

    /// Refuses plain HTTP on a TLS port. Unread data would make the client lose the response.
    void refuse_plain() {
        log(LogLevel::info, "http", "[" + peer_ + "] plain HTTP where https:// is served");
        refuse(http_error(400, "This port serves https:// only."));
    }

    /// Sends a response and reads nothing more.
    void refuse(HttpResponse response) {
        keep_alive_ = false;
        send(std::move(response));
    }

    /// `plain`: the request is always refused.
    void read(bool plain = false) {
        if (routes_->closing()) return;
        reading_ = true;
        route_ = nullptr;
        was_asked_ = false;
        stream_.expires_after(idle_timeout);
        reader_.read_header([self = shared_from_this(), plain](error_code ec) {
            self->reading_ = false;
            self->on_header(ec, plain);
        });
    }

    void on_header(error_code ec, bool plain) {
        const auto &message = reader_.message();
        keep_alive_ = !ec && message.keep_alive();
        version_ = message.version() == 10 ? 10 : 11;
        head_ = message.method() == http::verb::head;
        cors_.clear();
        varies_ = false;
        if (auto refusal = reader_.refusal(ec)) return refuse(std::move(*refusal));
        if (ec) {
            if (ec != http::error::end_of_stream && ec != beast::error::timeout &&
                ec != asio::error::operation_aborted)
                log(LogLevel::debug, "http", "[" + peer_ + "] " + ec.message());
            return;
        }
        if (plain) return refuse_plain();
        begin();
    }

    /// Finds the route for the request before its body is read.
    void begin() {
        const auto &message = reader_.message();
        if (refused_) return refuse(http_retry("Too many are connected; try again.", 5));
        const std::string_view target(message.target().data(), message.target().size());
        const bool options = message.method() == http::verb::options;
        if (options && target == "*") return answer_unread(HttpRoute{}.options_response(nullptr));
        const auto parsed = penstock::http::parse_target(target);
        if (!parsed) return answer_unread(http_error(400, "The path is not legal."));
        const std::string &path = parsed->path;
        mark_ = target.find('?');
        navigation_ = routes_->navigation(path);
        varies_ = navigation_ != nullptr;
        // The watches of a stream are asked later.
        static const auto media = std::make_shared<const HttpRoute>();
        const auto route = is_stream(path) ? nullptr : routes_->find(path);
        const HttpRoute &chosen = route ? *route : *media;
        const std::string origin(header("Origin"));
        cors_ = cors_headers(chosen.options.cors, origin);
        if (options) return answer_unread(chosen.options_response(&origin));
        if (!chosen.takes(header_text(message.method_string())))
            return answer_unread(chosen.wrong_method());
        if (navigation_ && is_navigation(message)) return read_body(media, path);
        ask_access(route ? route : media, path,
                   [this, path](const auto &asked) { read_body(asked, path); });
    }

    /// Responds early and closes: a body still to come would be read as the next request.
    void answer_unread(HttpResponse response) {
        if (!reader_.is_complete()) keep_alive_ = false;
        send(std::move(response));
    }

    /// Calls `go_on` on this connection unless the route's access hook refuses the request. `go_on`
    /// does not keep the connection alive.
    template <class GoOn>
    void ask_access(const Route &route, const std::string &path, GoOn go_on) {
        route_ = route;
        if (!route->options.access) return go_on(route);
        stream_.expires_never();
        const unsigned question = ++question_;
        const auto decide = [self = shared_from_this(), question, route,
                             go_on](std::optional<HttpResponse> refusal) {
            if (question != self->question_) return; // already decided
            ++self->question_;
            self->access_timer_.reset();
            if (refusal) return self->answer_unread(std::move(*refusal));
            go_on(route);
        };
        access_timer_.emplace(stream_.get_executor(), http_access_timeout);
        access_timer_->async_wait([decide](error_code ec) {
            if (!ec) decide(http_error(503, "The authorization timed out."));
        });
        route->options.access(request(path), [self = shared_from_this(),
                                              decide](std::optional<HttpResponse> refusal) {
            asio::dispatch(
                self->stream_.get_executor(),
                [decide, refusal = std::move(refusal)]() mutable { decide(std::move(refusal)); });
        });
    }

    void read_body(const Route &route, const std::string &path) {
        if (reader_.is_complete()) return answer(path);
        reader_.read_body(std::min(route->options.max_body, max_body),
                          [self = shared_from_this(), path](std::optional<HttpResponse> refusal) {
                              if (refusal) return self->refuse(std::move(*refusal));
                              self->answer(path);
                          });
    }

    void answer(const std::string &path) {
        if (navigation_ && is_navigation(reader_.message()))
            return handle(std::make_shared<const HttpRoute>(HttpRoute{navigation_, {}}), path);
        if (!is_stream(path) && !starts_something(path)) return ask_demand(path, mark_);
        if (head_ && routes_->stream(path)) return reach(path, mark_);
        ask_watches(path, mark_);
    }

    /// Whether the path is, or may become, a stream that occupies its connection.
    bool is_stream(const std::string &path) const {
        return routes_->stream(path) ||
               (!path.ends_with(".m3u8") && routes_->rules->demand_for(path.substr(1)));
    }

    /// Whether this request would start the pipeline of a playlist.
    bool starts_something(const std::string &path) const {
        const auto demand = routes_->rules->demand_for(path.substr(1));
        return demand && !demand->is_ready(path.substr(1));
    }

    /// Nothing may be started for the viewer before these watchers have allowed it.
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
        PeerInfo peer = viewer_info(reader_.message(), mark);
        peer.address = peer_;
        peer.path = path.substr(1);
        peer.is_encrypted = routes_->tls != nullptr;
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
                    // The URL of a stream that has ended is still answered by its mount.
                    if (go_on || self->routes_->has(path))
                        self->reach(path, mark);
                    else
                        self->send(http_error(404, "No such stream: " + reason));
                });
            });
    }

    /// `mark`: offset of the query in the target.
    void reach(const std::string &path, size_t mark) {
        if (auto stream = routes_->stream(path)) return play(std::move(stream), path, mark);
        const auto route = routes_->find(path);
        if (!route) return send(not_found(request(path), routes_->like(path)));
        if (route == route_) return handle(route, path);
        // The route was created on demand, so its access hook has not been asked yet.
        cors_ = cors_headers(route->options.cors, header("Origin"));
        if (!route->takes(header_text(reader_.message().method_string())))
            return send(route->wrong_method());
        ask_access(route, path, [this, path](const auto &asked) { handle(asked, path); });
    }

    void handle(const Route &route, const std::string &path) {
        HttpRequest asked = request(path);
        asked.body = reader_.take_body();
        if (was_asked_) asked.admission = std::make_shared<Admission>(std::move(admission_));
        stream_.expires_never(); // the handler has a deadline of its own
        asked.on_leave = [self = shared_from_this(), turn = ++turn_](std::function<void()> gone) {
            asio::dispatch(self->stream_.get_executor(),
                           [self, turn, gone = std::move(gone)]() mutable {
                               self->wait_for_leave(turn, std::move(gone));
                           });
        };
        route->handler(
            asked, [self = shared_from_this(),
                    answered = std::make_shared<std::atomic<bool>>(false)](HttpResponse response) {
                if (answered->exchange(true)) {
                    if (response.streamed)
                        response.streamed->close("the request is answered already");
                    return;
                }
                asio::dispatch(self->stream_.get_executor(),
                               [self, response = std::move(response)]() mutable {
                                   self->send(std::move(response));
                               });
            });
    }

    /// Until request `turn` is answered, a client that leaves is noticed.
    void wait_for_leave(unsigned turn, std::function<void()> gone) {
        if (turn != turn_) return; // it is answered already
        holding_ = true;
        gone_ = std::move(gone);
        if (!watching_) watch();
    }

    static std::string header_text(beast::string_view text) { return {text.data(), text.size()}; }
    std::string header(std::string_view name) const {
        return header_text(reader_.message()[beast::string_view(name.data(), name.size())]);
    }

    HttpRequest request(const std::string &path) const {
        const auto &message = reader_.message();
        HttpRequest request;
        request.method = header_text(message.method_string());
        request.path = path;
        const std::string_view target(message.target().data(), message.target().size());
        if (mark_ != target.npos) request.query = target.substr(mark_ + 1);
        request.peer = peer_;
        request.loop = loop_;
        request.is_encrypted = routes_->tls != nullptr;
        request.header = [self = shared_from_this()](std::string_view name) {
            return self->header(name);
        };
        return request;
    }

    /// Turns the connection into a viewer's; this object gives up the socket.
    void play(std::shared_ptr<HttpStream> stream, const std::string &path, size_t mark) {
        const auto &message = reader_.message();
        // A stream has no ranges, but some players request all of it as one.
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
        if (is_websocket(message)) {
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
        if (!routes_->viewers->is_full()) request.place = routes_->viewer_hosts->enter(peer_);
        if (!request.place) return send(http_retry("Too many are connected; try again.", 5));
        request.peer = peer_info(path, mark);
        request.is_http_1_1 = message.version() >= 11;
        request.keep_alive = keep_alive_ && request.is_http_1_1;
        request.titles = message["Icy-MetaData"] == "1";
        request.admission = std::move(admission_);
        stream_.expires_never();
        const auto early = reader_.rest();
        auto [socket, tls] = stream_.release();
        request.tls = std::move(tls);
        std::make_shared<HttpViewer>(std::move(socket), loop_, std::move(stream), routes_->viewers,
                                     std::move(request))
            ->start(ByteView(static_cast<const uint8_t *>(early.data()), early.size()));
    }

    std::string head_of(const HttpResponse &response, HttpHeadOptions::Length length) const {
        return response_head(response, {version_, keep_alive_, length,
                                        varies_ ? "Accept, Sec-Fetch-Dest" : "", cors_});
    }

    /// `endless`: the headers of a response of unknown length.
    void send(HttpResponse response, bool endless = false) {
        ++turn_;
        gone_ = nullptr;
        if (routes_->closing() || refused_) keep_alive_ = false;
        const bool bodiless = head_ || response.status == 204 || response.status == 304;
        if (response.streamed && !bodiless) return stream(std::move(response));
        const bool chunked = response.streamed && version_ >= 11;
        std::string head = head_of(response, chunked                        ? Length::chunked
                                             : endless || response.streamed ? Length::unknown
                                                                            : Length::of_body);
        if (response.streamed) response.streamed->close("the answer has no body");
        writer_->send(std::move(head), bodiless ? Bytes() : std::move(response.body),
                      [self = shared_from_this()](error_code ec) { self->sent(ec); });
    }

    /// Sends a produced body, and detects when the client leaves meanwhile.
    void stream(HttpResponse response) {
        const bool chunked = version_ >= 11;
        if (!chunked) keep_alive_ = false;
        streaming_ = true;
        holding_ = false;
        writer_->stream(head_of(response, chunked ? Length::chunked : Length::unknown),
                        response.streamed, chunked, [self = shared_from_this()](error_code ec) {
                            self->streaming_ = false;
                            if (ec) self->stream_.cancel(); // ends the waiting for the client
                            self->sent(ec);
                        });
        if (streaming_ && !watching_) watch();
    }

    void watch() {
        watching_ = true;
        reader_.watch([self = shared_from_this()](error_code ec) {
            self->watching_ = false;
            if (self->holding_) {
                // When the server ends, nothing is left to wait for.
                if (!ec && !self->routes_->closing()) return self->watch();
                if (const auto gone = std::exchange(self->gone_, nullptr)) gone();
                return;
            }
            if (!self->streaming_) { // the received data are the next request
                self->reading_ = false;
                return !ec && self->keep_alive_ ? self->read() : void();
            }
            if (!ec) return self->watch();
            self->writer_->close(ec == asio::error::no_buffer_space ? "the client sends too much"
                                                                    : "the client has left");
        });
    }

    void sent(error_code ec) {
        if (ec && std::exchange(holding_, false)) stream_.cancel(); // ends the watch
        holding_ = false;
        if (ec) return void(keep_alive_ = false);
        if (!keep_alive_) return end();
        if (!watching_) return read();
        // The next request is already being read, at least in part.
        reading_ = true;
        stream_.expires_after(idle_timeout);
        if (reader_.rest().size() > 0) stream_.cancel();
    }

    void end() {
        stream_.shutdown();
        if (reader_.is_complete() && !watching_) return;
        stream_.expires_after(linger_timeout);
        if (!watching_) reader_.discard([self = shared_from_this()] {});
    }

    const std::unique_ptr<WaitingRoom::Seat> place_;
    const size_t loop_;
    // Destruction order: the stream before the loops that it uses.
    std::shared_ptr<Loops> loops_;
    std::shared_ptr<HttpRoutes> routes_;
    const std::string peer_;
    HttpSocket stream_;
    HttpRequestReader reader_;
    const std::shared_ptr<HttpResponseWriter> writer_;
    // State of the current request:
    size_t mark_ = 0; ///< offset of the query in the target
    Route route_;     ///< the route whose hook has allowed it
    HttpHandler navigation_;
    HttpHeaders cors_;
    unsigned version_ = 11;
    bool keep_alive_ = false;
    bool varies_ = false; ///< the response may depend on Accept or Sec-Fetch-Dest
    bool head_ = false;
    unsigned question_ = 0; ///< changes with each call of an access hook and each verdict
    std::optional<Timer> access_timer_;

    bool reading_ = false;       ///< waiting for a request
    bool streaming_ = false;     ///< sending a produced body
    bool holding_ = false;       ///< the answer takes its time, or is being sent after that
    bool watching_ = false;      ///< during either: waiting for data from the client
    unsigned turn_ = 0;          ///< changes with each request and each answer
    std::function<void()> gone_; ///< called when the client leaves before its answer
    const bool refused_;         ///< too many connections
    Admission admission_;        ///< of the current request
    bool was_asked_ = false;     ///< the admission has asked watchers
};

} // namespace

void HttpConnection::start(tcp::socket &&socket, size_t loop, std::shared_ptr<HttpRoutes> routes,
                           std::shared_ptr<Loops> loops) {
    if (routes->connections >= HttpRoutes::max_connections + HttpRoutes::max_refused) {
        routes->refusals.refused(endpoint_name(socket), "too many connections");
        return;
    }
    auto place = routes->hosts->enter(endpoint_name(socket));
    if (!place)
        return routes->refusals.refused(endpoint_name(socket),
                                        "its host has " + std::to_string(HttpRoutes::max_per_host) +
                                            " connections already");
    std::make_shared<Connection>(std::move(socket), loop, std::move(routes), std::move(loops),
                                 std::move(place))
        ->start();
}

} // namespace penstock::net

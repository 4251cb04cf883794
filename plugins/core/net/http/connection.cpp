// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/http/connection.h"

#include "core/net/http/exchange.h"
#include "core/net/http/http2_connection.h"
#include "core/net/http/request_reader.h"
#include "core/net/http/response_head.h"
#include "core/net/http/response_writer.h"
#include "core/net/http/viewer_info.h"
#include "core/net/loop/log.h"

#include <optional>
#include <utility>

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

std::shared_ptr<const HttpSide> side_of(tcp::socket &socket, size_t loop,
                                        std::shared_ptr<HttpRoutes> routes,
                                        std::shared_ptr<Loops> loops) {
    return std::make_shared<const HttpSide>(HttpSide{std::move(loops), loop, socket.get_executor(),
                                                     std::move(routes), endpoint_name(socket)});
}

class Connection final : public HttpExchange {
public:
    Connection(tcp::socket &&socket, const std::shared_ptr<const HttpSide> &side,
               std::unique_ptr<WaitingRoom::Seat> place)
        : HttpExchange(side, ++side->routes->connections > HttpRoutes::max_connections),
          place_(std::move(place)), routes_(side->routes), stream_(std::move(socket)) {}
    ~Connection() override {
        routes_->forget(this);
        --routes_->connections;
    }

    void start() {
        routes_->on_close(this, [weak = weak_from_this()] {
            const auto self = std::static_pointer_cast<Connection>(weak.lock());
            if (!self) return;
            asio::post(self->stream_.get_executor(), [self] {
                if (self->reading_) self->stream_.cancel();
                if (self->streaming_) self->end_stream("the server ends");
                if (self->gone_) self->stream_.cancel();
            });
        });
        routes_->tls ? start_tls() : read();
    }

private:
    using Length = HttpHeadOptions::Length;

    std::shared_ptr<Connection> self() {
        return std::static_pointer_cast<Connection>(shared_from_this());
    }

    // --- TLS --------------------------------------------------------------------------------

    void start_tls() {
        if (routes_->closing()) return;
        reading_ = true;
        stream_.expires_after(handshake_timeout);
        stream_.start_tls(*routes_->tls,
                          [self = self()](error_code ec, HttpSocket::Greeting greeting,
                                          const std::string &reason) {
                              self->reading_ = false;
                              self->greeted(ec, greeting, reason);
                          });
    }

    void greeted(error_code ec, HttpSocket::Greeting greeting, const std::string &reason) {
        if (ec == asio::error::eof || ec == asio::error::operation_aborted) return;
        if (!ec && greeting == HttpSocket::Greeting::tls)
            return stream_.protocol() == "h2" ? continue_as_http2() : read();
        if (!ec && greeting == HttpSocket::Greeting::http) return read(true);
        const std::string what = ec == beast::error::timeout ? "no TLS handshake in time"
                                 : !ec                       ? "this is no TLS"
                                 : reason.empty()            ? ec.message()
                                                             : reason;
        log(LogLevel::info, "http", "[" + side().peer + "] TLS: " + what);
    }

    /// This object gives up the socket.
    void continue_as_http2() {
        auto [socket, tls] = stream_.release();
        std::make_shared<Http2Connection>(std::move(socket), std::move(tls), shared_side(),
                                          is_refused(), std::move(place_))
            ->start();
    }

    /// Refuses plain HTTP on a TLS port. Unread data would make the client lose the response.
    void refuse_plain() {
        log(LogLevel::info, "http", "[" + side().peer + "] plain HTTP where https:// is served");
        refuse(http_error(400, "This port serves https:// only."));
    }

    // --- the request ------------------------------------------------------------------------

    /// `plain`: the request is always refused.
    void read(bool plain = false) {
        if (routes_->closing()) return;
        reading_ = true;
        stream_.expires_after(idle_timeout);
        if (reader_ && reader_->rest().size() > 0) return read_header(plain);
        // A client may be silent for long: until it is not, the connection has no parser and no
        // buffer.
        reader_ = nullptr;
        stream_.async_wait_readable([self = self(), plain](error_code ec) {
            if (!ec) return self->read_header(plain);
            self->reading_ = false;
            self->log_end(ec);
        });
    }

    void read_header(bool plain) {
        if (!reader_) reader_ = std::make_unique<HttpRequestReader>(stream_, routes_->bodies);
        reader_->read_header([self = self(), plain](error_code ec) {
            self->reading_ = false;
            self->on_header(ec, plain);
        });
    }

    void log_end(error_code ec) const {
        if (ec != http::error::end_of_stream && ec != beast::error::timeout &&
            ec != asio::error::operation_aborted)
            log(LogLevel::debug, "http", "[" + side().peer + "] " + ec.message());
    }

    void on_header(error_code ec, bool plain) {
        const auto &message = reader_->message();
        keep_alive_ = !ec && message.keep_alive();
        version_ = message.version() == 10 ? 10 : 11;
        renew();
        if (auto refusal = reader_->refusal(ec)) return refuse(std::move(*refusal));
        if (ec) return log_end(ec);
        if (plain) return refuse_plain();
        begin();
    }

    static std::string text_of(beast::string_view text) { return {text.data(), text.size()}; }
    std::string method() const override { return text_of(reader_->message().method_string()); }
    std::string_view target() const override {
        const auto target = reader_->message().target();
        return {target.data(), target.size()};
    }
    std::string header(std::string_view name) const override {
        if (!reader_) return {}; // the request is answered
        return text_of(reader_->message()[beast::string_view(name.data(), name.size())]);
    }
    bool is_websocket() const override { return net::is_websocket(reader_->message()); }
    bool has_body() const override { return reader_->is_complete(); }
    void read_body(size_t limit, std::function<void(std::optional<HttpResponse>)> done) override {
        reader_->read_body(limit, std::move(done));
    }
    Bytes take_body() override { return reader_->take_body(); }
    // The request stays in the parser: nothing else is read until it is answered.
    void hold() override { stream_.expires_never(); }
    void end_with_answer() override { keep_alive_ = false; }

    /// Until the request is answered, a client that leaves is noticed.
    void watch(std::function<void()> gone) override {
        holding_ = true;
        gone_ = std::move(gone);
        if (!watching_) look();
    }

    // --- a stream's viewer ------------------------------------------------------------------

    std::optional<HttpResponse> refuse_viewer() const override {
        if (!is_websocket()) return std::nullopt;
        const auto &message = reader_->message();
        const size_t key = message[http::field::sec_websocket_key].size();
        if (message[http::field::sec_websocket_version] == "13" && message.version() >= 11 &&
            key == 24)
            return std::nullopt;
        auto refused =
            http_error(key == 24 ? 426 : 400, "This WebSocket handshake is not understood.");
        refused.headers = {{"Sec-WebSocket-Version", "13"}};
        return refused;
    }

    /// This object gives up the socket.
    void play(std::shared_ptr<HttpStream> stream, HttpPlayRequest request) override {
        const auto &message = reader_->message();
        if (is_websocket()) request.websocket_key = header("Sec-WebSocket-Key");
        request.is_http_1_1 = message.version() >= 11;
        request.keep_alive = keep_alive_ && request.is_http_1_1;
        const auto early = reader_->rest();
        auto [socket, tls] = stream_.release();
        request.tls = std::move(tls);
        std::make_shared<HttpViewer>(std::move(socket), side().loop, std::move(stream),
                                     routes_->viewers, std::move(request))
            ->start(ByteView(static_cast<const uint8_t *>(early.data()), early.size()));
    }

    // --- the answer -------------------------------------------------------------------------

    std::string head_of(const HttpResponse &response, Length length) const {
        return response_head(response, {version_, keep_alive_, length, vary(), cors()});
    }

    void send(HttpResponse response, bool endless = false) override {
        close_question();
        gone_ = nullptr;
        if (routes_->closing() || is_refused()) keep_alive_ = false;
        const bool bodiless = is_head() || response.status == 204 || response.status == 304;
        if (response.streamed && !bodiless) return stream(std::move(response));
        const bool chunked = response.streamed && version_ >= 11;
        std::string head = head_of(response, chunked                        ? Length::chunked
                                             : endless || response.streamed ? Length::unknown
                                                                            : Length::of_body);
        if (response.streamed) response.streamed->close("the answer has no body");
        writer_ = std::make_shared<HttpResponseWriter>(stream_);
        writer_->send(std::move(head), bodiless ? Bytes() : std::move(response.body),
                      [self = self()](error_code ec) { self->sent(ec); });
    }

    /// Sends a produced body, and detects when the client leaves meanwhile.
    void stream(HttpResponse response) {
        const bool chunked = version_ >= 11;
        if (!chunked) keep_alive_ = false;
        streaming_ = true;
        holding_ = false;
        const auto writer = writer_ = std::make_shared<HttpResponseWriter>(stream_);
        writer->stream(head_of(response, chunked ? Length::chunked : Length::unknown),
                       response.streamed, chunked, [self = self()](error_code ec) {
                           self->streaming_ = false;
                           if (ec) self->stream_.cancel(); // ends the waiting for the client
                           self->sent(ec);
                       });
        if (streaming_ && !watching_) look();
    }

    void end_stream(const std::string &reason) {
        const auto writer = writer_; // sent() lets go of it
        writer->close(reason);
    }

    /// Waits for what the client sends before it has its answer.
    void look() {
        watching_ = true;
        reader_->watch([self = self()](error_code ec) {
            self->watching_ = false;
            if (self->holding_) {
                // When the server ends, nothing is left to wait for.
                if (!ec && !self->routes_->closing()) return self->look();
                if (const auto gone = std::exchange(self->gone_, nullptr)) gone();
                return;
            }
            if (!self->streaming_) { // the received data are the next request
                self->reading_ = false;
                return !ec && self->keep_alive_ ? self->read() : void();
            }
            if (!ec) return self->look();
            self->end_stream(ec == asio::error::no_buffer_space ? "the client sends too much"
                                                                : "the client has left");
        });
    }

    void sent(error_code ec) {
        writer_ = nullptr;
        if (ec && std::exchange(holding_, false)) stream_.cancel(); // ends the watch
        holding_ = false;
        if (ec) return void(keep_alive_ = false);
        if (!keep_alive_) return end();
        if (!watching_) return read();
        // The next request is already being read, at least in part.
        reading_ = true;
        stream_.expires_after(idle_timeout);
        if (reader_->rest().size() > 0) stream_.cancel();
    }

    void end() {
        stream_.shutdown();
        if (reader_->is_complete() && !watching_) return;
        stream_.expires_after(linger_timeout);
        if (!watching_) reader_->discard([self = self()] {});
    }

    std::unique_ptr<WaitingRoom::Seat> place_;
    const std::shared_ptr<HttpRoutes> routes_;
    HttpSocket stream_;
    std::unique_ptr<HttpRequestReader> reader_;  ///< from a request's first byte on
    std::shared_ptr<HttpResponseWriter> writer_; ///< of an answer that is being sent
    unsigned version_ = 11;                      ///< of the current request
    bool keep_alive_ = false;

    bool reading_ = false;       ///< waiting for a request
    bool streaming_ = false;     ///< sending a produced body
    bool holding_ = false;       ///< the answer takes its time, or is being sent after that
    bool watching_ = false;      ///< during either: waiting for data from the client
    std::function<void()> gone_; ///< called when the client leaves before its answer
};

} // namespace

void HttpConnection::start(tcp::socket &&socket, size_t loop, std::shared_ptr<HttpRoutes> routes,
                           std::shared_ptr<Loops> loops) {
    if (routes->connections >= HttpRoutes::max_connections + HttpRoutes::max_refused) {
        routes->refusals.refused(endpoint_name(socket), "too many connections");
        return;
    }
    const auto side = side_of(socket, loop, routes, std::move(loops));
    auto place = routes->hosts->enter(side->peer);
    if (!place)
        return routes->refusals.refused(side->peer, "its host has " +
                                                        std::to_string(HttpRoutes::max_per_host) +
                                                        " connections already");
    std::make_shared<Connection>(std::move(socket), side, std::move(place))->start();
}

} // namespace penstock::net

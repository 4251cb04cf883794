// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/http/live/viewer.h"

#include "core/flv/enhanced.h"
#include "core/net/loop/address.h"
#include "core/net/loop/clock.h"
#include "core/net/loop/keepalive.h"

#include <boost/asio/post.hpp>

#include <array>
#include <cerrno>
#include <utility>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <openssl/sha.h>

namespace penstock::net {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

constexpr uint64_t pong_interval_ms = 1'000;
constexpr size_t max_unasked = 64 << 10;

/// One buffer per thread, since viewers have none of their own.
std::array<uint8_t, 16 << 10> &scratch() {
    thread_local std::array<uint8_t, 16 << 10> buffer;
    return buffer;
}

/// The value of Sec-WebSocket-Accept, RFC 6455 4.2.2.
std::string accept_of(const std::string &key) {
    const std::string text = key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    std::array<uint8_t, SHA_DIGEST_LENGTH> digest{};
    SHA1(reinterpret_cast<const uint8_t *>(text.data()), text.size(), digest.data());
    std::array<uint8_t, 32> encoded{};
    const int size = EVP_EncodeBlock(encoded.data(), digest.data(), int(digest.size()));
    return {reinterpret_cast<const char *>(encoded.data()), size_t(size)};
}

} // namespace

// --- the answer ---------------------------------------------------------------------------

std::string stream_headers(const HttpStream &stream) {
    return "Content-Type: " + stream.format().content_type + "\r\nAccept-Ranges: none\r\n";
}

HttpViewer::HttpViewer(tcp::socket &&socket, size_t loop, std::shared_ptr<HttpStream> stream,
                       std::shared_ptr<Roster> viewers, HttpPlayRequest request)
    : Viewer(stream->loops(), loop), socket_(std::move(socket)), tls_(std::move(request.tls)),
      stream_(std::move(stream)), viewers_(std::move(viewers)), peer_(std::move(request.peer)),
      admission_(std::move(request.admission)), place_(std::move(request.place)),
      websocket_key_(std::move(request.websocket_key)) {
    static std::atomic<uint64_t> next{1};
    peer_.protocol = websocket_key_.empty() ? "http" : "websocket";
    peer_.id = (websocket_key_.empty() ? "http-play-" : "ws-play-") + std::to_string(next++);
    // mpegts.js and older players give up at these tags.
    if (query_value(peer_.query, "enhanced") != "1") takes_ = flv::feature::none;
    if (!websocket_key_.empty()) {
        frames_ = std::make_unique<http::FrameReader>();
        framing_ = fanout::Framing::websocket;
        return;
    }
    says_close_ = !request.keep_alive;
    if (request.titles && stream_->format().titles) {
        icy_ = std::make_unique<fanout::IcyState>(); // counts bytes, which chunks would confuse
        says_close_ = true;
    } else if (request.is_http_1_1) {
        // Only the last chunk tells a player that the stream has ended and was not cut off.
        framing_ = fanout::Framing::chunked;
    }
}

HttpViewer::~HttpViewer() = default;

void HttpViewer::say(LogLevel level, const std::string &text) const {
    log(level, "http", "[" + peer_.id + " " + peer_.address + " " + stream_->path() + "] " + text);
}

void HttpViewer::start(ByteView early) {
    keep_alive(socket_.native_handle());
    viewers_->add(shared_from_this());
    join(stream_, socket_.native_handle());
    say(LogLevel::info, "plays (" + peer_.client + ")");
    admission_.enter(peer_);
    pump_alone();
    if (!closed_ && !early.empty()) take(early);
    wait_readable();
}

void HttpViewer::push_text(std::string_view text) {
    outlet_.push(fanout::plain_packet(Bytes::copy_of(text)));
}

void HttpViewer::answer() {
    answered_ = true;
    if (is_websocket()) {
        push_text("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                  "Connection: Upgrade\r\nSec-WebSocket-Accept: " +
                  accept_of(std::exchange(websocket_key_, {})) + "\r\n\r\n");
        return;
    }
    std::string head = "HTTP/1.1 200 OK\r\nServer: Penstock\r\nAccess-Control-Allow-Origin: *\r\n"
                       "X-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\n" +
                       stream_headers(*stream_);
    if (icy_)
        head += "icy-metaint: " + std::to_string(fanout::IcyState::interval) +
                "\r\nicy-name: " + stream_->name() + "\r\n";
    if (framing_ == fanout::Framing::chunked) head += "Transfer-Encoding: chunked\r\n";
    if (says_close_) head += "Connection: close\r\n";
    head += "\r\n";
    if (icy_) icy_->head = head.size();
    push_text(head);
}

/// A viewer may have stayed from an earlier producer: the watcher of this one decides about it as
/// about those that come later.
bool HttpViewer::is_admitted() {
    if (stream_->epoch() == admission_.epoch()) return true;
    if (admission_.is_open()) return false;
    admission_.ask_again(socket_.get_executor(), stream_->authority(), peer_,
                         [weak = weak_from_this()](bool allowed, const std::string &reason) {
                             const auto self = weak.lock();
                             if (!self || self->closed_) return;
                             if (!allowed) return self->deny(reason);
                             self->pump_alone();
                         });
    return stream_->epoch() == admission_.epoch();
}

void HttpViewer::deny(const std::string &reason) {
    if (!answered_ && !waiting_) {
        push_text("HTTP/1.1 403 Forbidden\r\nServer: Penstock\r\nConnection: close\r\n"
                  "Access-Control-Allow-Origin: *\r\nCache-Control: no-store\r\n"
                  "Content-Type: text/plain\r\nContent-Length: 13\r\n\r\nNot allowed.\n");
        send_own();
    }
    close_now(LogLevel::warning, "refused to play: " + reason);
}

// --- sending ------------------------------------------------------------------------------

fanout::Outlet::Status HttpViewer::write(const fanout::Outlet::Source &source,
                                         fanout::BatchCache &cache, uint64_t &sent, int &error) {
    fanout::SocketWire socket(socket_.native_handle());
    fanout::Wire &below = tls_ ? static_cast<fanout::Wire &>(*tls_) : socket;
    // First goes what was encrypted when the socket was full.
    if (tls_ && tls_->flush() < 0) {
        error = errno;
        return error == EAGAIN || error == EWOULDBLOCK ? fanout::Outlet::Status::blocked
                                                       : fanout::Outlet::Status::failed;
    }
    const auto send_to = [&](fanout::Wire &wire) {
        const auto status = outlet_.send(wire, source, cache, sent, error);
        return status == fanout::Outlet::Status::idle && tls_ && tls_->has_unsent()
                   ? fanout::Outlet::Status::blocked
                   : status;
    };
    if (!icy_) return send_to(below);
    const auto title = [](void *stream, unsigned &version) -> std::optional<std::string> {
        const auto &of = *static_cast<const HttpStream *>(stream);
        const unsigned newest = of.title_version();
        if (std::exchange(version, newest) == newest) return std::nullopt;
        return of.title();
    };
    fanout::IcyWire wire(below, *icy_, title, stream_.get());
    return send_to(wire);
}

/// Sends the content of the outlet, without packets of the stream.
void HttpViewer::send_own() {
    uint64_t sent = 0;
    int error = 0;
    write({}, loops_->pacer(loop_).cache(), sent, error);
}

bool HttpViewer::prepare(fanout::Outlet::Source &source, bool admitted) {
    if (!admitted) return false;
    if (!answered_) answer();
    if (!began_ && !is_told()) {
        if (const auto prologue = stream_->prologue()) {
            began_ = true;
            if (*prologue) {
                std::vector<uint8_t> framed;
                (*prologue)->each_piece(framing_, [&](ByteView piece) {
                    framed.insert(framed.end(), piece.begin(), piece.end());
                });
                outlet_.push(fanout::private_packet(std::move(framed)));
            }
        }
    }
    if (has_pong_ && !is_told()) send_pong();
    if (!began_) source = {};
    return true;
}

void HttpViewer::wait_writable(fanout::Outlet::Status) {
    socket_.async_wait(tcp::socket::wait_write, [self = shared_from_this()](error_code ec) {
        if (!ec) self->pump_again();
    });
}

/// For what TLS has to say, which is sent before anything else.
void HttpViewer::wait_for_room() {
    waiting_ = true;
    wait_writable(fanout::Outlet::Status::blocked);
}

/// A peer that does not read gets one at a time: the newest counts, RFC 6455 section 5.5.3.
void HttpViewer::send_pong() {
    const uint64_t now = steady_ms();
    if (!outlet_.empty() && now - pong_at_ < pong_interval_ms) return;
    pong_at_ = now;
    has_pong_ = false;
    outlet_.push(
        fanout::private_packet(http::control_frame(http::Opcode::pong, std::exchange(pong_, {}))));
}

// --- reading ------------------------------------------------------------------------------

void HttpViewer::wait_readable() {
    if (reading_ || closed_) return;
    reading_ = true;
    auto readable = [self = shared_from_this()](error_code ec) {
        self->reading_ = false;
        if (self->closed_ || ec == asio::error::operation_aborted) return;
        self->read();
    };
    // Data that TLS has already decrypted causes no event on the socket.
    if (tls_ && tls_->has_pending())
        asio::post(socket_.get_executor(), [readable] { readable({}); });
    else
        socket_.async_wait(tcp::socket::wait_read, std::move(readable));
}

void HttpViewer::read() {
    auto &buffer = scratch();
    error_code ec;
    const auto read_tls = [&]() -> size_t {
        const ssize_t got = tls_->read(buffer.data(), buffer.size());
        if (got == 0) ec = asio::error::eof;
        if (got < 0) ec = error_code(errno, boost::system::system_category());
        return got > 0 ? static_cast<size_t>(got) : 0;
    };
    const size_t size = tls_ ? read_tls() : socket_.read_some(asio::buffer(buffer), ec);
    if (ec && ec != asio::error::would_block)
        return close_now(LogLevel::info,
                         reason_or(ec == asio::error::eof ? "disconnected" : ec.message()));
    if (!ec) take(ByteView(buffer.data(), size));
    // The peer may have asked for other keys.
    if (tls_ && !closed_ && tls_->has_unsent() && !waiting_) wait_for_room();
    wait_readable();
}

void HttpViewer::take(ByteView input) {
    if (!is_websocket()) {
        unasked_ += input.size();
        if (unasked_ > max_unasked) close_now(LogLevel::warning, "closed: unexpected data");
        return;
    }
    const Result result = frames_->feed(input, *this);
    if (closed_) return;
    if (result.is_error()) {
        push_goodbye(http::close_code::protocol_error);
        return close_now(LogLevel::warning, "closed: " + result.reason());
    }
    if (has_pong_) pump_alone();
}

void HttpViewer::on_ping(ByteView payload) {
    pong_.assign(payload.begin(), payload.end());
    has_pong_ = true;
}

void HttpViewer::on_close(uint16_t code) {
    push_goodbye(code != 0 ? code : http::close_code::normal);
    close_now(LogLevel::info, reason_or("disconnected"));
}

// --- ending -------------------------------------------------------------------------------

void HttpViewer::check(uint64_t now_ms) {
    if (admission_.is_over(now_ms)) {
        push_goodbye(http::close_code::going_away);
        return close_now(LogLevel::info, "closed: its authorization has expired");
    }
    if (!check_end(now_ms, stream_->wait_ms())) check_stall(now_ms);
}

/// Queues the proper end of the answer.
void HttpViewer::push_end(uint16_t code) {
    if (is_websocket())
        outlet_.push(fanout::private_packet(http::close_frame(code)));
    else if (framing_ == fanout::Framing::chunked)
        push_text("0\r\n\r\n");
}

/// The same at once, if all before it is sent.
void HttpViewer::push_goodbye(uint16_t code) {
    if (!answered_ || waiting_ || is_told() || !outlet_.empty()) return;
    push_end(code);
    send_own();
}

/// The peer closes when it has read all. Its end of the connection stays open until then: data that
/// is still on its way to the peer would be lost with both.
void HttpViewer::finish() {
    if (tls_) tls_->shutdown();
    error_code ec;
    socket_.shutdown(tcp::socket::shutdown_send, ec);
}

void HttpViewer::close_now(LogLevel level, const std::string &reason) {
    if (std::exchange(closed_, true)) return;
    const auto self = shared_from_this();
    part();
    admission_.leave(peer_, reason);
    say(level, reason);
    if (tls_) tls_->shutdown();
    error_code ec;
    socket_.shutdown(tcp::socket::shutdown_both, ec);
    socket_.close(ec);
    viewers_->remove(self);
    place_.reset();
}

void HttpViewer::close(const std::string &reason) {
    asio::post(socket_.get_executor(), [self = shared_from_this(), reason] {
        if (self->closed_) return;
        self->push_goodbye(http::close_code::going_away);
        self->close_now(LogLevel::info, "closed: " + reason);
    });
}

} // namespace penstock::net

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "rtc/http_call.h"

#include "core/net/loop/clock.h"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

namespace penstock::rtc {
namespace {

namespace http_wire = boost::beast::http;

constexpr uint32_t max_header = 16 << 10;
constexpr uint64_t max_body = 128 << 10;

std::string formatted(const HttpCall &call) {
    std::string out =
        std::string(call.method) + " " + call.url.target +
        " HTTP/1.1\r\nHost: " + call.url.authority() +
        "\r\nUser-Agent: Penstock\r\nConnection: close\r\nAccept: application/sdp\r\n";
    if (!call.token.empty()) out += "Authorization: Bearer " + call.token + "\r\n";
    if (!call.content_type.empty())
        out += "Content-Type: " + call.content_type +
               "\r\nContent-Length: " + std::to_string(call.body.size()) + "\r\n";
    return out + "\r\n" + call.body;
}

/// A connection on which nothing waits longer than the deadline, or after a cancellation.
class Wire {
public:
    Wire(GCancellable *cancel, uint64_t timeout_ms)
        : cancel_(cancel), deadline_ms_(net::steady_ms() + timeout_ms) {}

    bool connect(const HttpCall &call, const net::TlsClient *tls) {
        const GObjectPtr<GSocketClient> client(g_socket_client_new());
        // Of each address: one that does not answer leaves time for the next.
        g_socket_client_set_timeout(client.get(), guint(std::max<uint64_t>(left_ms() / 2000, 1)));
        g_socket_client_set_enable_proxy(client.get(), FALSE);
        GError *failure = nullptr;
        connection_.reset(g_socket_client_connect_to_host(client.get(), call.url.host.c_str(),
                                                          call.url.port, cancel_, &failure));
        if (!connection_) {
            const std::unique_ptr<GError, decltype(&g_error_free)> owned(failure, g_error_free);
            return fail(g_cancellable_is_cancelled(cancel_) ? "cancelled" : failure->message);
        }
        fd_ = g_socket_get_fd(g_socket_connection_get_socket(connection_.get()));
        net::SocketAddress peer;
        peer.size = sizeof peer.storage;
        if (::getpeername(fd_, reinterpret_cast<sockaddr *>(&peer.storage), &peer.size) != 0)
            return fail(std::strerror(errno));
        reach = net::reach_of(peer);
        if (reach < call.nearest)
            return fail("a server elsewhere points to an address of this machine or its network");
        return !call.url.is_secure || greet(*tls, call.url.host);
    }

    bool write(const std::string &text) {
        for (size_t done = 0; done < text.size();) {
            iovec part{const_cast<char *>(text.data()) + done, text.size() - done};
            const ssize_t sent = tls_ ? tls_->write(&part, 1)
                                      : ::send(fd_, part.iov_base, part.iov_len, MSG_NOSIGNAL);
            if (sent > 0) done += size_t(sent);
            // A server may answer, and close, before it has read all.
            if (sent < 0 && (errno == EPIPE || errno == ECONNRESET)) return true;
            if (sent < 0 && errno != EAGAIN && errno != EINTR) return fail(std::strerror(errno));
            if (sent <= 0 && !wait(POLLOUT)) return false;
        }
        while (tls_ && tls_->has_unsent())
            if (tls_->flush() < 0 && (errno != EAGAIN || !wait(POLLOUT)))
                return errno == EAGAIN ? false : fail(std::strerror(errno));
        return true;
    }

    /// Returns 0 at the end, -1 on failure.
    ssize_t read(uint8_t *data, size_t size) {
        for (;;) {
            const ssize_t got = tls_ ? tls_->read(data, size) : ::recv(fd_, data, size, 0);
            if (got >= 0) return got;
            if (errno != EAGAIN && errno != EINTR) {
                fail(std::strerror(errno));
                return -1;
            }
            if (!wait(POLLIN)) return -1;
        }
    }

    std::string reason;
    net::Reach reach = net::Reach::machine;

private:
    bool fail(std::string text) {
        if (reason.empty()) reason = std::move(text);
        return false;
    }
    uint64_t left_ms() const {
        const uint64_t now = net::steady_ms();
        return now < deadline_ms_ ? deadline_ms_ - now : 0;
    }
    bool greet(const net::TlsClient &tls, const std::string &host) {
        using Step = net::TlsSession::Step;
        tls_ = tls.connect(fd_, host);
        for (;;) {
            const Step step = tls_->handshake();
            if (step == Step::done) return true;
            if (step == Step::failed) return fail(tls_->reason());
            if (!wait(step == Step::wants_read ? POLLIN : POLLOUT)) return false;
        }
    }
    bool wait(short events) {
        const uint64_t left = left_ms();
        pollfd fds[2] = {{fd_, events, 0}, {g_cancellable_get_fd(cancel_), POLLIN, 0}};
        const int ready = left > 0 ? ::poll(fds, fds[1].fd >= 0 ? 2 : 1, int(left)) : 0;
        if (fds[1].fd >= 0) g_cancellable_release_fd(cancel_);
        if (g_cancellable_is_cancelled(cancel_)) return fail("cancelled");
        if (ready < 0 && errno != EINTR) return fail(std::strerror(errno));
        return ready != 0 || fail("no answer in time");
    }

    GCancellable *const cancel_;
    const uint64_t deadline_ms_;
    GObjectPtr<GSocketConnection> connection_; ///< owns fd_, and outlives tls_
    int fd_ = -1;
    std::unique_ptr<net::TlsSession> tls_;
};

using Parser = http_wire::response_parser<http_wire::string_body>;

/// Feeds the parser until the answer is complete.
bool receive(Wire &wire, Parser &parser) {
    std::vector<uint8_t> bytes(2 * max_header);
    size_t filled = 0;
    boost::system::error_code failure;
    while (!parser.is_done()) {
        if (filled == bytes.size()) {
            wire.reason = "the answer's header is too long";
            return false;
        }
        const ssize_t got = wire.read(bytes.data() + filled, bytes.size() - filled);
        if (got < 0) return false;
        filled += size_t(got);
        size_t used = 0;
        while (used < filled && !parser.is_done()) {
            const size_t taken =
                parser.put(boost::asio::buffer(bytes.data() + used, filled - used), failure);
            used += taken;
            if (failure == http_wire::error::need_more || (!failure && taken == 0)) break;
            if (failure) break;
        }
        if (failure == http_wire::error::need_more) failure = {};
        if (got == 0 && !failure && !parser.is_done()) parser.put_eof(failure);
        if (failure) {
            wire.reason = got == 0 ? "the connection was closed before the answer"
                                   : "the answer is no HTTP: " + failure.message();
            return false;
        }
        std::copy(bytes.begin() + ptrdiff_t(used), bytes.begin() + ptrdiff_t(filled),
                  bytes.begin());
        filled -= used;
    }
    return true;
}

HttpReply reply_of(const Parser &parser, net::Reach reach) {
    const auto &message = parser.get();
    const auto header = [&](http_wire::field name) {
        const auto value = message[name];
        return std::string(value.data(), value.size());
    };
    HttpReply out{message.result_int(),
                  header(http_wire::field::location),
                  header(http_wire::field::content_type),
                  header(http_wire::field::retry_after),
                  {},
                  message.body(),
                  reach};
    const auto links = message.equal_range(http_wire::field::link);
    for (auto link = links.first; link != links.second; ++link)
        out.links.emplace_back(link->value().data(), link->value().size());
    return out;
}

} // namespace

std::optional<HttpReply> make_call(const HttpCall &call, const net::TlsClient *tls,
                                   uint64_t timeout_ms, GCancellable *cancel, std::string *error) {
    Wire wire(cancel, timeout_ms);
    Parser parser;
    parser.eager(true);
    parser.header_limit(max_header);
    parser.body_limit(max_body);
    if (!wire.connect(call, tls) || !wire.write(formatted(call)) || !receive(wire, parser)) {
        *error = wire.reason;
        return std::nullopt;
    }
    return reply_of(parser, wire.reach);
}

} // namespace penstock::rtc

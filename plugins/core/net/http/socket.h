// SPDX-License-Identifier: LGPL-2.1-or-later
// The stream for reading requests and writing responses: a socket, or TLS over one, with a
// deadline.
#pragma once

#include "core/net/http/file_memory.h"
#include "core/net/loop/clock.h"
#include "core/net/loop/tcp_listener.h"
#include "core/net/tls/context.h"

#include <boost/asio/compose.hpp>
#include <boost/asio/post.hpp>
#include <boost/beast/core/buffers_range.hpp>
#include <boost/beast/core/error.hpp>

#include <array>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace penstock::net {

/// Models Asio's AsyncReadStream and AsyncWriteStream. Used on its socket's loop.
class HttpSocket {
public:
    using executor_type = tcp::socket::executor_type;

    explicit HttpSocket(tcp::socket &&socket);
    executor_type get_executor() { return state_->socket.get_executor(); }

    /// Pending operations end with beast::error::timeout after this time.
    void expires_after(std::chrono::nanoseconds time) { state_->expires_after(time); }
    void expires_never() { state_->expires_never(); }
    /// Pending operations end with operation_aborted.
    void cancel();
    /// Ends sending; with TLS, sends close_notify.
    void shutdown();

    /// The protocol that a client's first bytes suggest.
    enum class Greeting { tls, http, neither };
    /// On failure receives the error and, if known, an explanation.
    using Greeted = std::function<void(boost::system::error_code, Greeting, std::string reason)>;
    /// Performs the handshake if the client uses TLS. Call before reading; `done` is called once.
    void start_tls(TlsContext &context, Greeted done);
    /// The protocol that was agreed on in the handshake; empty: none.
    std::string_view protocol() const {
        return state_->tls ? state_->tls->protocol() : std::string_view();
    }
    /// Passes socket and TLS session to the caller; no operation may be pending.
    std::pair<tcp::socket, std::unique_ptr<TlsSession>> release();

    /// Waits until something can be read, or the client has left; tries nothing before.
    void async_wait_readable(std::function<void(boost::system::error_code)> ready);
    template <class Buffers, class Token>
    auto async_read_some(const Buffers &buffers, Token &&token) {
        return start<false>(
            [buffers](State &state) -> Done {
                for (const boost::asio::mutable_buffer part : boost::beast::buffers_range(buffers))
                    if (part.size() > 0)
                        return state.read(static_cast<uint8_t *>(part.data()), part.size());
                return Done({{}, 0});
            },
            token);
    }
    template <class Buffers, class Token>
    auto async_write_some(const Buffers &buffers, Token &&token) {
        return start<true>(
            [buffers](State &state) {
                std::array<iovec, 8> parts;
                int count = 0;
                for (const boost::asio::const_buffer part : boost::beast::buffers_range(buffers)) {
                    if (count == int(parts.size())) break;
                    if (part.size() > 0)
                        parts[size_t(count++)] = {const_cast<void *>(part.data()), part.size()};
                }
                return state.write(parts.data(), count);
            },
            token);
    }
    /// Whether async_send_file() can be used: without TLS.
    bool sends_files() const { return !state_->tls; }
    /// Sends `head`, then bytes of a file until the socket takes no more; at most `size`, which is
    /// not 0. Completes with the number of the file's bytes that were sent, at least 1. `head`
    /// stays valid until then.
    template <class Token>
    auto async_send_file(std::string_view head, FileRange from, size_t size, Token &&token) {
        return start<true>(
            [head, from, size](State &state) mutable { return state.send(head, from, size); },
            token);
    }

private:
    /// The result of an attempt; nullopt: would block, try again later.
    using Done = std::optional<std::pair<boost::system::error_code, size_t>>;

    struct State : std::enable_shared_from_this<State> {
        explicit State(tcp::socket &&from);
        void expires_after(std::chrono::nanoseconds time);
        void expires_never();
        void arm();
        Done read(uint8_t *data, size_t size);
        Done write(const iovec *parts, int count);
        /// Removes from `head` what was sent.
        Done send(std::string_view &head, FileRange from, size_t size);
        boost::system::error_code timed(boost::system::error_code error) const;
        void greet(TlsContext &context, const Greeted &done);
        void shake(const Greeted &done);

        tcp::socket socket;
        std::unique_ptr<TlsSession> tls;
        Timer timer; ///< goes off at `deadline` or before it, and then waits for the rest
        Clock::time_point deadline = Clock::time_point::max();
        bool armed = false; ///< the timer waits
        bool expired = false;
        unsigned cancels = 0; ///< number of calls of cancel()
        size_t written = 0;   ///< bytes accepted by `tls` and not yet completely sent
    };

    /// Makes an attempt, and another whenever the socket is ready, until one has a result. Never
    /// completes within the initiating call.
    template <bool writes, class Attempt>
    struct Operation {
        std::shared_ptr<State> state;
        Attempt attempt;
        Done result = {};
        bool began = false;
        unsigned cancels = state->cancels;

        template <class Self>
        void operator()(Self &self, boost::system::error_code error = {}) {
            if (result) return self.complete(result->first, result->second);
            if (error) return self.complete(state->timed(error), 0);
            result = attempt(*state);
            if (result && began) return self.complete(result->first, result->second);
            tcp::socket &socket = state->socket;
            if (result) return boost::asio::post(socket.get_executor(), std::move(self));
            // Cancellation or timeout may have come while nothing was pending.
            if (began && state->cancels != cancels)
                return self.complete(boost::asio::error::operation_aborted, 0);
            if (began && state->expired) return self.complete(boost::beast::error::timeout, 0);
            began = true;
            socket.async_wait(writes ? tcp::socket::wait_write : tcp::socket::wait_read,
                              std::move(self));
        }
    };

    template <bool writes, class Attempt, class Token>
    auto start(Attempt attempt, Token &token) {
        return boost::asio::async_compose<Token, void(boost::system::error_code, size_t)>(
            Operation<writes, Attempt>{state_, std::move(attempt)}, token, state_->socket);
    }

    std::shared_ptr<State> state_;
};

} // namespace penstock::net

// SPDX-License-Identifier: LGPL-2.1-or-later
// The stream that requests are read from and answers are written to: a socket, or TLS on one, with
// a deadline.
#pragma once

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
#include <utility>

namespace penstock::net {

/// An AsyncReadStream and AsyncWriteStream of Asio. Belongs to its socket's loop.
class HttpSocket {
public:
    using executor_type = tcp::socket::executor_type;

    explicit HttpSocket(tcp::socket &&socket);
    executor_type get_executor() { return state_->socket.get_executor(); }

    /// What waits then ends with beast::error::timeout.
    void expires_after(std::chrono::nanoseconds time) { state_->expires_after(time); }
    void expires_never() { state_->expires_never(); }
    /// What waits ends with operation_aborted.
    void cancel();
    /// Nothing more is sent; says goodbye, if it is TLS.
    void shutdown();

    /// What a client's first bytes look like.
    enum class Greeting { tls, http, neither };
    /// Before anything is read. On failure the error and what it means, if more is known.
    using Greeted = std::function<void(boost::system::error_code, Greeting, std::string reason)>;
    /// Shakes hands, if the client speaks TLS; `done` is called once.
    void start_tls(TlsContext &context, Greeted done);
    /// From here on both are the caller's; nothing may wait.
    std::pair<tcp::socket, std::unique_ptr<TlsSession>> release();

    template <class Buffers, class Token>
    auto async_read_some(const Buffers &buffers, Token &&token) {
        return boost::asio::async_compose<Token, void(boost::system::error_code, size_t)>(
            Operation<Buffers, false>{state_, buffers}, token, state_->socket);
    }
    template <class Buffers, class Token>
    auto async_write_some(const Buffers &buffers, Token &&token) {
        return boost::asio::async_compose<Token, void(boost::system::error_code, size_t)>(
            Operation<Buffers, true>{state_, buffers}, token, state_->socket);
    }

private:
    /// Who is asked again later has nullopt.
    using Done = std::optional<std::pair<boost::system::error_code, size_t>>;

    struct State : std::enable_shared_from_this<State> {
        explicit State(tcp::socket &&from);
        void expires_after(std::chrono::nanoseconds time);
        void expires_never();
        Done read(uint8_t *data, size_t size);
        Done write(const iovec *parts, int count);
        boost::system::error_code timed(boost::system::error_code error) const;
        void greet(TlsContext &context, const Greeted &done);
        void shake(const Greeted &done);

        tcp::socket socket;
        std::unique_ptr<TlsSession> tls;
        boost::asio::steady_timer timer;
        bool expired = false;
        unsigned cancels = 0; ///< calls of cancel()
        size_t written = 0;   ///< is in `tls`, and not all of it sent yet
    };

    /// Tries, and waits for the socket as often as need be. Nothing is completed before the call
    /// that began it has returned.
    template <class Buffers, bool writes>
    struct Operation {
        std::shared_ptr<State> state;
        Buffers buffers;
        Done result = {};
        bool began = false;
        unsigned cancels = state->cancels;

        Done attempt() {
            namespace asio = boost::asio;
            if constexpr (writes) {
                std::array<iovec, 8> parts;
                int count = 0;
                for (const asio::const_buffer part : boost::beast::buffers_range(buffers)) {
                    if (count == int(parts.size())) break;
                    if (part.size() > 0)
                        parts[size_t(count++)] = {const_cast<void *>(part.data()), part.size()};
                }
                return state->write(parts.data(), count);
            } else {
                for (const asio::mutable_buffer part : boost::beast::buffers_range(buffers))
                    if (part.size() > 0)
                        return state->read(static_cast<uint8_t *>(part.data()), part.size());
                return Done({{}, 0});
            }
        }
        template <class Self>
        void operator()(Self &self, boost::system::error_code error = {}) {
            if (result) return self.complete(result->first, result->second);
            if (error) return self.complete(state->timed(error), 0);
            result = attempt();
            if (result && began) return self.complete(result->first, result->second);
            tcp::socket &socket = state->socket;
            if (result) return boost::asio::post(socket.get_executor(), std::move(self));
            // Either may have come when nothing waited.
            if (began && state->cancels != cancels)
                return self.complete(boost::asio::error::operation_aborted, 0);
            if (began && state->expired) return self.complete(boost::beast::error::timeout, 0);
            began = true;
            socket.async_wait(writes ? tcp::socket::wait_write : tcp::socket::wait_read,
                              std::move(self));
        }
    };

    std::shared_ptr<State> state_;
};

} // namespace penstock::net

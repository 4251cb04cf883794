// SPDX-License-Identifier: LGPL-2.1-or-later
// Accepts TCP connections at an address and hands each to a loop.
#pragma once

#include "core/net/loop/address.h"
#include "core/net/loop/loops.h"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include <functional>
#include <string>

namespace penstock::net {

using boost::asio::ip::tcp;

/// A listening TCP socket. It accepts on loop 0; each connection lives on the loop it is handed to.
class Listener : public std::enable_shared_from_this<Listener> {
public:
    /// Called on the loop that the connection will live on.
    using OnAccept = std::function<void(tcp::socket &&, size_t loop)>;

    /// Binds and listens. On failure nullptr, and `error` says how to mend it. `scheme` ("rtmp",
    /// "https") is what connections speak, for the error of whoever wants the same port. Waits for
    /// a listener of this process that is closing the same port: call it on no network loop.
    static std::shared_ptr<Listener> open(std::shared_ptr<Loops> loops, const Address &address,
                                          const char *scheme, OnAccept on_accept,
                                          std::string *error);
    /// The bound address. Any thread.
    Address address() const { return address_; }
    /// Accepts nothing more. Any thread. The port is free when it returns, or, if called on a loop
    /// other than the first, soon after; open() waits for that.
    void close();

    /// Use open().
    Listener(std::shared_ptr<Loops> loops, OnAccept on_accept);
    ~Listener();

private:
    void accept();
    bool bind(const Address &address, const char *scheme, std::string *error);
    boost::system::error_code try_bind(const std::vector<tcp::endpoint> &candidates,
                                       const Address &address);
    void close_now();

    std::shared_ptr<Loops> loops_;
    OnAccept on_accept_;
    tcp::acceptor acceptor_;
    boost::asio::steady_timer retry_;
    Address address_;
};

/// "127.0.0.1:53412"
std::string endpoint_name(const tcp::socket &socket);

} // namespace penstock::net

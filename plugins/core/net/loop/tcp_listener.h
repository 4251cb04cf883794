// SPDX-License-Identifier: LGPL-2.1-or-later
// Accepts TCP connections at an address and assigns each to a loop.
#pragma once

#include "core/net/loop/address.h"
#include "core/net/loop/clock.h"
#include "core/net/loop/loops.h"

#include <boost/asio/ip/tcp.hpp>

#include <functional>
#include <string>

namespace penstock::net {

using boost::asio::ip::tcp;

/// A listening TCP socket. It accepts on loop 0; each connection stays on its assigned loop.
class Listener : public std::enable_shared_from_this<Listener> {
public:
    /// Called on the connection's loop.
    using OnAccept = std::function<void(tcp::socket &&, size_t loop)>;

    /// Binds and listens. On failure returns nullptr and sets `error` to a remedy. `scheme`
    /// ("rtmp", "https") is the protocol of the connections, named in the error of others that want
    /// the port. Waits for a listener of this process that is closing the same port: must not be
    /// called on a network loop.
    static std::shared_ptr<Listener> open(std::shared_ptr<Loops> loops, const Address &address,
                                          const char *scheme, OnAccept on_accept,
                                          std::string *error);
    /// The bound address. Thread-safe.
    Address address() const { return address_; }
    /// Stops accepting. Thread-safe. The port is free on return or, if called on a loop other than
    /// the first, soon after; open() waits for that.
    void close();

    /// Use open().
    Listener(std::shared_ptr<Loops> loops, OnAccept on_accept);
    ~Listener();

private:
    void start();
    void accept();
    bool bind(const Address &address, const char *scheme, std::string *error);
    boost::system::error_code try_bind(const std::vector<tcp::endpoint> &candidates,
                                       const Address &address);
    void close_now();

    std::shared_ptr<Loops> loops_;
    OnAccept on_accept_;
    tcp::acceptor acceptor_;
    Timer retry_;
    Address address_;
};

/// "127.0.0.1:53412"
std::string endpoint_name(const tcp::socket &socket);

} // namespace penstock::net

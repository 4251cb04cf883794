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

class Listener : public std::enable_shared_from_this<Listener> {
public:
    /// Called on the loop that the connection will live on.
    using OnAccept = std::function<void(tcp::socket &&, size_t loop)>;

    /// Binds and listens; nullptr and a message that says how to mend it if that fails.
    static std::shared_ptr<Listener> open(std::shared_ptr<Loops> loops, const Address &address,
                                          OnAccept on_accept, std::string *error);
    /// The bound address.
    Address address() const { return address_; }
    /// Accepts nothing more. From any thread; the port is free when it returns.
    void close();

    /// Use open().
    Listener(std::shared_ptr<Loops> loops, OnAccept on_accept);

private:
    void accept();
    bool bind(const Address &address, std::string *error);

    std::shared_ptr<Loops> loops_;
    OnAccept on_accept_;
    tcp::acceptor acceptor_;
    boost::asio::steady_timer retry_;
    Address address_;
};

/// "127.0.0.1:53412"
std::string endpoint_name(const tcp::socket &socket);

} // namespace penstock::net

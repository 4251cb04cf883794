// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/loop/tcp_listener.h"

#include "core/net/loop/log.h"

#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>

#include <future>

namespace penstock::net {

namespace asio = boost::asio;
using boost::system::error_code;

Listener::Listener(std::shared_ptr<Loops> loops, OnAccept on_accept)
    : loops_(std::move(loops)), on_accept_(std::move(on_accept)), acceptor_(loops_->at(0)),
      retry_(loops_->at(0)) {
}

std::shared_ptr<Listener> Listener::open(std::shared_ptr<Loops> loops, const Address &address,
                                         OnAccept on_accept, std::string *error) {
    auto listener = std::make_shared<Listener>(std::move(loops), std::move(on_accept));
    if (!listener->bind(address, error)) return nullptr;
    asio::post(listener->acceptor_.get_executor(), [listener] { listener->accept(); });
    return listener;
}

bool Listener::bind(const Address &address, std::string *error) {
    std::vector<tcp::endpoint> candidates;
    error_code ec;
    if (address.host.empty()) {
        candidates.emplace_back(tcp::v6(), address.port);
        candidates.emplace_back(tcp::v4(), address.port);
    } else {
        tcp::resolver resolver(loops_->at(0));
        for (const auto &entry : resolver.resolve(address.host, std::to_string(address.port),
                                                  tcp::resolver::passive, ec))
            candidates.push_back(entry.endpoint());
    }
    // The first that works: a machine without IPv6 refuses the first candidate of ":port".
    for (const tcp::endpoint &endpoint : candidates) {
        acceptor_.close(ec);
        acceptor_.open(endpoint.protocol(), ec);
        if (ec) continue;
        acceptor_.set_option(tcp::acceptor::reuse_address(true), ec);
        if (endpoint.protocol() == tcp::v6())
            acceptor_.set_option(asio::ip::v6_only(!address.host.empty()), ec);
        acceptor_.bind(endpoint, ec);
        if (!ec) acceptor_.listen(4096, ec);
        if (!ec) acceptor_.non_blocking(true, ec);
        if (!ec) {
            address_ = {address.host, acceptor_.local_endpoint(ec).port()};
            return true;
        }
        if (ec == asio::error::address_in_use) break;
    }
    acceptor_.close();
    if (!error) return false;
    const std::string port = std::to_string(address.port);
    if (ec == asio::error::address_in_use)
        *error = "port " + port +
                 " is in use by another program: end it (`ss -ltnp sport = :" + port +
                 "` names it) or choose another port";
    else if (ec == asio::error::access_denied)
        *error = "may not listen on port " + port +
                 ": ports below 1024 need the capability CAP_NET_BIND_SERVICE; choose a higher one";
    else
        *error = "cannot listen on '" + address.to_string() + "': " + ec.message() +
                 "; use an address of this machine, or ':" + port + "' for every interface";
    return false;
}

void Listener::accept() {
    const size_t loop = loops_->next();
    acceptor_.async_accept(loops_->at(loop), [self = shared_from_this(), loop](error_code ec,
                                                                               tcp::socket socket) {
        if (!self->acceptor_.is_open()) return;
        if (!ec) {
            error_code ignored;
            socket.set_option(tcp::no_delay(true), ignored);
            socket.non_blocking(true, ignored);
            asio::post(self->loops_->at(loop), [self, loop, socket = std::move(socket)]() mutable {
                self->on_accept_(std::move(socket), loop);
            });
        } else if (ec != asio::error::connection_aborted) {
            // Out of descriptors: what is connected goes on, newcomers wait in the backlog.
            log(LogLevel::warning, "net",
                "cannot accept a connection on " + self->address_.to_string() + ": " +
                    ec.message());
            self->retry_.expires_after(std::chrono::milliseconds(200));
            self->retry_.async_wait([self](error_code cancelled) {
                if (!cancelled) self->accept();
            });
            return;
        }
        self->accept();
    });
}

void Listener::close() {
    auto close_now = [this] {
        error_code ec;
        acceptor_.close(ec);
        retry_.cancel();
    };
    if (loops_->on_loop()) {
        asio::post(acceptor_.get_executor(),
                   [self = shared_from_this(), close_now] { close_now(); });
        return;
    }
    std::promise<void> closed;
    asio::post(acceptor_.get_executor(), [&] {
        close_now();
        closed.set_value();
    });
    closed.get_future().wait();
}

std::string endpoint_name(const tcp::socket &socket) {
    error_code ec;
    const tcp::endpoint endpoint = socket.remote_endpoint(ec);
    if (ec) return "unknown";
    std::string host = endpoint.address().to_string();
    if (endpoint.address().is_v6() && endpoint.address().to_v6().is_v4_mapped())
        host =
            asio::ip::make_address_v4(asio::ip::v4_mapped, endpoint.address().to_v6()).to_string();
    return Address{host, endpoint.port()}.to_string();
}

} // namespace penstock::net

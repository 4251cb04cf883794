// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/loop/tcp_listener.h"

#include "core/net/loop/accept_hold.h"
#include "core/net/loop/log.h"

#include <boost/asio/dispatch.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>

#include <condition_variable>
#include <future>
#include <map>
#include <mutex>

namespace penstock::net {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

/// The ports held by listeners of this process. Lock order: no other lock is taken with its mutex
/// held.
class Ports {
public:
    struct Port {
        Address address;
        std::string scheme;
        bool closing = false; ///< close() was called, but the socket is still open
    };

    static Ports &instance() {
        static auto *ports = new Ports; // never destroyed: a listener may close after main()
        return *ports;
    }
    void add(const Listener *listener, Port port) { ports_[listener] = std::move(port); }
    void set_closing(const Listener *listener) {
        std::lock_guard lock(mutex);
        if (const auto found = ports_.find(listener); found != ports_.end())
            found->second.closing = true;
    }
    void remove(const Listener *listener) {
        std::lock_guard lock(mutex);
        ports_.erase(listener);
        removed.notify_all();
    }
    /// A listener on this port, preferably one that is not closing; nullptr: none.
    const Port *find(uint16_t port) const {
        const Port *found = nullptr;
        for (const auto &[listener, held] : ports_)
            if (held.address.port == port && (!found || found->closing)) found = &held;
        return found;
    }

    std::mutex mutex; ///< held by the caller of add() and find()
    std::condition_variable removed;

private:
    std::map<const Listener *, Port> ports_;
};

/// The state of all AcceptHolds.
struct Holds {
    static Holds &instance() {
        static auto *holds = new Holds; // never destroyed, as Ports
        return *holds;
    }
    std::mutex mutex;
    unsigned count = 0;
    std::vector<std::function<void()>> starts; ///< of the listeners that wait
};

} // namespace

AcceptHold::AcceptHold() {
    Holds &holds = Holds::instance();
    std::lock_guard lock(holds.mutex);
    ++holds.count;
}

AcceptHold::~AcceptHold() {
    Holds &holds = Holds::instance();
    std::vector<std::function<void()>> starts;
    {
        std::lock_guard lock(holds.mutex);
        if (--holds.count > 0) return;
        starts.swap(holds.starts);
    }
    for (const auto &start : starts)
        start();
}

Listener::Listener(std::shared_ptr<Loops> loops, OnAccept on_accept)
    : loops_(std::move(loops)), on_accept_(std::move(on_accept)), acceptor_(loops_->at(0)),
      retry_(loops_->at(0)) {
}

Listener::~Listener() {
    Ports::instance().remove(this);
}

std::shared_ptr<Listener> Listener::open(std::shared_ptr<Loops> loops, const Address &address,
                                         const char *scheme, OnAccept on_accept,
                                         std::string *error) {
    auto listener = std::make_shared<Listener>(std::move(loops), std::move(on_accept));
    if (!listener->bind(address, scheme, error)) return nullptr;
    {
        Holds &holds = Holds::instance();
        std::lock_guard lock(holds.mutex);
        if (holds.count > 0) {
            holds.starts.push_back([weak = std::weak_ptr(listener)] {
                if (const auto held = weak.lock()) held->start();
            });
            return listener;
        }
    }
    listener->start();
    return listener;
}

void Listener::start() {
    asio::post(acceptor_.get_executor(), [self = shared_from_this()] { self->accept(); });
}

/// Listens at the first usable candidate: without IPv6, the first one of ":port" fails.
error_code Listener::try_bind(const std::vector<tcp::endpoint> &candidates,
                              const Address &address) {
    error_code ec = asio::error::host_not_found;
    for (const tcp::endpoint &endpoint : candidates) {
        error_code ignored;
        acceptor_.close(ignored);
        acceptor_.open(endpoint.protocol(), ec);
        if (ec) continue;
        acceptor_.set_option(tcp::acceptor::reuse_address(true), ec);
        if (endpoint.protocol() == tcp::v6())
            acceptor_.set_option(asio::ip::v6_only(!address.host.empty()), ec);
        acceptor_.bind(endpoint, ec);
        if (!ec) acceptor_.listen(4096, ec);
        if (!ec) acceptor_.non_blocking(true, ec);
        if (!ec) address_ = {address.host, acceptor_.local_endpoint(ec).port()};
        if (!ec || ec == asio::error::address_in_use) break;
    }
    if (ec) {
        error_code ignored;
        acceptor_.close(ignored);
    }
    return ec;
}

bool Listener::bind(const Address &address, const char *scheme, std::string *error) {
    const std::string port = std::to_string(address.port);
    std::vector<tcp::endpoint> candidates;
    error_code ec;
    if (address.host.empty()) {
        candidates.emplace_back(tcp::v6(), address.port);
        candidates.emplace_back(tcp::v4(), address.port);
    } else {
        tcp::resolver resolver(loops_->at(0));
        for (const auto &entry : resolver.resolve(address.host, port, tcp::resolver::passive, ec))
            candidates.push_back(entry.endpoint());
    }
    std::string ours; // URL of this process's listener on the port, if any
    if (!ec) {
        Ports &ports = Ports::instance();
        std::unique_lock lock(ports.mutex);
        for (;; ports.removed.wait(lock)) {
            ec = try_bind(candidates, address);
            if (!ec) ports.add(this, {address_, scheme});
            if (ec != asio::error::address_in_use) break;
            const Ports::Port *held = ports.find(address.port);
            ours.clear();
            if (!held) break;
            ours = held->scheme + "://" + held->address.to_string();
            // Waiting on a loop could be a deadlock.
            if (!held->closing || loops_->on_loop()) break;
        }
    }
    if (!ec) return true;
    if (!error) return false;
    if (ec == asio::error::address_in_use && !ours.empty())
        *error = "port " + port + " is already served by this process as " + ours +
                 ": choose another port for one of them";
    else if (ec == asio::error::address_in_use)
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
            // Out of descriptors: existing connections continue, new ones wait in the backlog.
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

void Listener::close_now() {
    error_code ignored;
    acceptor_.close(ignored);
    retry_.cancel();
    Ports::instance().remove(this);
}

void Listener::close() {
    Ports::instance().set_closing(this);
    // A loop must not wait for another loop.
    if (loops_->on_loop())
        return asio::dispatch(acceptor_.get_executor(),
                              [self = shared_from_this()] { self->close_now(); });
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

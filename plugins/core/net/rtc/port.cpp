// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/rtc/port.h"

#include "core/net/loop/log.h"
#include "core/net/rtc/candidates.h"
#include "core/net/stream/registry.h"
#include "core/stun/classify.h"
#include "core/stun/credentials.h"
#include "core/stun/message.h"

#include <boost/asio/post.hpp>

#include <chrono>
#include <future>
#include <mutex>
#include <unordered_map>
#include <utility>

#include <malloc.h>

namespace penstock::net {
namespace {

namespace asio = boost::asio;

/// Datagrams of a session that may wait for its loop; further ones are dropped.
constexpr unsigned max_under_way = 256;

/// Handshakes after which memory is given back, and ms between two times: it takes a millisecond.
constexpr uint64_t tidy_handshakes = 32, tidy_pause_ms = 5'000;

struct EndpointHash {
    size_t operator()(const udp::endpoint &endpoint) const {
        const std::string_view bytes(reinterpret_cast<const char *>(endpoint.data()),
                                     endpoint.size());
        return std::hash<std::string_view>()(bytes);
    }
};

} // namespace

/// The sessions by their user fragments, and by the addresses of which a check was valid.
/// Thread-safe.
class RtcPort::Names {
public:
    bool add(const std::string &ufrag, const std::shared_ptr<RtcPeer> &peer) {
        std::lock_guard lock(mutex_);
        return peers_.emplace(ufrag, peer).second;
    }
    void remove(const std::string &ufrag) {
        std::lock_guard lock(mutex_);
        peers_.erase(ufrag);
    }
    /// Whom a check is for; nullptr: nobody, or it is none.
    std::shared_ptr<RtcPeer> find_receiver(ByteView check) {
        stun::Message message;
        if (!stun::parse(check, message).is_ok() || !message.username) return nullptr;
        const std::string ufrag(stun::receiver_ufrag(*message.username));
        std::lock_guard lock(mutex_);
        const auto found = peers_.find(ufrag);
        return found == peers_.end() ? nullptr : found->second.lock();
    }

    bool learn(const udp::endpoint &from, const std::shared_ptr<RtcPeer> &peer) {
        std::lock_guard lock(mutex_);
        std::weak_ptr<RtcPeer> &way = ways_[from];
        const auto owner = way.lock();
        if (owner && owner != peer && steady_ms() - owner->heard_ms() < owned_ms) return false;
        way = peer;
        return true;
    }
    void forget(const udp::endpoint &from, const std::shared_ptr<RtcPeer> &peer) {
        std::lock_guard lock(mutex_);
        if (const auto found = ways_.find(from);
            found != ways_.end() && found->second.lock() == peer)
            ways_.erase(found);
    }
    std::shared_ptr<RtcPeer> find(const udp::endpoint &from) {
        std::lock_guard lock(mutex_);
        const auto found = ways_.find(from);
        return found == ways_.end() ? nullptr : found->second.lock();
    }

private:
    std::mutex mutex_; ///< guards the following
    std::unordered_map<std::string, std::weak_ptr<RtcPeer>> peers_;
    std::unordered_map<udp::endpoint, std::weak_ptr<RtcPeer>, EndpointHash> ways_;
};

/// The port on one loop; touched there alone.
class RtcPort::Side final : public DatagramReceiver, public std::enable_shared_from_this<Side> {
public:
    Side(std::shared_ptr<Loops> loops, std::shared_ptr<Names> names,
         std::shared_ptr<UdpSocket> socket)
        : loops_(std::move(loops)), names_(std::move(names)), socket_(std::move(socket)),
          timer_(loops_->at(socket_->loop())) {}

    void start() {
        if (!socket_->start(*this)) log(LogLevel::error, "rtc", "no descriptors for its UDP port");
    }
    void close() {
        timer_.cancel();
        socket_->close();
        known_.clear();
        ticking_.clear();
        blocked_.clear();
    }
    UdpSocket &socket() { return *socket_; }
    asio::io_context &context() { return loops_->at(socket_->loop()); }

    void learn(const udp::endpoint &from, const std::shared_ptr<RtcPeer> &peer) {
        known_[from] = peer;
    }
    void forget(const udp::endpoint &from, const std::shared_ptr<RtcPeer> &peer) {
        if (const auto found = known_.find(from); found != known_.end() && found->second == peer)
            known_.erase(found);
    }
    void tick(const std::shared_ptr<RtcPeer> &peer) {
        ticking_.push_back(peer);
        if (ticking_.size() == 1 && !in_tick_) wait();
    }
    void wait_writable(const std::shared_ptr<RtcPeer> &peer) { blocked_.push_back(peer); }

private:
    void on_datagram(const Datagram &datagram) override {
        const auto peer = find(datagram);
        if (!peer) return;
        const size_t here = socket_->loop();
        RtcWay way{datagram.from, datagram.to, here, nullptr};
        if (peer->loop() == here) return peer->on_datagram(datagram.bytes, way);
        if (peer->under_way_.fetch_add(1) >= max_under_way) {
            --peer->under_way_;
            return;
        }
        asio::post(loops_->at(peer->loop()),
                   [peer, way = std::move(way), bytes = Bytes::copy_of(datagram.bytes)] {
                       --peer->under_way_;
                       peer->on_datagram(bytes, way);
                   });
    }
    /// An address may be another session's next time: checks are found by what they say.
    std::shared_ptr<RtcPeer> find(const Datagram &datagram) const {
        const stun::Protocol protocol = stun::classify(datagram.bytes);
        if (protocol == stun::Protocol::stun) return names_->find_receiver(datagram.bytes);
        if (protocol == stun::Protocol::unknown) return nullptr;
        const auto found = known_.find(datagram.from);
        if (found != known_.end()) return found->second;
        // A handshake may be here before this loop was told of its sender.
        return protocol == stun::Protocol::dtls ? names_->find(datagram.from) : nullptr;
    }
    void on_writable() override {
        for (const auto &peer : std::exchange(blocked_, {}))
            peer->on_writable();
    }
    void wait() {
        timer_.expires_after(std::chrono::nanoseconds(tick_ns));
        timer_.async_wait([weak = weak_from_this()](boost::system::error_code ec) {
            if (const auto self = weak.lock(); self && !ec) self->on_timer();
        });
    }
    void on_timer() {
        const uint64_t now = steady_ns();
        in_tick_ = true;
        for (auto &peer : std::exchange(ticking_, {})) {
            if (peer->on_tick(now))
                ticking_.push_back(std::move(peer));
            else
                peer->ticks_ = false;
        }
        in_tick_ = false;
        if (!ticking_.empty()) wait();
    }

    const std::shared_ptr<Loops> loops_;
    const std::shared_ptr<Names> names_;
    const std::shared_ptr<UdpSocket> socket_;
    Timer timer_;
    bool in_tick_ = false;
    std::unordered_map<udp::endpoint, std::shared_ptr<RtcPeer>, EndpointHash> known_;
    std::vector<std::shared_ptr<RtcPeer>> ticking_, blocked_;
};

std::shared_ptr<RtcPort> RtcPort::open(const Address &address,
                                       const std::vector<std::string> &announce,
                                       std::string *error) {
    static auto &ports = *new Registry<RtcPort>; // never destroyed: loops may outlive statics
    return ports.open(address, error, announce);
}

bool RtcPort::start(const Address &address, std::string *error) {
    if (!(loops_ = Loops::shared(error))) return false;
    std::string reason;
    dtls_ = dtls::Context::make({.handshakes = max_handshakes}, &reason);
    if (!dtls_) {
        if (error) *error = "no certificate for WebRTC: " + reason;
        return false;
    }
    names_ = std::make_shared<Names>();
    // A port that the system chooses has to be free for TCP, too.
    std::vector<std::shared_ptr<UdpSocket>> sockets;
    for (unsigned left = address.port == 0 ? 10 : 1; left > 0 && !tcp_; --left) {
        sockets.clear();
        sockets = UdpSocket::open_each(loops_, address, error);
        if (sockets.empty()) return false;
        address_ = sockets.front()->address();
        open_tcp(left == 1);
    }
    for (const auto &socket : sockets) {
        sides_.push_back(std::make_shared<Side>(loops_, names_, socket));
        asio::post(sides_.back()->context(), [side = sides_.back()] { side->start(); });
    }
    return true;
}

/// Does without, if the port can't be opened: most peers use UDP.
void RtcPort::open_tcp(bool is_last) {
    connections_ = std::make_shared<RtcConnections>(
        loops_, [names = names_](ByteView check) { return names->find_receiver(check); });
    std::string reason;
    tcp_ = Listener::open(
        loops_, address_, "webrtc",
        [connections = connections_](tcp::socket &&socket, size_t loop) {
            connections->accept(std::move(socket), loop);
        },
        &reason);
    if (!tcp_ && is_last)
        log(LogLevel::warning, "rtc",
            "peers whose networks let no UDP through can't connect: " + reason);
}

bool RtcPort::suits(const std::vector<std::string> &announce, std::string *error) const {
    if (announce == announce_) return true;
    if (error)
        *error = "UDP port " + std::to_string(address_.port) +
                 " is open in this process with other addresses to announce: give all the same";
    return false;
}

RtcPort::~RtcPort() {
    if (tcp_) tcp_->close();
    std::vector<std::future<void>> closed;
    for (size_t loop = 0; loop < sides_.size(); ++loop) {
        const auto &side = sides_[loop];
        auto done = std::make_shared<std::promise<void>>();
        closed.push_back(done->get_future());
        asio::post(side->context(), [side, done, loop, connections = connections_] {
            side->close();
            connections->close(loop);
            done->set_value();
        });
    }
    if (!loops_ || loops_->on_loop()) return;
    for (auto &each : closed)
        each.wait();
}

std::vector<sdp::Candidate> RtcPort::candidates(bool is_local) const {
    return candidates_of(address_, announce_, is_local, tcp_ != nullptr);
}

void RtcPort::tidy(uint64_t now_ms) {
    const uint64_t ended = dtls_->ended_handshakes();
    uint64_t before = tidied_ms_;
    if (ended - tidied_at_ < tidy_handshakes || now_ms - before < tidy_pause_ms ||
        !tidied_ms_.compare_exchange_strong(before, now_ms))
        return;
    tidied_at_ = ended;
#ifdef __GLIBC__
    ::malloc_trim(0);
#endif
}

bool RtcPort::add(const std::string &ufrag, const std::shared_ptr<RtcPeer> &peer) {
    return names_->add(ufrag, peer);
}

void RtcPort::remove(const std::string &ufrag) {
    names_->remove(ufrag);
}

bool RtcPort::learn(const RtcWay &way, const std::shared_ptr<RtcPeer> &peer) {
    if (way.connection) {
        way.connection->prove();
        return true;
    }
    const auto &side = sides_[way.arrived];
    if (!names_->learn(way.remote, peer)) return false;
    if (way.arrived == peer->loop())
        side->learn(way.remote, peer);
    else
        asio::post(side->context(), [side, from = way.remote, peer] { side->learn(from, peer); });
    return true;
}

void RtcPort::forget(const RtcWay &way, const std::shared_ptr<RtcPeer> &peer) {
    if (way.connection) return way.connection->close();
    const auto &side = sides_[way.arrived];
    names_->forget(way.remote, peer);
    if (way.arrived == peer->loop()) return side->forget(way.remote, peer);
    asio::post(side->context(), [side, from = way.remote, peer] { side->forget(from, peer); });
}

UdpSocket &RtcPort::socket(size_t loop) {
    return sides_[loop]->socket();
}

void RtcPort::tick(const std::shared_ptr<RtcPeer> &peer) {
    if (!std::exchange(peer->ticks_, true)) sides_[peer->loop()]->tick(peer);
}

void RtcPort::wait_writable(const RtcWay &way, const std::shared_ptr<RtcPeer> &peer) {
    if (way.connection) return way.connection->wait_writable();
    sides_[peer->loop()]->wait_writable(peer);
}

} // namespace penstock::net

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/rtsp/udp_ports.h"

#include <boost/asio/post.hpp>

#include <functional>
#include <utility>

namespace penstock::net {
namespace {

namespace asio = boost::asio;

/// Tries to find two ports that follow each other.
constexpr unsigned most_tries = 32;
/// Reports from players of other loops that are on their way, at most.
constexpr size_t max_under_way = 1000;

struct EndpointHash {
    size_t operator()(const udp::endpoint &endpoint) const {
        const size_t address = std::hash<asio::ip::address>()(endpoint.address());
        return address ^ (size_t(endpoint.port()) * 0x9E37'79B9u);
    }
};

} // namespace

/// Whose an address is.
class UdpPorts::Names {
public:
    bool add(const udp::endpoint &from, const std::shared_ptr<UdpPlayer> &player) {
        std::shared_ptr<UdpPlayer> owner; // outlives the lock: it may be the last that holds it
        std::lock_guard lock(mutex_);
        auto &entry = players_[from];
        owner = entry.lock();
        if (owner && owner != player) return false;
        entry = player;
        return true;
    }
    void remove(const udp::endpoint &from, const UdpPlayer &player) {
        std::shared_ptr<UdpPlayer> owner;
        std::lock_guard lock(mutex_);
        const auto found = players_.find(from);
        if (found == players_.end()) return;
        owner = found->second.lock();
        if (!owner || owner.get() == &player) players_.erase(found);
    }
    std::shared_ptr<UdpPlayer> find(const udp::endpoint &from) {
        std::lock_guard lock(mutex_);
        const auto found = players_.find(from);
        return found == players_.end() ? nullptr : found->second.lock();
    }
    std::atomic<size_t> under_way{0};

private:
    std::mutex mutex_; ///< guards players_
    std::unordered_map<udp::endpoint, std::weak_ptr<UdpPlayer>, EndpointHash> players_;
};

/// Used on its loop alone.
class UdpPorts::Side final : public std::enable_shared_from_this<UdpPorts::Side> {
public:
    Side(std::shared_ptr<Loops> loops, std::shared_ptr<Names> names, std::shared_ptr<UdpSocket> rtp,
         std::shared_ptr<UdpSocket> rtcp)
        : rtp_(std::move(rtp)), rtcp_(std::move(rtcp)), loops_(std::move(loops)),
          names_(std::move(names)), timer_(loops_->at(rtp_->loop())) {}

    void start() {
        media_.side = reports_.side = this;
        rtp_->start(media_);
        rtcp_->start(reports_);
    }
    void close() {
        timer_.cancel();
        rtp_->close();
        rtcp_->close();
        ticking_.clear();
        blocked_.clear();
    }
    asio::io_context &context() { return loops_->at(rtp_->loop()); }
    UdpSocket &rtp() { return *rtp_; }
    UdpSocket &rtcp() { return *rtcp_; }
    void tick(std::weak_ptr<UdpPlayer> player) {
        ticking_.push_back(std::move(player));
        if (ticking_.size() > 1 || in_tick_) return;
        wait();
    }
    void wait_writable(std::weak_ptr<UdpPlayer> player) { blocked_.push_back(std::move(player)); }

private:
    /// What comes to the port of RTP opens the ways of firewalls, and is of no other use.
    struct Media final : DatagramReceiver {
        void on_datagram(const Datagram &) override {}
        void on_writable() override { side->call(side->blocked_); }
        Side *side = nullptr;
    };
    struct Reports final : DatagramReceiver {
        void on_datagram(const Datagram &datagram) override { side->take_report(datagram); }
        Side *side = nullptr;
    };

    void take_report(const Datagram &datagram) {
        auto player = names_->find(datagram.from);
        if (!player) return;
        if (player->udp_loop() == rtcp_->loop()) return player->on_rtcp(datagram.bytes);
        if (names_->under_way.fetch_add(1) >= max_under_way) {
            --names_->under_way;
            return;
        }
        asio::post(loops_->at(player->udp_loop()),
                   [names = names_, player, bytes = Bytes::copy_of(datagram.bytes)] {
                       --names->under_way;
                       player->on_rtcp(bytes);
                   });
    }
    void call(std::vector<std::weak_ptr<UdpPlayer>> &players) {
        for (const auto &weak : std::exchange(players, {}))
            if (const auto player = weak.lock()) player->on_turn();
    }
    void wait() {
        timer_.expires_after(std::chrono::nanoseconds(tick_ns));
        timer_.async_wait([weak = weak_from_this()](boost::system::error_code ec) {
            const auto self = weak.lock();
            if (!self || ec) return;
            self->in_tick_ = true;
            self->call(self->ticking_);
            self->in_tick_ = false;
            if (!self->ticking_.empty()) self->wait();
        });
    }

    const std::shared_ptr<UdpSocket> rtp_, rtcp_;
    const std::shared_ptr<Loops> loops_;
    const std::shared_ptr<Names> names_;
    Timer timer_;
    Media media_;
    Reports reports_;
    bool in_tick_ = false;
    std::vector<std::weak_ptr<UdpPlayer>> ticking_, blocked_;
};

std::shared_ptr<UdpPorts> UdpPorts::open(const std::shared_ptr<Loops> &loops,
                                         const std::string &host, uint16_t port,
                                         std::string *error) {
    auto self = std::make_shared<UdpPorts>();
    self->loops_ = loops;
    self->names_ = std::make_shared<Names>();
    std::vector<std::shared_ptr<UdpSocket>> rtp, rtcp;
    for (unsigned left = port == 0 ? most_tries : 1; left > 0 && rtcp.empty(); --left) {
        rtp = UdpSocket::open_each(loops, {host, port}, error);
        if (rtp.empty()) return nullptr;
        self->rtp_port_ = rtp.front()->address().port;
        if (self->rtp_port_ % 2 != 0) continue; // RFC 3550, section 11
        rtcp =
            UdpSocket::open_each(loops, {host, static_cast<uint16_t>(self->rtp_port_ + 1)}, error);
    }
    if (rtcp.empty()) return nullptr;
    for (size_t loop = 0; loop < loops->size(); ++loop) {
        auto side = std::make_shared<Side>(loops, self->names_, rtp[loop], rtcp[loop]);
        self->sides_.push_back(side);
        asio::post(loops->at(loop), [side] { side->start(); });
    }
    return self;
}

UdpPorts::~UdpPorts() {
    for (const auto &side : sides_)
        asio::post(side->context(), [side] { side->close(); });
}

bool UdpPorts::add(const udp::endpoint &from, const std::shared_ptr<UdpPlayer> &player) {
    return names_->add(from, player);
}

void UdpPorts::remove(const udp::endpoint &from, const UdpPlayer &player) {
    names_->remove(from, player);
}

UdpSocket &UdpPorts::rtp(size_t loop) {
    return sides_[loop]->rtp();
}

UdpSocket &UdpPorts::rtcp(size_t loop) {
    return sides_[loop]->rtcp();
}

void UdpPorts::tick(size_t loop, std::weak_ptr<UdpPlayer> player) {
    sides_[loop]->tick(std::move(player));
}

void UdpPorts::wait_writable(size_t loop, std::weak_ptr<UdpPlayer> player) {
    sides_[loop]->wait_writable(std::move(player));
}

} // namespace penstock::net

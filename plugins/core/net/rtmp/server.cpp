// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/rtmp/server.h"

#include "core/net/rtmp/state.h"
#include "core/net/stream/registry.h"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <future>

namespace penstock::net {

namespace asio = boost::asio;

// --- RtmpState ----------------------------------------------------------------------------

RtmpState::RtmpState(std::shared_ptr<Loops> loops, const RtmpLimits &what_peers_may)
    : limits(what_peers_may), loops_(std::move(loops)), per_loop_(loops_->size()) {
}

void RtmpState::on_accept(tcp::socket &&socket, size_t loop) {
    if (per_loop_[loop].closing) return;
    if (connections_ >= limits.connections) {
        log(LogLevel::warning, "rtmp",
            "refused " + endpoint_name(socket) + ": " + std::to_string(limits.connections) +
                " connections are open already");
        return;
    }
    ++connections_;
    auto connection = std::make_shared<RtmpConnection>(std::move(socket), loop, shared_from_this());
    per_loop_[loop].connections.insert(connection);
    connection->start();
}

void RtmpState::remove(const std::shared_ptr<RtmpConnection> &connection) {
    if (per_loop_[connection->loop()].connections.erase(connection)) --connections_;
}

void RtmpState::start_checks() {
    for (size_t loop = 0; loop < per_loop_.size(); ++loop) {
        per_loop_[loop].timer = std::make_unique<asio::steady_timer>(loops_->at(loop));
        asio::post(loops_->at(loop), [self = shared_from_this(), loop] { self->check(loop); });
    }
}

void RtmpState::check(size_t loop) {
    PerLoop &mine = per_loop_[loop];
    if (mine.closing) return;
    const uint64_t now = steady_ms();
    const auto connections = mine.connections; // a check may remove its connection
    for (const auto &connection : connections)
        connection->check(now);
    mine.timer->expires_after(std::chrono::seconds(1));
    mine.timer->async_wait([weak = weak_from_this(), loop](boost::system::error_code ec) {
        if (auto self = weak.lock(); self && !ec) self->check(loop);
    });
}

void RtmpState::shutdown() {
    std::vector<std::future<void>> closed;
    for (size_t loop = 0; loop < per_loop_.size(); ++loop) {
        auto done = std::make_shared<std::promise<void>>();
        closed.push_back(done->get_future());
        asio::post(loops_->at(loop), [self = shared_from_this(), loop, done] {
            PerLoop &mine = self->per_loop_[loop];
            mine.closing = true;
            mine.timer->cancel();
            const auto connections = mine.connections;
            for (const auto &connection : connections)
                connection->close("the server ends");
            asio::post(self->loops_->at(loop), [done] { done->set_value(); });
        });
    }
    if (loops_->on_loop()) return;
    for (auto &each : closed)
        each.wait();
}

std::shared_ptr<RtmpMount> RtmpState::mount(const std::string &path, bool create) {
    std::lock_guard lock(mutex_);
    const auto found = mounts_.find(path);
    if (found != mounts_.end())
        if (auto mount = found->second.lock()) return mount;
    if (!create) return nullptr;
    std::erase_if(mounts_, [](const auto &entry) { return entry.second.expired(); });
    auto mount = std::make_shared<RtmpMount>(path, loops_);
    mounts_[path] = mount;
    return mount;
}

std::vector<MountInfo> RtmpState::mounts() const {
    std::lock_guard lock(mutex_);
    std::vector<MountInfo> infos;
    for (const auto &[path, weak] : mounts_)
        if (const auto mount = weak.lock(); mount && !mount->unused())
            infos.push_back(mount->info());
    return infos;
}

bool RtmpState::needs_key() const {
    std::lock_guard lock(mutex_);
    return std::any_of(leases_.begin(), leases_.end(),
                       [](const auto &entry) { return !entry.second->publish_key.empty(); });
}

uint64_t RtmpState::add_lease(LeaseOptions options) {
    std::lock_guard lock(mutex_);
    leases_[next_lease_] = std::make_shared<const LeaseOptions>(std::move(options));
    return next_lease_++;
}

void RtmpState::remove_lease(uint64_t id) {
    std::lock_guard lock(mutex_);
    leases_.erase(id);
    demands_.erase(id);
}

uint64_t RtmpState::add_demand(DemandOptions options) {
    std::lock_guard lock(mutex_);
    demands_[next_lease_] = std::make_shared<const DemandOptions>(std::move(options));
    return next_lease_++;
}

std::shared_ptr<const DemandOptions> RtmpState::demand_for(const std::string &path) const {
    std::lock_guard lock(mutex_);
    for (const auto &[id, demand] : demands_)
        if (demand->matches(path)) return demand;
    return nullptr;
}

void RtmpState::end_players(const std::shared_ptr<RtmpMount> &mount, const std::string &reason) {
    mount->audience().for_each([reason](Viewer &player) {
        static_cast<RtmpConnection &>(player).close(reason); // which happens later
    });
}

std::shared_ptr<const LeaseOptions> RtmpState::lease_for(const std::string &path) const {
    std::lock_guard lock(mutex_);
    for (const auto &[id, lease] : leases_)
        if (lease->matches(path)) return lease;
    return nullptr;
}

void RtmpState::add_watch(const std::shared_ptr<PeerWatch> &watch) {
    std::lock_guard lock(mutex_);
    std::erase_if(watches_, [](const auto &each) { return each.expired(); });
    watches_.push_back(watch);
}

std::vector<std::shared_ptr<PeerWatch>> RtmpState::watches() const {
    std::lock_guard lock(mutex_);
    std::vector<std::shared_ptr<PeerWatch>> there;
    for (const auto &each : watches_)
        if (auto watch = each.lock()) there.push_back(std::move(watch));
    return there;
}

// --- the public face ----------------------------------------------------------------------

namespace {

class Claim final : public PublishClaim {
public:
    Claim(std::shared_ptr<RtmpServer> server, std::shared_ptr<RtmpMount> mount)
        : server_(std::move(server)), mount_(std::move(mount)) {}
    ~Claim() override { mount_->release_claim(); }
    void resume() override { mount_->resume_publisher(); }
    uint64_t bytes_in() const override { return mount_->bytes_in; }

private:
    std::shared_ptr<RtmpServer> server_;
    std::shared_ptr<RtmpMount> mount_;
};

class Feed final : public PlayFeed {
public:
    Feed(std::shared_ptr<RtmpServer> server, std::shared_ptr<RtmpMount> mount)
        : server_(std::move(server)), mount_(std::move(mount)) {}
    ~Feed() override { mount_->detach_feed(); }
    void push(const flv::Tag &tag) override {
        if (const auto packet = mount_->feed().append(tag, steady_ns()))
            mount_->audience().wake(packet->awaited);
    }
    void discontinuity() override { mount_->feed().discontinuity(); }
    Stats stats() const override {
        const Audience &audience = mount_->audience();
        return {audience.viewers, audience.viewers_total, audience.bytes_out, audience.skipped,
                audience.closed_slow};
    }

private:
    std::shared_ptr<RtmpServer> server_;
    std::shared_ptr<RtmpMount> mount_;
};

class Lease final : public PathLease {
public:
    Lease(std::shared_ptr<RtmpServer> server, std::shared_ptr<RtmpState> state, uint64_t id)
        : server_(std::move(server)), state_(std::move(state)), id_(id) {}
    ~Lease() override { state_->remove_lease(id_); }

private:
    std::shared_ptr<RtmpServer> server_;
    std::shared_ptr<RtmpState> state_;
    uint64_t id_;
};

class Server final : public RtmpServer, public std::enable_shared_from_this<Server> {
public:
    explicit Server(const RtmpLimits &limits) : limits_(limits) {}
    ~Server() override {
        if (listener_) listener_->close();
        if (state_) state_->shutdown();
    }
    bool start(const Address &address, std::string *error) {
        auto loops = Loops::shared();
        auto state = std::make_shared<RtmpState>(loops, limits_);
        listener_ = Listener::open(
            loops, address,
            [state](tcp::socket &&socket, size_t loop) {
                state->on_accept(std::move(socket), loop);
            },
            error);
        if (!listener_) return false;
        state_ = std::move(state);
        state_->start_checks();
        return true;
    }
    Address address() const override { return listener_->address(); }

    std::unique_ptr<PublishClaim> claim(const std::string &path, PublishReceiver &receiver,
                                        const std::string &key, std::string *error,
                                        std::shared_ptr<PeerWatch> watch) override {
        if (!check_path(path, error)) return nullptr;
        auto mount = state_->mount(path, true);
        if (!mount->claim(receiver, key, std::move(watch))) {
            *error = "another rtmpserversrc receives '" + path + "' already: use another name";
            return nullptr;
        }
        return std::make_unique<Claim>(shared_from_this(), std::move(mount));
    }

    std::unique_ptr<PlayFeed> feed(const std::string &path, gop::Limits history,
                                   const fanout::Policy &policy, std::string *error,
                                   std::shared_ptr<PeerWatch> watch) override {
        if (!check_path(path, error)) return nullptr;
        auto mount = state_->mount(path, true);
        if (!mount->attach_feed(history, policy, std::move(watch))) {
            *error = "another rtmpserversink serves '" + path + "' already: use another name";
            return nullptr;
        }
        return std::make_unique<Feed>(shared_from_this(), std::move(mount));
    }

    std::unique_ptr<PathLease> lease(LeaseOptions options) override {
        const uint64_t id = state_->add_lease(std::move(options));
        return std::make_unique<Lease>(shared_from_this(), state_, id);
    }

    std::unique_ptr<PathLease> lease_demand(DemandOptions options) override {
        const uint64_t id = state_->add_demand(std::move(options));
        return std::make_unique<Lease>(shared_from_this(), state_, id);
    }

    void end_players(const std::string &path, const std::string &reason) override {
        if (const auto mount = state_->mount(path, false)) state_->end_players(mount, reason);
    }
    void add_watch(const std::shared_ptr<PeerWatch> &watch) override { state_->add_watch(watch); }
    std::vector<MountInfo> mounts() const override { return state_->mounts(); }
    void refuse(const std::string &path, const std::string &reason) override {
        if (const auto mount = state_->mount(path, false)) mount->refuse(reason);
    }
    bool needs_key() const override { return state_->needs_key(); }

private:
    static bool check_path(const std::string &path, std::string *error) {
        if (is_safe_path(path)) return true;
        *error = "'" + path +
                 "' is not a legal stream path: write app/name, as in live/cam, "
                 "with letters, digits and ._~- only";
        return false;
    }

    const RtmpLimits limits_;
    std::shared_ptr<Listener> listener_;
    std::shared_ptr<RtmpState> state_;
};

Registry<Server> &registry() {
    static auto *instance = new Registry<Server>; // a server may close after main()
    return *instance;
}

} // namespace

std::shared_ptr<RtmpServer> RtmpServer::open(const Address &address, std::string *error,
                                             const RtmpLimits &limits) {
    return registry().open(address, error, limits);
}

std::vector<std::shared_ptr<RtmpServer>> RtmpServer::all() {
    return registry().all<RtmpServer>();
}

} // namespace penstock::net

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/rtsp/server.h"

#include "core/net/rtsp/state.h"
#include "core/net/stream/mount_keeper.h"
#include "core/net/stream/mounts.h"
#include "core/net/stream/registry.h"

#include <utility>

namespace penstock::net {
namespace {

class Claim final : public PublishClaim {
public:
    Claim(std::shared_ptr<RtspServer> server, std::shared_ptr<RtspMount> mount)
        : server_(std::move(server)), mount_(std::move(mount)) {}
    ~Claim() override { mount_->slot.release(); }
    void resume() override { mount_->slot.resume(); }
    bool want_keyframe() override { return mount_->slot.want_keyframe(); }
    uint64_t bytes_in() const override { return mount_->bytes_in; }

private:
    std::shared_ptr<RtspServer> server_;
    std::shared_ptr<RtspMount> mount_;
};

class Feed final : public PlayFeed {
public:
    Feed(std::shared_ptr<RtspServer> server, std::shared_ptr<RtspMount> mount, const Ending &ending)
        : server_(std::move(server)), mount_(std::move(mount)), ending_(ending) {}
    ~Feed() override {
        mount_->detach_feed();
        MountKeeper::instance().detach(mount_, ending_);
    }
    void push(const flv::Tag &tag) override { mount_->push(tag); }
    void discontinuity() override { mount_->discontinuity(); }
    ViewerTotals stats() const override { return mount_->totals(); }

private:
    std::shared_ptr<RtspServer> server_;
    std::shared_ptr<RtspMount> mount_;
    const Ending ending_;
};

class Server final : public RtspServer, public std::enable_shared_from_this<Server> {
public:
    Server(const RtspOptions &options, const RtspLimits &limits)
        : options_(options), limits_(limits) {}
    ~Server() override {
        if (listener_) listener_->close();
        if (!state_) return;
        state_->roster->shutdown();
        MountKeeper::instance().forget("rtsp", state_->address);
    }
    bool start(const Address &address, std::string *error) {
        std::shared_ptr<TlsContext> certificate;
        if (!options_.tls.empty() && !(certificate = TlsContext::load(options_.tls, error)))
            return false;
        auto loops = Loops::shared(error);
        if (!loops) return false;
        auto state = std::make_shared<RtspState>(loops, options_, limits_, std::move(certificate));
        if (options_.udp && !options_.tls_only) {
            state->ports = UdpPorts::open(loops, address.host, options_.udp_port, error);
            if (!state->ports) return false;
        }
        listener_ = Listener::open(
            loops, address, scheme(),
            [state](tcp::socket &&socket, size_t loop) {
                state->on_accept(std::move(socket), loop);
            },
            error);
        if (!listener_) return false;
        state->address = listener_->address();
        state->opened.count_down();
        state_ = std::move(state);
        return true;
    }
    bool suits(const RtspOptions &options, const RtspLimits &limits, std::string *error) const {
        if (options == options_ && limits == limits_) return true;
        if (error)
            *error = "port " + std::to_string(address().port) +
                     " is open in this process with other options: all elements at one address "
                     "give the same scheme, certificate and UDP ports; choose another port";
        return false;
    }
    Address address() const override { return listener_->address(); }
    const RtspOptions &options() const override { return options_; }

    std::unique_ptr<PublishClaim> claim(const std::string &path, TagReceiver &receiver,
                                        const ClaimOptions &options, std::string *error) override {
        if (!check_path(path, error)) return nullptr;
        auto mount = state_->mount(path, true);
        if (!mount->slot.claim(receiver, options)) {
            *error = "another rtspserversrc receives '" + path + "' already: use another name";
            return nullptr;
        }
        return std::make_unique<Claim>(shared_from_this(), std::move(mount));
    }

    std::unique_ptr<PlayFeed> feed(const std::string &path, const PlayFeedOptions &options,
                                   std::string *error) override {
        if (!check_path(path, error)) return nullptr;
        bool busy = false;
        auto mount = std::static_pointer_cast<RtspMount>(MountKeeper::instance().attach(
            {"rtsp", address(), path},
            [&] {
                return MountKeeper::Made{state_->mount(path, true), nullptr};
            },
            &busy));
        if (busy) {
            *error = "another rtspserversink serves '" + path + "' already: use another name";
            return nullptr;
        }
        mount->attach_feed(options);
        return std::make_unique<Feed>(shared_from_this(), std::move(mount), options.ending);
    }

    bool set_multicast(const std::string &path, const std::string &address, uint16_t port,
                       uint8_t ttl, std::string *error) override {
        boost::system::error_code failed;
        const auto group = boost::asio::ip::make_address(address, failed);
        if (!address.empty() && (failed || !group.is_multicast() || port == 0 || port % 2 != 0)) {
            if (error)
                *error = "'" + address + ":" + std::to_string(port) +
                         "' is no address of a multicast group with an even port: write it as in "
                         "239.255.42.1:5000";
            return false;
        }
        if (const auto mount = state_->mount(path, false))
            mount->set_multicast({address, port, ttl});
        return true;
    }

    PathRules &rules() override { return *state_->rules; }
    std::vector<MountInfo> mounts() const override {
        auto mounts = Mounts::instance().snapshot("rtsp");
        std::erase_if(mounts,
                      [this](const MountInfo &mount) { return mount.address != address(); });
        return mounts;
    }
    void refuse(const std::string &path, const std::string &reason) override {
        if (const auto mount = state_->mount(path, false)) mount->slot.refuse(reason);
    }
    void refuse_busy(const std::string &path) override {
        if (const auto mount = state_->mount(path, false)) mount->slot.refuse_busy();
    }

private:
    static bool check_path(const std::string &path, std::string *error) {
        if (is_safe_path(path)) return true;
        *error = "'" + path +
                 "' is not a legal stream path: write it as in live/cam, with letters, digits and "
                 "._~- only";
        return false;
    }

    const RtspOptions options_;
    const RtspLimits limits_;
    std::shared_ptr<Listener> listener_;
    std::shared_ptr<RtspState> state_;
};

Registry<Server> &registry() {
    static auto *instance = new Registry<Server>; // a server may close after main()
    return *instance;
}

} // namespace

std::shared_ptr<RtspServer> RtspServer::open(const Address &address, const RtspOptions &options,
                                             std::string *error, const RtspLimits &limits) {
    return registry().open(address, error, options, limits);
}

std::shared_ptr<RtspServer> RtspServer::find(const Address &address) {
    return registry().find(address);
}

std::vector<std::shared_ptr<RtspServer>> RtspServer::all() {
    return registry().all<RtspServer>();
}

} // namespace penstock::net

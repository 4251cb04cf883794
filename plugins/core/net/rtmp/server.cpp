// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/rtmp/server.h"

#include "core/net/rtmp/connection.h"
#include "core/net/rtmp/state.h"
#include "core/net/stream/mount_keeper.h"
#include "core/net/stream/mounts.h"
#include "core/net/stream/registry.h"

#include <utility>

namespace penstock::net {

// --- RtmpState ----------------------------------------------------------------------------

RtmpState::RtmpState(std::shared_ptr<Loops> loops, const RtmpLimits &what_peers_may,
                     std::shared_ptr<TlsContext> certificate, bool tls_only)
    : limits(what_peers_may), tls(std::move(certificate)), is_tls_only(tls_only),
      roster(std::make_shared<Roster>(loops, limits.connections)),
      waiting(std::make_shared<WaitingRoom>(limits.connections / 2, limits.waiting_per_host)),
      hosts(std::make_shared<WaitingRoom>(limits.connections, limits.connections_per_host)),
      silent(std::make_shared<SilentRoom>(limits.silent, limits.silent_per_host)),
      loops_(std::move(loops)) {
}

void RtmpState::on_accept(tcp::socket &&socket, size_t loop) {
    opened.wait(); // the first peer may come before open() has returned
    const std::string peer = endpoint_name(socket);
    if (roster->is_full())
        return refusals.refused(peer, std::to_string(limits.connections) +
                                          " connections are open already");
    auto place = hosts->enter(peer);
    if (!place)
        return refusals.refused(peer, "its host has " +
                                          std::to_string(limits.connections_per_host) +
                                          " connections already");
    auto connection = std::make_shared<RtmpConnection>(std::move(socket), loop, shared_from_this());
    auto silent_place = silent->enter(peer, [weak = std::weak_ptr(connection)] {
        if (const auto displaced = weak.lock()) displaced->make_room();
    });
    if (!silent_place) return refusals.refused(peer, too_many_silent);
    connection->hold(std::move(place), std::move(silent_place));
    roster->add(connection);
    connection->start();
}

std::shared_ptr<RtmpMount> RtmpState::mount(const std::string &path, bool create) {
    const MountKey key{"rtmp", address, path};
    if (!create) return std::static_pointer_cast<RtmpMount>(Mounts::instance().find(key));
    // A mount of an earlier server at this address that is still referenced has other loops.
    return Mounts::instance().find_or_make<RtmpMount>(
        key, [&](const RtmpMount &mount) { return mount.loops() == loops_; },
        [&] { return std::make_shared<RtmpMount>(key, loops_); });
}

/// HOST is the name by which the peer knows this machine.
std::string RtmpState::advice(const std::string &verb,
                              const std::vector<std::string> &paths) const {
    const std::string scheme = is_tls_only ? "rtmps" : "rtmp";
    const std::string port =
        address.port == (is_tls_only ? 443 : 1935) ? "" : ":" + std::to_string(address.port);
    std::string text;
    for (const std::string &path : paths)
        text += (text.empty() ? verb : " or ") + scheme + "://HOST" + port + "/" + path;
    return text;
}

std::string RtmpState::publish_advice() const {
    return advice("publish to ", rules->publish_examples());
}

std::string RtmpState::play_advice() const {
    return advice("play ", rules->play_examples());
}

// --- the public face ----------------------------------------------------------------------

namespace {

class Claim final : public PublishClaim {
public:
    Claim(std::shared_ptr<RtmpServer> server, std::shared_ptr<RtmpMount> mount)
        : server_(std::move(server)), mount_(std::move(mount)) {}
    ~Claim() override { mount_->slot.release(); }
    void resume() override { mount_->slot.resume(); }
    bool want_keyframe() override { return mount_->slot.want_keyframe(); }
    uint64_t bytes_in() const override { return mount_->bytes_in; }

private:
    std::shared_ptr<RtmpServer> server_;
    std::shared_ptr<RtmpMount> mount_;
};

class Feed final : public PlayFeed {
public:
    Feed(std::shared_ptr<RtmpServer> server, std::shared_ptr<RtmpMount> mount, const Ending &ending)
        : server_(std::move(server)), mount_(std::move(mount)), ending_(ending) {}
    ~Feed() override {
        mount_->detach_feed();
        MountKeeper::instance().detach(mount_, ending_);
    }
    void push(const flv::Tag &tag) override {
        mount_->note_media();
        if (const auto packet = mount_->feed().append(tag, steady_ns()))
            mount_->audience().wake(packet->awaited);
    }
    void discontinuity() override { mount_->feed().discontinuity(); }
    ViewerTotals stats() const override { return mount_->totals(); }

private:
    std::shared_ptr<RtmpServer> server_;
    std::shared_ptr<RtmpMount> mount_;
    const Ending ending_;
};

class Server final : public RtmpServer, public std::enable_shared_from_this<Server> {
public:
    Server(const RtmpTls &tls, const RtmpLimits &limits) : tls_(tls), limits_(limits) {}
    ~Server() override {
        if (listener_) listener_->close();
        if (!state_) return;
        state_->roster->shutdown();
        MountKeeper::instance().forget("rtmp", state_->address);
    }
    bool start(const Address &address, std::string *error) {
        std::shared_ptr<TlsContext> certificate;
        if (!tls_.files.empty() && !(certificate = TlsContext::load(tls_.files, error)))
            return false;
        auto loops = Loops::shared(error);
        if (!loops) return false;
        auto state = std::make_shared<RtmpState>(loops, limits_, std::move(certificate), tls_.only);
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
    bool suits(const RtmpTls &tls, const RtmpLimits &limits, std::string *error) const {
        if (tls == tls_ && limits == limits_) return true;
        const std::string port = "port " + std::to_string(address().port);
        if (error && tls == tls_)
            *error = port + " is open in this process with other limits: choose another port";
        else if (error)
            *error =
                port + " serves " + scheme() + "://" +
                (tls_.files.empty() ? std::string(", without TLS,")
                                    : " with the certificate '" + tls_.files.certificate + "'") +
                " in this process: all locations at a port have the same scheme and "
                "certificate; choose another port";
        return false;
    }
    Address address() const override { return listener_->address(); }
    const RtmpTls &tls() const override { return tls_; }

    std::unique_ptr<PublishClaim> claim(const std::string &path, TagReceiver &receiver,
                                        const ClaimOptions &options, std::string *error) override {
        if (!check_path(path, error)) return nullptr;
        auto mount = state_->mount(path, true);
        if (!mount->slot.claim(receiver, options)) {
            *error = "another rtmpserversrc receives '" + path + "' already: use another name";
            return nullptr;
        }
        return std::make_unique<Claim>(shared_from_this(), std::move(mount));
    }

    std::unique_ptr<PlayFeed> feed(const std::string &path, const PlayFeedOptions &options,
                                   std::string *error) override {
        if (!check_path(path, error)) return nullptr;
        bool busy = false;
        auto mount = std::static_pointer_cast<RtmpMount>(MountKeeper::instance().attach(
            {"rtmp", address(), path},
            [&] {
                return MountKeeper::Made{state_->mount(path, true), nullptr};
            },
            &busy));
        if (busy) {
            *error = "another rtmpserversink serves '" + path + "' already: use another name";
            return nullptr;
        }
        mount->attach_feed(options);
        return std::make_unique<Feed>(shared_from_this(), std::move(mount), options.ending);
    }

    PathRules &rules() override { return *state_->rules; }
    std::vector<MountInfo> mounts() const override {
        auto mounts = Mounts::instance().snapshot("rtmp");
        std::erase_if(mounts,
                      [this](const MountInfo &mount) { return mount.address != address(); });
        return mounts;
    }
    void ask_to_reconnect(const std::string &path, bool publisher, const std::string &url,
                          const std::string &description) override {
        state_->roster->each([=](RosterMember &member) {
            static_cast<RtmpConnection &>(member).ask_to_reconnect(path, publisher, url,
                                                                   description);
        });
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
                 "' is not a legal stream path: write app/name, as in live/cam, "
                 "with letters, digits and ._~- only";
        return false;
    }

    const RtmpTls tls_;
    const RtmpLimits limits_;
    std::shared_ptr<Listener> listener_;
    std::shared_ptr<RtmpState> state_;
};

Registry<Server> &registry() {
    static auto *instance = new Registry<Server>; // a server may close after main()
    return *instance;
}

} // namespace

std::shared_ptr<RtmpServer> RtmpServer::open(const Address &address, const RtmpTls &tls,
                                             std::string *error, const RtmpLimits &limits) {
    return registry().open(address, error, tls, limits);
}

std::shared_ptr<RtmpServer> RtmpServer::find(const Address &address) {
    return registry().find(address);
}

std::vector<std::shared_ptr<RtmpServer>> RtmpServer::all() {
    return registry().all<RtmpServer>();
}

} // namespace penstock::net

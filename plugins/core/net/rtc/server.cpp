// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/rtc/server.h"

#include "core/net/http/server.h"
#include "core/net/loop/clock.h"
#include "core/net/rtc/endpoint.h"
#include "core/net/rtc/participant.h"
#include "core/net/rtc/publisher.h"
#include "core/net/rtc/state.h"
#include "core/net/rtc/viewer.h"
#include "core/net/stream/mount_keeper.h"
#include "core/net/stream/mounts.h"
#include "core/net/stream/registry.h"

#include <utility>

namespace penstock::net {
namespace {

std::string quoted(const std::string &text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') out += '\\';
        out += c;
    }
    return out + '"';
}

/// Makes sessions for the endpoints. Thread-safe.
class Peers final : public RtcPeers {
public:
    explicit Peers(std::shared_ptr<RtcState> state) : state_(std::move(state)) {}

    std::function<void()> create(PeerInfo peer, sdp::Offer offer, Created done) override {
        RtcSession::Seats seats;
        if (!state_->roster->is_full()) seats.session = state_->hosts->enter(peer.address);
        if (seats.session) seats.unfinished = state_->unfinished->enter(peer.address);
        if (!seats.unfinished) {
            state_->refusals.refused(peer.address, "too many sessions are open");
            done({.status = 503, .text = "Too many are connected; try again.", .retry_after = 5});
            return [] {};
        }
        const size_t loop = state_->loops()->next();
        std::shared_ptr<RtcSession> session;
        if (is_room_path(peer.path))
            session =
                std::make_shared<RtcParticipant>(state_, loop, std::move(peer), std::move(seats));
        else if (peer.publish)
            session =
                std::make_shared<RtcPublisher>(state_, loop, std::move(peer), std::move(seats));
        else
            session = std::make_shared<RtcViewer>(state_, loop, std::move(peer), std::move(seats));
        session->open(std::move(offer), std::move(done));
        return [weak = std::weak_ptr(session)] {
            if (const auto left = weak.lock()) left->close("its client left before the answer");
        };
    }
    void patch(const std::string &path, const std::string &id, const std::string &if_match,
               sdp::Fragment fragment, Patched done) override {
        const auto session = find(path, id);
        if (!session) return done({404, "There is no such session.", {}});
        session->patch(if_match, std::move(fragment), std::move(done));
    }
    bool remove(const std::string &path, const std::string &id) override {
        const auto session = find(path, id);
        if (session) session->close("its client ended it");
        return session != nullptr;
    }
    std::vector<std::string> links() const override {
        std::vector<std::string> links;
        for (const IceServer &server : state_->options.ice_servers) {
            std::string link = "<" + server.url + ">; rel=\"ice-server\"";
            if (!server.username.empty())
                link += "; username=" + quoted(server.username) +
                        "; credential=" + quoted(server.credential) +
                        "; credential-type=\"password\"";
            links.push_back(std::move(link));
        }
        return links;
    }
    bool takes(const std::string &path, bool publish) const override {
        if (is_room_path(path))
            return publish && (state_->rooms->find(path) || state_->rules->lease_for(path));
        const auto mount = state_->mount(path, false);
        if (publish) return (mount && mount->slot.is_claimed()) || state_->rules->lease_for(path);
        return (mount && mount->has_feed()) || state_->rules->demand_for(path);
    }

private:
    std::shared_ptr<RtcSession> find(const std::string &path, const std::string &id) const {
        auto session = state_->find(id);
        return session && session->endpoint() == path ? session : nullptr;
    }

    const std::shared_ptr<RtcState> state_;
};

class Claim final : public PublishClaim {
public:
    Claim(std::shared_ptr<RtcServer> server, std::shared_ptr<RtcMount> mount)
        : server_(std::move(server)), mount_(std::move(mount)) {}
    ~Claim() override { mount_->slot.release(); }
    void resume() override { mount_->slot.resume(); }
    bool want_keyframe() override { return mount_->slot.want_keyframe(); }
    uint64_t bytes_in() const override { return mount_->bytes_in; }

private:
    std::shared_ptr<RtcServer> server_;
    std::shared_ptr<RtcMount> mount_;
};

class Feed final : public PlayFeed {
public:
    Feed(std::shared_ptr<RtcServer> server, std::shared_ptr<RtcMount> mount, const Ending &ending)
        : server_(std::move(server)), mount_(std::move(mount)), ending_(ending) {}
    ~Feed() override {
        mount_->detach_feed();
        MountKeeper::instance().detach(mount_, ending_);
    }
    void push(const flv::Tag &tag) override { mount_->push(tag); }
    void discontinuity() override { mount_->discontinuity(); }
    ViewerTotals stats() const override { return mount_->totals(); }

private:
    std::shared_ptr<RtcServer> server_;
    std::shared_ptr<RtcMount> mount_;
    const Ending ending_;
};

class Room final : public RoomClaim {
public:
    Room(std::shared_ptr<RtcServer> server, std::shared_ptr<RtcRoom> room,
         std::shared_ptr<RoomTap> tap)
        : server_(std::move(server)), room_(std::move(room)), tap_(std::move(tap)) {}
    ~Room() override { room_->remove_tap(tap_); }
    RoomStats stats() const override { return room_->stats(); }
    void want_keyframe(uint64_t stream) override { room_->want_keyframe(stream); }

private:
    const std::shared_ptr<RtcServer> server_;
    const std::shared_ptr<RtcRoom> room_;
    const std::shared_ptr<RoomTap> tap_;
};

class Server final : public RtcServer, public std::enable_shared_from_this<Server> {
public:
    Server(const TlsFiles &tls, const RtcOptions &options) : tls_(tls), options_(options) {}
    ~Server() override {
        endpoint_.reset();
        if (!state_) return;
        state_->roster->shutdown();
        MountKeeper::instance().forget("rtc", state_->http);
    }
    bool start(const Address &address, std::string *error) {
        const auto http = HttpServer::open(address, tls_, error);
        if (!http) return false;
        auto port = RtcPort::open(options_.udp, options_.announce, error);
        if (!port) return false;
        auto state = std::make_shared<RtcState>(http->address(), options_, std::move(port),
                                                http->shared_rules());
        peers_ = std::make_shared<Peers>(state);
        endpoint_ = RtcEndpoint::open(http, peers_, error);
        if (!endpoint_) return false;
        http_ = http;
        state_ = std::move(state);
        return true;
    }
    bool suits(const TlsFiles &tls, const RtcOptions &options, std::string *error) const {
        if (tls == tls_ && options == options_) return true;
        const std::string port = "port " + std::to_string(address().port);
        if (error)
            *error = tls == tls_
                         ? "WebRTC at " + port +
                               " has other options in this process: give all "
                               "elements at a port the same udp, announce and "
                               "ice-servers"
                         : port + " is open in this process with another certificate: all "
                                  "locations at a port have the same scheme and certificate";
        return false;
    }

    Address address() const override { return state_->http; }
    Address udp_address() const override { return state_->port->address(); }
    const TlsFiles &tls() const override { return tls_; }
    const RtcOptions &options() const override { return options_; }

    std::unique_ptr<PublishClaim> claim(const std::string &path, TagReceiver &receiver,
                                        const ClaimOptions &options, std::string *error) override {
        auto mount = state_->mount(path, true);
        if (!mount->slot.claim(receiver, options)) {
            *error = "another rtcserversrc receives '" + path + "' already: use another name";
            return nullptr;
        }
        return std::make_unique<Claim>(shared_from_this(), std::move(mount));
    }
    std::unique_ptr<PlayFeed> feed(const std::string &path, const PlayFeedOptions &options,
                                   std::string *error) override {
        bool busy = false;
        auto mount = std::static_pointer_cast<RtcMount>(MountKeeper::instance().attach(
            {"rtc", address(), path},
            [&] {
                return MountKeeper::Made{state_->mount(path, true), nullptr};
            },
            &busy));
        if (busy) {
            *error = "another rtcserversink serves '" + path + "' already: use another name";
            return nullptr;
        }
        mount->attach_feed(options);
        return std::make_unique<Feed>(shared_from_this(), std::move(mount), options.ending);
    }
    std::unique_ptr<RoomClaim> room(const std::string &path, RoomReceiver &receiver,
                                    const RoomOptions &options, std::string *error) override {
        const auto tap = std::make_shared<RoomTap>(receiver);
        auto room = state_->rooms->open(path, options, tap, error);
        if (!room) return nullptr;
        return std::make_unique<Room>(shared_from_this(), std::move(room), tap);
    }
    bool is_room_readable(const std::string &path) const override {
        return state_->rooms->is_readable(path);
    }
    bool is_room_wanted(const std::string &path) const override {
        return state_->rooms->is_wanted(path);
    }
    PathRules &rules() override { return *state_->rules; }
    std::vector<MountInfo> mounts() const override {
        auto mounts = Mounts::instance().snapshot("rtc");
        std::erase_if(mounts,
                      [this](const MountInfo &mount) { return mount.address != address(); });
        return mounts;
    }
    void refuse(const std::string &path, const std::string &reason) override {
        state_->rooms->refuse(path, reason);
        if (const auto mount = state_->mount(path, false)) mount->slot.refuse(reason);
    }
    void refuse_busy(const std::string &path) override {
        state_->rooms->refuse(path, "another stream has this name already");
        if (const auto mount = state_->mount(path, false)) mount->slot.refuse_busy();
    }

private:
    const TlsFiles tls_;
    const RtcOptions options_;
    std::shared_ptr<HttpServer> http_;
    std::shared_ptr<RtcState> state_;
    std::shared_ptr<Peers> peers_;
    std::unique_ptr<RtcEndpoint> endpoint_;
};

Registry<Server> &servers() {
    static auto &all = *new Registry<Server>; // never destroyed: loops may outlive statics
    return all;
}

} // namespace

std::shared_ptr<RtcServer> RtcServer::open(const Address &http, const TlsFiles &tls,
                                           const RtcOptions &options, std::string *error) {
    return servers().open(http, error, tls, options);
}

std::shared_ptr<RtcServer> RtcServer::find(const Address &http) {
    return servers().find(http);
}

std::vector<std::shared_ptr<RtcServer>> RtcServer::all() {
    return servers().all<RtcServer>();
}

} // namespace penstock::net

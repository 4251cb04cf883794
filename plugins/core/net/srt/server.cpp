// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/srt/server.h"

#include "core/net/loop/clock.h"
#include "core/net/srt/library.h"
#include "core/net/srt/port.h"
#include "core/net/srt/state.h"
#include "core/net/stream/mount_keeper.h"
#include "core/net/stream/mounts.h"
#include "core/net/stream/registry.h"

#include <utility>

namespace penstock::net {
namespace {

class Claim final : public SrtClaim {
public:
    Claim(std::shared_ptr<SrtServer> server, std::shared_ptr<SrtMount> mount)
        : server_(std::move(server)), mount_(std::move(mount)) {}
    ~Claim() override { mount_->release(); }
    void resume() override { mount_->slot.resume(); }
    uint64_t bytes_in() const override { return mount_->bytes_in; }
    SrtNetwork network() const override { return mount_->publishers.sum(); }

private:
    std::shared_ptr<SrtServer> server_;
    std::shared_ptr<SrtMount> mount_;
};

class Feed final : public SrtFeed {
public:
    Feed(std::shared_ptr<SrtServer> server, std::shared_ptr<SrtMount> mount, const Ending &ending)
        : server_(std::move(server)), mount_(std::move(mount)), ending_(ending) {}
    ~Feed() override {
        mount_->detach_feed();
        MountKeeper::instance().detach(mount_, ending_);
    }
    void push(const flv::Tag &tag) override {
        mount_->note_media();
        if (mount_->feed().append(tag, steady_ns())) mount_->audience().wake(true);
    }
    void push(ByteView bytes) override {
        mount_->note_media();
        if (mount_->feed().append(bytes, steady_ns())) mount_->audience().wake(true);
    }
    void discontinuity() override { mount_->feed().discontinuity(); }
    std::string take_complaint() override { return mount_->feed().take_complaint(); }
    bool has_begun() const override { return mount_->feed().has_begun(); }
    ViewerTotals stats() const override { return mount_->totals(); }
    SrtNetwork network() const override { return mount_->watching.sum(); }

private:
    std::shared_ptr<SrtServer> server_;
    std::shared_ptr<SrtMount> mount_;
    const Ending ending_;
};

class Server final : public SrtServer, public std::enable_shared_from_this<Server> {
public:
    explicit Server(const SrtLimits &limits) : limits_(limits) {}
    ~Server() override {
        if (!port_) return;
        port_->close_listener();
        state_->roster->shutdown();
        MountKeeper::instance().forget("srt", state_->address);
    }
    bool start(const Address &address, std::string *error) {
        if (!start_srt(error)) return false;
        auto loops = Loops::shared(error);
        if (!loops) return false;
        state_ = std::make_shared<SrtState>(std::move(loops), limits_);
        port_ = SrtPort::open(address, state_, error);
        return port_ != nullptr;
    }
    bool suits(const SrtLimits &limits, std::string *error) const {
        if (limits == limits_) return true;
        if (error)
            *error = "port " + std::to_string(address().port) +
                     " is open in this process with other limits: choose another port";
        return false;
    }
    Address address() const override { return state_->address; }

    std::unique_ptr<SrtClaim> claim(const std::string &path, TsReceiver &receiver,
                                    const ClaimOptions &options, const SrtTraits &traits,
                                    std::string *error) override {
        if (!check(path, traits, error)) return nullptr;
        auto mount = state_->mount(path, true);
        if (!mount->claim(receiver, options, traits)) {
            *error = "another srtliveserversrc receives '" + path + "' already: use another name";
            return nullptr;
        }
        return std::make_unique<Claim>(shared_from_this(), std::move(mount));
    }

    std::unique_ptr<SrtFeed> feed(const std::string &path, const PlayFeedOptions &options,
                                  const SrtTraits &traits, std::string *error) override {
        if (!check(path, traits, error)) return nullptr;
        bool busy = false;
        auto mount = std::static_pointer_cast<SrtMount>(MountKeeper::instance().attach(
            {"srt", address(), path},
            [&] {
                return MountKeeper::Made{state_->mount(path, true), nullptr};
            },
            &busy));
        if (busy) {
            *error = "another srtliveserversink serves '" + path + "' already: use another name";
            return nullptr;
        }
        mount->attach_feed(options, traits);
        return std::make_unique<Feed>(shared_from_this(), std::move(mount), options.ending);
    }

    PathRules &rules() override { return *state_->rules; }
    std::shared_ptr<void> expect(SrtExpected expected) override {
        return state_->expect(std::move(expected));
    }
    std::vector<MountInfo> mounts() const override {
        auto mounts = Mounts::instance().snapshot("srt");
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
    static bool check(const std::string &path, const SrtTraits &traits, std::string *error) {
        *error = traits.check();
        if (!error->empty()) return false;
        if (is_safe_path(path)) return true;
        *error = "'" + path +
                 "' is not a legal stream path: write live/NAME, with letters, digits and ._~- "
                 "only";
        return false;
    }

    const SrtLimits limits_;
    std::shared_ptr<SrtState> state_;
    std::unique_ptr<SrtPort> port_; ///< ends before the state
};

Registry<Server> &registry() {
    static auto *instance = new Registry<Server>; // a server may close after main()
    return *instance;
}

} // namespace

std::shared_ptr<SrtServer> SrtServer::open(const Address &address, std::string *error,
                                           const SrtLimits &limits) {
    return registry().open(address, error, limits);
}

std::shared_ptr<SrtServer> SrtServer::find(const Address &address) {
    return registry().find(address);
}

std::vector<std::shared_ptr<SrtServer>> SrtServer::all() {
    return registry().all<SrtServer>();
}

} // namespace penstock::net

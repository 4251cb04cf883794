// SPDX-License-Identifier: LGPL-2.1-or-later
#include "line_server.h"

#include "core/net/loop/clock.h"
#include "core/net/stream/mount_keeper.h"
#include "core/net/stream/registry.h"
#include "line_connection.h"

namespace penstock::example {
namespace {

class Claim final : public LineClaim {
public:
    Claim(std::shared_ptr<LineServer> server, std::shared_ptr<LineMount> mount)
        : server_(std::move(server)), mount_(std::move(mount)) {}
    ~Claim() override { mount_->slot.release(); }
    void resume() override { mount_->slot.resume(); }

private:
    const std::shared_ptr<LineServer> server_; ///< destroyed last: it stays open
    const std::shared_ptr<LineMount> mount_;
};

class Feed final : public LineFeed {
public:
    Feed(std::shared_ptr<LineServer> server, std::shared_ptr<LineMount> mount,
         const net::Ending &ending)
        : server_(std::move(server)), mount_(std::move(mount)), ending_(ending) {}
    ~Feed() override {
        mount_->detach_feed();
        net::MountKeeper::instance().detach(mount_, ending_);
    }
    void push(Bytes line) override {
        mount_->note_media();
        mount_->audience().ring().append(fanout::plain_packet(std::move(line)), net::steady_ns(),
                                         true);
        mount_->audience().wake(true);
    }
    net::ViewerTotals totals() const override { return mount_->totals(); }

private:
    const std::shared_ptr<LineServer> server_;
    const std::shared_ptr<LineMount> mount_;
    const net::Ending ending_;
};

class Server final : public LineServer, public std::enable_shared_from_this<Server> {
public:
    ~Server() override {
        if (listener_) listener_->close();
        if (!state_) return;
        state_->roster->shutdown();
        net::MountKeeper::instance().forget("lines", state_->address);
    }
    bool start(const net::Address &address, std::string *error) {
        auto loops = net::Loops::shared(error);
        if (!loops) return false;
        auto state = std::make_shared<LineState>(loops);
        listener_ = net::Listener::open(
            loops, address, "lines",
            [state](net::tcp::socket &&socket, size_t loop) {
                state->on_accept(std::move(socket), loop);
            },
            error);
        if (!listener_) return false;
        state->address = listener_->address();
        state->opened.count_down();
        state_ = std::move(state);
        return true;
    }
    bool suits(std::string *) const { return true; }
    net::Address address() const override { return listener_->address(); }
    net::PathRules &rules() override { return *state_->rules; }

    std::unique_ptr<LineClaim> claim(const std::string &path, LineReceiver &receiver,
                                     const net::ClaimOptions &options,
                                     std::string *error) override {
        auto mount = state_->find_or_make(path);
        if (mount->slot.claim(receiver, options))
            return std::make_unique<Claim>(shared_from_this(), std::move(mount));
        *error = "another linesserversrc receives '" + path + "' already: use another name";
        return nullptr;
    }
    std::unique_ptr<LineFeed> feed(const std::string &path, const LineFeedOptions &options,
                                   std::string *error) override {
        bool busy = false;
        auto mount = std::static_pointer_cast<LineMount>(net::MountKeeper::instance().attach(
            {"lines", address(), path},
            [&] {
                return net::MountKeeper::Made{state_->find_or_make(path), nullptr};
            },
            &busy));
        if (busy) {
            *error = "another linesserversink serves '" + path + "' already: use another name";
            return nullptr;
        }
        mount->attach_feed(options);
        return std::make_unique<Feed>(shared_from_this(), std::move(mount), options.ending);
    }
    void refuse(const std::string &path, const std::string &reason) override {
        if (const auto mount = state_->find(path)) mount->slot.refuse(reason);
    }

private:
    std::shared_ptr<net::Listener> listener_;
    std::shared_ptr<LineState> state_;
};

net::Registry<Server> &registry() {
    static auto *instance = new net::Registry<Server>; // a server may close after main()
    return *instance;
}

} // namespace

std::shared_ptr<LineServer> LineServer::open(const net::Address &address, std::string *error) {
    return registry().open(address, error);
}

std::vector<std::shared_ptr<LineServer>> LineServer::all() {
    return registry().all<LineServer>();
}

} // namespace penstock::example

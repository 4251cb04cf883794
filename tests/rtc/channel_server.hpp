// SPDX-License-Identifier: LGPL-2.1-or-later
// A WHIP server whose sessions have data channels and nothing else, and send back each text that
// they get.
#pragma once

#include "core/net/http/server.h"
#include "core/net/rtc/endpoint.h"
#include "core/net/rtc/session.h"
#include "core/net/stream/peer.h"

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace rtc_test {

using namespace penstock;

/// What happens at the sessions of a server. Thread-safe.
struct ChannelEvents {
    void add(const std::string &what) {
        std::lock_guard lock(mutex);
        if (all.size() < 10'000) all.push_back(what);
    }
    bool has(const std::string &what) {
        std::lock_guard lock(mutex);
        return std::find(all.begin(), all.end(), what) != all.end();
    }
    std::atomic<unsigned> opened{0}, texts{0}, closed{0}, ended{0}, refused{0};
    std::mutex mutex; ///< guards the following
    std::vector<std::string> all;
};

class ChannelSession final : public net::RtcSession {
public:
    ChannelSession(std::shared_ptr<net::RtcState> state, size_t loop, net::PeerInfo peer,
                   Seats seats, std::shared_ptr<ChannelEvents> events)
        : RtcSession(std::move(state), loop, std::move(peer), std::move(seats)),
          events_(std::move(events)) {}

private:
    void admit() override {
        sdp::AnswerPolicy policy;
        policy.max_message_size = sctp::max_message;
        if (prepare_answer(policy)) send_answer();
    }
    void on_connected() override { events_->add("connected"); }
    void on_rtp(std::span<uint8_t>, uint64_t) override {}
    void on_rtcp(ByteView, uint64_t) override {}
    void on_closed(const std::string &) override { ++events_->ended; }
    bool sends_media() const override { return false; }
    void on_channel_open(uint16_t id, const std::string &label) override {
        ++events_->opened;
        events_->add("open " + std::to_string(id) + " " + label);
    }
    void on_channel_text(uint16_t id, std::string_view text) override {
        ++events_->texts;
        if (!send_channel_text(id, text)) ++events_->refused;
    }
    void on_channel_closed(uint16_t id) override {
        ++events_->closed;
        events_->add("closed " + std::to_string(id));
    }

    const std::shared_ptr<ChannelEvents> events_;
};

class ChannelPeers final : public net::RtcPeers {
public:
    explicit ChannelPeers(std::shared_ptr<net::RtcState> state) : state_(std::move(state)) {}

    std::function<void()> create(net::PeerInfo peer, sdp::Offer offer, Created done) override {
        net::RtcSession::Seats seats{state_->hosts->enter(peer.address),
                                     state_->unfinished->enter(peer.address)};
        const size_t loop = state_->loops()->next();
        const auto session = std::make_shared<ChannelSession>(state_, loop, std::move(peer),
                                                              std::move(seats), events);
        session->open(std::move(offer), std::move(done));
        return [] {};
    }
    void patch(const std::string &, const std::string &, const std::string &, sdp::Fragment,
               Patched done) override {
        done({});
    }
    bool remove(const std::string &, const std::string &id) override {
        const auto session = state_->find(id);
        if (session) session->close("its client ended it");
        return session != nullptr;
    }
    std::vector<std::string> links() const override { return {}; }
    bool takes(const std::string &, bool) const override { return true; }

    const std::shared_ptr<ChannelEvents> events = std::make_shared<ChannelEvents>();

private:
    const std::shared_ptr<net::RtcState> state_;
};

/// At "/NAME/whip" of its port.
class ChannelServer {
public:
    /// nullptr, and why in `error`: no port is free. `udp` may be that of another server here.
    static std::unique_ptr<ChannelServer> open(const net::Address &http, const net::Address &udp,
                                               std::string *error) {
        std::unique_ptr<ChannelServer> out(new ChannelServer);
        out->http_ = net::HttpServer::open(http, error);
        if (!out->http_) return nullptr;
        auto port = net::RtcPort::open(udp, {}, error);
        if (!port) return nullptr;
        net::RtcOptions options;
        options.udp = port->address();
        out->state_ = std::make_shared<net::RtcState>(out->http_->address(), options,
                                                      std::move(port), out->http_->shared_rules());
        out->peers_ = std::make_shared<ChannelPeers>(out->state_);
        out->endpoint_ = net::RtcEndpoint::open(out->http_, out->peers_, error);
        if (!out->endpoint_) return nullptr;
        return out;
    }
    ~ChannelServer() {
        endpoint_.reset();
        if (state_) state_->roster->shutdown();
    }
    uint16_t port() const { return http_->address().port; }
    ChannelEvents &events() { return *peers_->events; }
    net::RtcState &state() { return *state_; }

private:
    ChannelServer() = default;
    std::shared_ptr<net::HttpServer> http_;
    std::shared_ptr<net::RtcState> state_;
    std::shared_ptr<ChannelPeers> peers_;
    std::unique_ptr<net::RtcEndpoint> endpoint_;
};

} // namespace rtc_test

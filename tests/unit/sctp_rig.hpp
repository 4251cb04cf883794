// SPDX-License-Identifier: LGPL-2.1-or-later
// Two ends of data channels, and the network between them, with a clock of their own.
#pragma once

#include "core/sctp/data_channels.h"

#include <algorithm>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <sys/time.h>

namespace sctp_test {

using namespace penstock;
using Packet = std::vector<uint8_t>;

/// ms; usrsctp has one clock for the process.
inline uint64_t &clock_ms() {
    static uint64_t now = 1'000'000;
    return now;
}

class End final : public sctp::DataChannels::Handler {
public:
    explicit End(const sctp::DataChannels::Options &asked = {}) : options(asked) {
        std::string error;
        channels = sctp::DataChannels::make(*this, options, clock_ms(), &error);
        if (!channels) reason = error;
    }

    void on_packet(ByteView packet) noexcept override {
        largest = std::max(largest, packet.size());
        sent.emplace_back(packet.begin(), packet.end());
    }
    void on_open(uint16_t id, const std::string &label) override {
        open[id] = label;
        ++opened;
    }
    void on_text(uint16_t id, std::string_view text) override {
        texts.emplace_back(id, text);
        if (on_each_text) on_each_text(id);
    }
    void on_binary(uint16_t id, ByteView bytes) override {
        binaries.emplace_back(id, Packet(bytes.begin(), bytes.end()));
    }
    void on_channel_closed(uint16_t id) override {
        open.erase(id);
        ++closed;
    }
    void on_closed(const std::string &why) override {
        reason = why;
        ++ended;
    }

    bool send(uint16_t id, const std::string &text) {
        return channels->send_text(id, text, clock_ms());
    }

    const sctp::DataChannels::Options options;
    std::deque<Packet> sent;
    size_t largest = 0; ///< packet, in bytes
    std::map<uint16_t, std::string> open;
    unsigned opened = 0, closed = 0, ended = 0;
    std::vector<std::pair<uint16_t, std::string>> texts;
    std::vector<std::pair<uint16_t, Packet>> binaries;
    std::function<void(uint16_t)> on_each_text;
    std::string reason;
    std::unique_ptr<sctp::DataChannels> channels;
};

struct Pair {
    /// Whether the next packet is lost.
    std::function<bool()> is_lost = [] { return false; };
    End server{{.is_dtls_client = false}}, client{{.is_dtls_client = true}};

    void carry(End &from, End &to) {
        for (std::deque<Packet> all = std::exchange(from.sent, {}); !all.empty(); all.pop_front())
            if (!is_lost()) to.channels->receive(all.front(), clock_ms());
    }
    /// 10 ms.
    void step() {
        clock_ms() += 10;
        carry(client, server);
        carry(server, client);
        client.channels->check(clock_ms());
        server.channels->check(clock_ms());
    }
    /// Until `done`; false: it is not within so many ms.
    bool run(const std::function<bool()> &done, uint64_t ms = 5'000) {
        for (const uint64_t end = clock_ms() + ms; !done();) {
            if (clock_ms() >= end) return false;
            step();
        }
        return true;
    }
    /// A channel that the client opens, when both know it.
    uint16_t open(const std::string &label = "room") {
        std::optional<uint16_t> id;
        run([&] { return (id = client.channels->open(label, clock_ms())).has_value(); });
        if (!id || !run([&] { return client.open.count(*id) && server.open.count(*id); }))
            return UINT16_MAX;
        return *id;
    }
};

} // namespace sctp_test

/// usrsctp measures round trips by the wall clock, which has to go with the other one.
extern "C" int gettimeofday(timeval *now, void *) noexcept {
    const uint64_t ms = sctp_test::clock_ms();
    now->tv_sec = time_t(ms / 1000);
    now->tv_usec = suseconds_t(ms % 1000 * 1000);
    return 0;
}

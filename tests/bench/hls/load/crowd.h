// SPDX-License-Identifier: LGPL-2.1-or-later
// All players on a single thread and epoll, with their connections.
#pragma once

#include "player.h"

#include "../../fanout/load/socket.h"
#include "../../fanout/load/tls.h"

#include <chrono>
#include <deque>
#include <queue>
#include <vector>

namespace load {

struct CrowdOptions {
    std::string play; ///< HOST:PORT
    Player::Settings player;
    bool tls = false, http2 = false; ///< http2 includes TLS
    unsigned players = 1;
    double join_rate = 200; ///< players per second
};

class Crowd {
public:
    explicit Crowd(const CrowdOptions &options);
    Crowd(const Crowd &) = delete;
    Crowd &operator=(const Crowd &) = delete;

    /// Lets the players join until each has media or `patience` has passed.
    void join(std::chrono::seconds patience);
    /// Lets them play.
    void play(std::chrono::duration<double> time);

    const Arrivals &arrivals() const { return arrivals_; }
    struct Sum {
        unsigned players = 0, started = 0, failed = 0;
    };
    Sum sum() const;
    uint64_t bytes() const { return bytes_; }
    /// Why the first player stopped; empty: none did.
    const std::string &first_error() const { return first_error_; }

private:
    struct One;
    struct Line {
        Line(Crowd &crowd, One &owner);
        Descriptor socket;
        std::optional<Tls> tls;
        std::unique_ptr<HttpClient> http;
        One &owner;
        bool watches_writing = true;
    };
    struct One {
        std::vector<std::unique_ptr<Line>> lines; ///< for playlists, and with HTTP/1.1 for media
        std::unique_ptr<Player> player;
        bool has_failed = false;
        int64_t alarm_ns = INT64_MAX; ///< the last one set
    };
    void add();
    void turn(int64_t until_ns);
    void serve(Line &line, uint32_t events);
    bool receive(Line &line);
    void send(Line &line);
    void settle(One &one);
    void fail(One &one, const std::string &why);

    const CrowdOptions &options_;
    sockaddr_in address_;
    Descriptor epoll_;
    Arrivals arrivals_;
    std::deque<One> all_;
    using Alarm = std::pair<int64_t, One *>;
    std::priority_queue<Alarm, std::vector<Alarm>, std::greater<>> alarms_;
    std::vector<uint8_t> scratch_;
    std::string first_error_;
    uint64_t bytes_ = 0;
};

} // namespace load

// SPDX-License-Identifier: LGPL-2.1-or-later
// A player of HLS: which playlists and media it asks for, and when. Decodes nothing.
#pragma once

#include "http.h"
#include "playlist.h"

#include "../../fanout/load/histogram.h"

#include <map>
#include <optional>
#include <string>

namespace load {

/// When each part or segment had arrived at the first and the last of its players.
class Arrivals {
public:
    void add(const std::string &uri, int64_t now_ns) {
        One &one = all_.try_emplace(uri, One{now_ns, now_ns, 0}).first->second;
        one.last_ns = now_ns;
        ++one.players;
    }
    struct Sum {
        uint64_t media = 0;      ///< whose first arrival is in the window
        uint64_t deliveries = 0; ///< of them
        uint64_t missing = 0;    ///< deliveries that are missing, if every player wants every one
        Histogram spread;        ///< from the first to the last arrival
    };
    /// Of what first arrived from `begin_ns` to `end_ns`.
    Sum sum(int64_t begin_ns, int64_t end_ns, unsigned players) const {
        Sum out;
        for (const auto &[uri, one] : all_) {
            if (one.first_ns < begin_ns || one.first_ns >= end_ns) continue;
            ++out.media;
            out.deliveries += one.players;
            out.missing += players - std::min(players, one.players);
            out.spread.add(one.last_ns - one.first_ns);
        }
        return out;
    }

private:
    struct One {
        int64_t first_ns, last_ns;
        unsigned players;
    };
    std::map<std::string, One> all_;
};

class Player {
public:
    enum class Mode {
        low_latency, ///< blocking reload, parts
        classic,     ///< reload every target duration, or half of one if nothing is new; segments
    };
    struct Settings {
        Mode mode = Mode::low_latency;
        bool uses_hints = false; ///< asks for the preload hint beside the playlist
        std::string path;        ///< of the playlist
    };

    /// `playlists` and `media` may be the same client. They must outlive the player.
    Player(const Settings &settings, HttpClient &playlists, HttpClient &media, Arrivals &arrivals);
    Player(const Player &) = delete;
    Player &operator=(const Player &) = delete;

    void start() { reload(); }
    /// When turn() is to be called, in ns on the steady clock; INT64_MAX: never.
    int64_t wakes_at() const { return wakes_at_; }
    void turn();

    bool has_media() const { return has_media_; }
    const std::string &error() const { return error_; }

private:
    void reload();
    void read(int status, std::string_view body);
    void fetch(std::string_view uri);

    const Settings &settings_;
    HttpClient &playlists_, &media_;
    Arrivals &arrivals_;
    std::string folder_, last_asked_, error_;
    std::optional<std::pair<uint64_t, unsigned>> next_; ///< part or segment
    bool can_skip_ = false, has_media_ = false;
    int64_t wakes_at_ = INT64_MAX;
};

/// Nanoseconds on the steady clock.
int64_t steady_ns();

} // namespace load

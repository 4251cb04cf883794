// SPDX-License-Identifier: LGPL-2.1-or-later
#include "player.h"

#include <chrono>

namespace load {

int64_t steady_ns() {
    return std::chrono::steady_clock::now().time_since_epoch().count();
}

namespace {

std::string complaint(const std::string &what, int status) {
    return what + (status == 0 ? " gets no answer" : " is answered with " + std::to_string(status));
}

} // namespace

Player::Player(const Settings &settings, HttpClient &playlists, HttpClient &media,
               Arrivals &arrivals)
    : settings_(settings), playlists_(playlists), media_(media), arrivals_(arrivals),
      folder_(settings.path.substr(0, settings.path.rfind('/') + 1)) {
}

void Player::turn() {
    wakes_at_ = INT64_MAX;
    reload();
}

void Player::reload() {
    std::string path = settings_.path;
    if (next_ && settings_.mode == Mode::low_latency) {
        path += "?_HLS_msn=" + std::to_string(next_->first) +
                "&_HLS_part=" + std::to_string(next_->second);
        if (can_skip_) path += "&_HLS_skip=YES";
    }
    playlists_.get(std::move(path), true,
                   [this](int status, std::string_view body) { read(status, body); });
}

void Player::read(int status, std::string_view body) {
    if (status != 200) {
        error_ = complaint("the playlist", status);
        return;
    }
    const Playlist list = read_playlist(body);
    const bool is_low = settings_.mode == Mode::low_latency;
    const auto &all = is_low ? list.parts : list.segments;
    if (all.empty() && !next_) {
        error_ = is_low ? "the playlist has no parts" : "the playlist has no segments";
        return;
    }
    can_skip_ = list.can_skip;
    const std::pair next(list.next_sequence, list.next_part);
    const bool is_new = !next_ || *next_ != next;
    for (const Playlist::Media &one : all) {
        const std::pair at(one.sequence, one.part);
        // A player that joins begins with the newest.
        if (next_ ? at >= *next_ : &one == &all.back()) fetch(one.uri);
    }
    next_ = next;
    if (is_low && settings_.uses_hints && !list.hint.empty()) fetch(list.hint);
    if (list.has_ended) return;
    if (is_low) return reload();
    wakes_at_ = steady_ns() + int64_t(list.target_duration * (is_new ? 1e9 : 0.5e9));
}

void Player::fetch(std::string_view uri) {
    std::string path = uri.starts_with('/') ? std::string(uri) : folder_ + std::string(uri);
    if (path == last_asked_) return; // as the hint of the playlist before
    last_asked_ = path;
    media_.get(path, false, [this, path](int status, std::string_view) {
        if (status != 200) {
            error_ = complaint(path, status);
            return;
        }
        has_media_ = true;
        arrivals_.add(path, steady_ns());
    });
}

} // namespace load

// SPDX-License-Identifier: LGPL-2.1-or-later
// The public list of streams.
#pragma once

#include "core/net/loop/address.h"
#include "state/collect.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace penstock::net {
class HttpServer;
}

namespace penstock::console {

/// Whether a rule takes participants of rooms of any name, at "/room/NAME/join".
bool has_rooms(const net::HttpServer &server);

/// streams.json: the streams that the page can play from the HTTP listener at `http`, sorted by
/// name, each with its path for every way of playing it (Protocol::page_kinds), and the addresses
/// of this process that take publishers; and whether there are rooms. Contains no peers and no
/// keys.
std::string streams_json(const state::Mounts &mounts, const net::Address &http);

/// Caches streams.json for a second. ask() is thread-safe; the state is collected on the main loop.
class StreamList : public std::enable_shared_from_this<StreamList> {
public:
    using Answer = std::function<void(const std::string &json)>;
    using Collect = std::function<state::Mounts()>;
    using Clock = std::function<int64_t()>;           ///< monotonic, µs
    static constexpr int64_t longest_age = 1'000'000; ///< µs

    StreamList(net::Address http, Collect collect, Clock clock);
    /// Calls `answer` once: immediately, or on the main loop's thread.
    void ask(Answer answer);

private:
    void collect();

    const net::Address http_;
    const Collect collect_;
    const Clock clock_;
    std::mutex mutex_; ///< guards the following; not held during calls of answers
    std::shared_ptr<const std::string> json_;
    int64_t made_at_ = 0;
    std::vector<Answer> waiting_; ///< bounded by the number of connections
};

} // namespace penstock::console

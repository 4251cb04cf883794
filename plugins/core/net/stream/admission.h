// SPDX-License-Identifier: LGPL-2.1-or-later
// Decides whether a peer may publish or play: consults the watchers of its listener, then that of
// its path. Independent of the protocol.
#pragma once

#include "core/net/stream/mount.h"

#include <boost/asio/any_io_executor.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace penstock::net {

/// Time limit for a decision, after which the peer is refused.
inline constexpr uint64_t authorization_timeout_ms = 5'000;

/// The admission of a peer. Used on the peer's loop only. Fails closed: without an answer in time
/// the peer is refused.
class Admission {
public:
    using Done = std::function<void(bool allowed, const std::string &reason)>;

    Admission() = default;
    ~Admission() { cancel(); }
    Admission(Admission &&) = default;
    Admission &operator=(Admission &&) = default;

    /// Consults the watchers about a new peer: all of `listener` in turn, then `path`. Returns true
    /// if all allow it immediately; `done` is not called then. Otherwise `done` is called once,
    /// later, on the executor's thread, unless cancel() or another question comes first. Discards
    /// earlier decisions.
    bool ask(const boost::asio::any_io_executor &executor,
             std::vector<std::shared_ptr<PeerWatch>> listener, Authority path, PeerInfo peer,
             Done done, uint64_t timeout_ms = authorization_timeout_ms);
    /// Consults `path` about an admitted peer, because the epoch of its path has changed.
    bool ask_again(const boost::asio::any_io_executor &executor, Authority path, PeerInfo peer,
                   Done done, uint64_t timeout_ms = authorization_timeout_ms);
    void cancel();
    /// True while an answer is pending.
    bool is_open() const { return question_ != nullptr; }
    /// The epoch in which the path's watcher allowed the peer.
    uint64_t epoch() const { return path_.epoch; }
    /// steady_ms() at which the admission ends; 0: it does not end.
    uint64_t until_ms() const { return until_ms_; }
    bool is_over(uint64_t now_ms) const { return until_ms_ != 0 && now_ms >= until_ms_; }
    /// The path that a watcher gave to the publisher; empty: the one it asked for.
    const std::string &new_path() const { return new_path_; }

    /// Notifies all consulted watchers when the peer begins and when it ends. leave() has no effect
    /// if the peer never entered.
    void enter(const PeerInfo &peer);
    void leave(const PeerInfo &peer, const std::string &reason);

private:
    class Question;
    bool begin(const boost::asio::any_io_executor &executor,
               std::vector<std::shared_ptr<PeerWatch>> watches, PeerInfo peer, Done done,
               uint64_t timeout_ms);
    void allow_path(const Authority &path, const PeerInfo &peer);
    void limit(uint64_t until_ms);

    std::shared_ptr<Question> question_;
    std::vector<std::shared_ptr<PeerWatch>> listener_;
    Authority path_;
    uint64_t until_ms_ = 0;
    std::string new_path_;
    bool entered_ = false;
};

} // namespace penstock::net

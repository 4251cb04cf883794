// SPDX-License-Identifier: LGPL-2.1-or-later
// Decides whether a peer may publish or play: the watchers of its listener are asked first, then
// that of the path. The same for every protocol.
#pragma once

#include "core/net/stream/mount.h"

#include <boost/asio/any_io_executor.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace penstock::net {

/// Milliseconds from a question to its answer; then the peer is refused.
inline constexpr uint64_t authorization_timeout_ms = 5'000;

/// The admission of one peer. Used on the peer's loop alone. Fails closed: whoever does not answer
/// in time has refused.
class Admission {
public:
    using Done = std::function<void(bool allowed, const std::string &reason)>;

    Admission() = default;
    ~Admission() { cancel(); }
    Admission(Admission &&) = default;
    Admission &operator=(Admission &&) = default;

    /// Asks about a peer that comes: all of `listener`, one after the other, then `path`. Returns
    /// true if all allow it without needing time; `done` is then not called. Otherwise `done` is
    /// called once, later, on the executor's thread, unless cancel() or another question comes
    /// first. Forgets what was decided before.
    bool ask(const boost::asio::any_io_executor &executor,
             std::vector<std::shared_ptr<PeerWatch>> listener, Authority path, PeerInfo peer,
             Done done, uint64_t timeout_ms = authorization_timeout_ms);
    /// Asks about a peer that is admitted already, because the epoch of its path has changed.
    bool ask_again(const boost::asio::any_io_executor &executor, Authority path, PeerInfo peer,
                   Done done, uint64_t timeout_ms = authorization_timeout_ms);
    void cancel();
    /// True while an answer is waited for.
    bool is_open() const { return question_ != nullptr; }
    /// The epoch in which the path's authority allowed the peer.
    uint64_t epoch() const { return path_.epoch; }

    /// Tells all who were asked that the peer has begun, and later that it has ended. leave() does
    /// nothing if the peer never entered.
    void enter(const PeerInfo &peer);
    void leave(const PeerInfo &peer, const std::string &reason);

private:
    class Question;
    bool begin(const boost::asio::any_io_executor &executor,
               std::vector<std::shared_ptr<PeerWatch>> watches, PeerInfo peer, Done done,
               uint64_t timeout_ms);
    void allow_path(const Authority &path, const PeerInfo &peer);

    std::shared_ptr<Question> question_;
    std::vector<std::shared_ptr<PeerWatch>> listener_;
    Authority path_;
    bool entered_ = false;
};

} // namespace penstock::net

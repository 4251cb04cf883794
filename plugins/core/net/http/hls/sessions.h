// SPDX-License-Identifier: LGPL-2.1-or-later
// Who watches an HLS stream. A viewer has no connection of its own: it is whoever asks from one
// host with one program and one query. Where somebody decides about viewers, each has a session,
// whose token its segments' URIs carry.
#pragma once

#include "core/net/http/server.h"
#include "core/net/loop/loops.h"
#include "core/net/stream/admission.h"

#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

namespace penstock::net {

/// Thread-safe. Admissions run on one of the loops.
class HlsSessions : public std::enable_shared_from_this<HlsSessions> {
public:
    static constexpr size_t max_sessions = 20'000;
    static constexpr size_t max_waiting = 8; ///< requests of one session that wait for an answer

    /// `mount` owns this. `rules` are its listener's.
    HlsSessions(const Mount &mount, std::shared_ptr<PathRules> rules, std::shared_ptr<Loops> loops);

    enum class Verdict { allowed, refused, full };
    /// `token` is empty if nobody decides about viewers: the playlist then is the same for all.
    using Then = std::function<void(Verdict verdict, const std::string &token)>;
    /// A request for the playlist, or for a segment, which needs a session that has begun with a
    /// playlist. `then` is called once, now or later, on any thread.
    void ask(const HttpRequest &request, bool playlist, Then then);

    /// Those that have asked for something since `now_ms - lifetime_ms`.
    unsigned count(uint64_t now_ms, uint64_t lifetime_ms) const;
    uint64_t requests() const { return requests_; }
    bool is_empty() const;
    /// On the admissions' loop: ends the sessions that have not asked for anything for so long.
    void expire(uint64_t now_ms, uint64_t lifetime_ms);
    /// Any thread: ends all; whoever asks again is asked about again.
    void end_all(const std::string &reason);

private:
    struct Session {
        std::string identity, token;
        PeerInfo peer;
        Admission admission; ///< used on the loop alone
        std::shared_ptr<Admission>
            from_request;         ///< the listener's watchers have allowed it already
        std::deque<Then> waiting; ///< for the answer
        uint64_t epoch = 0;       ///< in which it was admitted
        uint64_t seen_ms = 0;
        bool admitted = false, asking = false;
    };
    using SessionPtr = std::shared_ptr<Session>;

    void note(const std::string &program, Then then);
    void begin(const SessionPtr &session, std::vector<std::shared_ptr<PeerWatch>> watches,
               const Authority &authority);
    void decide(const SessionPtr &session, uint64_t epoch, bool allowed, const std::string &reason);
    void leave(std::vector<SessionPtr> sessions, const std::string &reason);
    SessionPtr find(const std::string &token, const std::string &identity) const;

    const Mount &mount_;
    const std::shared_ptr<PathRules> rules_;
    const std::shared_ptr<Loops> loops_;
    std::atomic<uint64_t> requests_{0};
    mutable std::mutex mutex_; ///< guards what follows, and the sessions but for their admissions
    std::unordered_map<size_t, uint64_t> unguarded_; ///< by hash of host and program: last seen, ms
    std::unordered_map<std::string, SessionPtr> by_identity_, by_token_;
};

} // namespace penstock::net

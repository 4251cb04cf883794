// SPDX-License-Identifier: LGPL-2.1-or-later
// The viewers of an HLS stream. An HLS viewer has no connection of its own: it is identified by
// host, program and query. If admission applies, each viewer has a session whose token is part of
// its segments' URIs.
#pragma once

#include "core/net/http/server.h"
#include "core/net/loop/loops.h"
#include "core/net/stream/admission.h"
#include "core/net/stream/waiting_room.h"

#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace penstock::net {

/// The query without the session token and the delivery directives, which differ in each request:
/// the viewer's own parameters.
std::string own_query(std::string_view query);

/// Thread-safe. Admissions run on one of the loops.
class HlsSessions : public std::enable_shared_from_this<HlsSessions> {
public:
    static constexpr size_t max_sessions = 20'000, max_sessions_per_host = 5'000;
    static constexpr size_t max_waiting = 8; ///< requests of a session that wait for its admission

    /// `mount` owns this object. `rules` are those of the listener.
    HlsSessions(const Mount &mount, std::shared_ptr<PathRules> rules, std::shared_ptr<Loops> loops);

    enum class Verdict { allowed, refused, full };
    /// `token` is empty if no admission applies: the playlist is then the same for all viewers.
    using Then = std::function<void(Verdict verdict, const std::string &token)>;
    /// Admits a request for the playlist or a segment; a segment needs a session that began with a
    /// playlist. Calls `then` once, immediately or later, on any thread.
    void ask(const HttpRequest &request, bool playlist, Then then);

    /// The number of viewers with a request since `now_ms - lifetime_ms`.
    unsigned count(uint64_t now_ms, uint64_t lifetime_ms) const;
    uint64_t requests() const { return requests_; }
    bool is_empty() const;
    /// Ends sessions without a request for `lifetime_ms`. Call on the admissions' loop.
    void expire(uint64_t now_ms, uint64_t lifetime_ms);
    /// Ends all sessions; a later request is admitted anew. Thread-safe.
    void end_all(const std::string &reason);

private:
    struct Session {
        std::string identity, token;
        PeerInfo peer;
        std::unique_ptr<WaitingRoom::Seat> place; ///< among its host's sessions
        Admission admission;                      ///< used on the loop only
        std::shared_ptr<Admission>
            from_request;         ///< the listener's watchers have allowed it already
        std::deque<Then> waiting; ///< requests that wait for admission
        uint64_t epoch = 0;       ///< epoch in which it was admitted
        uint64_t seen_ms = 0;
        uint64_t until_ms = 0; ///< when its admission ends; 0: it does not
        bool admitted = false, asking = false;
        bool is_over(uint64_t now_ms) const {
            return !asking && until_ms != 0 && now_ms >= until_ms;
        }
    };
    using SessionPtr = std::shared_ptr<Session>;

    void note(const std::string &program, Then then);
    void begin(const SessionPtr &session, std::vector<std::shared_ptr<PeerWatch>> watches,
               const Authority &authority);
    void decide(const SessionPtr &session, uint64_t epoch, bool allowed, const std::string &reason);
    void leave(std::vector<SessionPtr> sessions, const std::string &reason);
    /// Removes a session whose admission has ended; `mutex_` is held.
    void remove(const SessionPtr &session);
    void leave_soon(std::vector<SessionPtr> sessions, const std::string &reason);
    SessionPtr find(const std::string &token, const std::string &identity) const;

    const Mount &mount_;
    const std::shared_ptr<PathRules> rules_;
    const std::shared_ptr<Loops> loops_;
    const std::shared_ptr<WaitingRoom> hosts_ =
        std::make_shared<WaitingRoom>(max_sessions, max_sessions_per_host);
    std::atomic<uint64_t> requests_{0};
    mutable std::mutex mutex_; ///< guards the following and the sessions, except their admissions
    /// Hash of host and program to time of the last request; ms.
    std::unordered_map<size_t, uint64_t> unguarded_;
    std::unordered_map<std::string, SessionPtr> by_identity_, by_token_;
};

} // namespace penstock::net

// SPDX-License-Identifier: LGPL-2.1-or-later
// The state that the sessions of one WebRTC server share: its port, mounts, rules and limits.
#pragma once

#include "core/net/rtc/mount.h"
#include "core/net/rtc/port.h"
#include "core/net/rtc/rooms.h"
#include "core/net/rtc/server.h"
#include "core/net/stream/path_rules.h"
#include "core/net/stream/refusal_log.h"
#include "core/net/stream/roster.h"
#include "core/net/stream/waiting_room.h"
#include "core/net/tls/random.h"
#include "core/stun/credentials.h"

#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

namespace penstock::net {

class RtcSession;

struct RtcLimits {
    uint64_t connect_ms = 20'000; ///< from the answer to the keys of SRTP
    /// How long the last message of a handshake is kept, in case that it was lost.
    uint64_t linger_ms = 5'000;
    uint64_t claim_ms = 5'000;  ///< from an offer to a receiver that takes the stream
    uint64_t media_ms = 10'000; ///< a viewer waits this long for a stream that begins
    size_t sessions = 16'000;
    size_t sessions_per_host = 12'000;
    /// Sessions that have no keys of SRTP yet: a handshake occupies about 100 kB, and the port has
    /// a limited number of them.
    size_t unfinished = 4'000, unfinished_per_host = 200;
};

/// Thread-safe.
class RtcState {
public:
    RtcState(Address http_address, RtcOptions asked_for, std::shared_ptr<RtcPort> udp_port,
             std::shared_ptr<PathRules> http_rules);

    const Address http;
    const RtcOptions options;
    const RtcLimits limits;
    const std::shared_ptr<RtcPort> port;
    const std::shared_ptr<PathRules> rules;
    const std::shared_ptr<Roster> roster;
    const std::shared_ptr<WaitingRoom> hosts, unfinished;
    const std::shared_ptr<RtcRooms> rooms;
    RefusalLog refusals{"rtc"};

    const std::shared_ptr<Loops> &loops() const { return port->loops(); }
    /// A mount is there as long as somebody holds it: a session, a claim, a feed.
    std::shared_ptr<RtcMount> mount(const std::string &path, bool create);

    void add(const std::string &id, const std::shared_ptr<RtcSession> &session);
    void remove(const std::string &id);
    std::shared_ptr<RtcSession> find(const std::string &id) const;

private:
    mutable std::mutex mutex_; ///< guards sessions_
    std::unordered_map<std::string, std::weak_ptr<RtcSession>> sessions_;
};

} // namespace penstock::net

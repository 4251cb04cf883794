// SPDX-License-Identifier: LGPL-2.1-or-later
// The state that the connections of one SRT listener share: its mounts, rules and limits; and what
// is decided in a handshake, before there is a connection.
#pragma once

#include "core/net/srt/blocked.h"
#include "core/net/srt/mount.h"
#include "core/net/srt/server.h"
#include "core/net/srt/sockets.h"
#include "core/net/stream/refusal_log.h"
#include "core/net/stream/roster.h"
#include "core/net/stream/waiting_room.h"
#include "core/srt/stream_id.h"

#include <deque>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

namespace penstock::net {

/// A refusal in a handshake: the code that the caller gets (SRT_REJX_…), and the reason for the
/// log. Code 0: the caller is let in.
struct SrtRefusal {
    int code = 0;
    std::string reason;
};

/// Thread-safe.
class SrtState : public std::enable_shared_from_this<SrtState> {
public:
    SrtState(std::shared_ptr<Loops> loops, const SrtLimits &limits);
    Address address; ///< where it listens; fixed before the first caller
    const SrtLimits limits;
    const std::shared_ptr<PathRules> rules = std::make_shared<PathRules>();
    const std::shared_ptr<Roster> roster;
    const std::shared_ptr<WaitingRoom> waiting; ///< viewers of streams that nobody feeds
    const std::shared_ptr<WaitingRoom> hosts;   ///< all connections
    RefusalLog refusals{"srt"};
    SrtSockets sockets;
    const std::shared_ptr<SrtBlocked> blocked; ///< viewers whose networks take no more

    /// A mount is there as long as somebody holds it: a connection, a claim, a feed.
    std::shared_ptr<SrtMount> mount(const std::string &path, bool create) const;
    /// What can be decided about a caller at once, without waiting for anybody. `endpoint`:
    /// "127.0.0.1:53412".
    SrtRefusal judge(const srt::StreamId &id, const std::string &endpoint) const;
    /// Whether a publisher of this path is taken, apart from whether another one has the name.
    SrtRefusal judge_publisher(const srt::StreamId &id,
                               std::shared_ptr<const LeaseOptions> &lease) const;
    SrtRefusal judge_viewer(const std::string &path, const std::string &endpoint) const;
    /// Those of a connection to this path.
    SrtTraits traits(const std::string &path, bool publish) const;

    /// Remembers what was asked of a caller in its handshake, which may still fail, until it is
    /// accepted. libsrt tells no passphrase of a connection.
    void note_handshake(int socket, std::string passphrase);
    /// nullopt if too many have come since.
    std::optional<std::string> take_handshake(int socket);

    /// See SrtServer::expect().
    std::shared_ptr<void> expect(SrtExpected expected);

    const std::shared_ptr<Loops> &shared_loops() const { return loops_; }

private:
    struct Handshake {
        int socket;
        std::string passphrase;
    };
    std::string advice(const char *verb, const std::vector<std::string> &paths) const;

    const std::shared_ptr<Loops> loops_;
    mutable std::mutex mutex_; ///< guards the following
    std::list<SrtExpected> expected_;
    std::deque<Handshake> handshakes_;
};

} // namespace penstock::net

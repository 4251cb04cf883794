// SPDX-License-Identifier: LGPL-2.1-or-later
// One who watches a mount over a socket of its own, whatever protocol it speaks: one pump, one rule
// for stalled peers, and what operators see of it.
#pragma once

#include "core/fanout/outlet.h"
#include "core/net/loop/log.h"
#include "core/net/loop/loops.h"
#include "core/net/stream/peer.h"

#include <cstdint>
#include <memory>
#include <string>

namespace penstock::net {

class LiveMount;

/// A viewer at one moment.
struct ViewerInfo {
    PeerInfo peer;
    int64_t since = 0;       ///< when it began to watch; ms since 1970
    uint64_t bytes_out = 0;  ///< of the connection
    uint64_t skips = 0;      ///< times it was moved to a newer keyframe
    uint64_t stalled_ms = 0; ///< how long it has read nothing though there is something to read
};

/// Belongs to its loop: all methods are called there, but for close().
class Viewer {
public:
    /// Bytes that the kernel may hold unsent for a viewer: what is newer stays here, where a viewer
    /// that is too slow skips it. As much as one write has at most.
    static constexpr int max_unsent = 256 << 10;

    Viewer(std::shared_ptr<Loops> loops, size_t loop);
    virtual ~Viewer() = default;
    Viewer(const Viewer &) = delete;
    Viewer &operator=(const Viewer &) = delete;

    /// In a pass of its stream: sends what there is for it, as far as its socket takes it.
    void pump(fanout::BatchCache &cache);
    /// Any thread: says goodbye and ends, soon; not the peer's fault.
    virtual void close(const std::string &reason) = 0;
    ViewerInfo info() const;

    /// Its place in its group; for Audience alone.
    size_t audience_slot = 0;

protected:
    /// Who it is, for logs, statistics and those who decide about it.
    virtual PeerInfo peer_info() const = 0;
    /// True if it may watch in the mount's present epoch. Otherwise that is being asked.
    virtual bool is_admitted() = 0;
    /// Puts what is its own (answers, headers) into the outlet. Clears `source.ring` while it may
    /// not get packets of the stream yet. False: there is nothing to send at all.
    virtual bool prepare(fanout::Outlet::Source &source, bool admitted) = 0;
    /// Hands what there is to the outlet and the socket.
    virtual fanout::Outlet::Status write(const fanout::Outlet::Source &source,
                                         fanout::BatchCache &cache, uint64_t &sent, int &error) = 0;
    /// `blocked`: calls pump_again() when the socket takes more; `more`: when others had their
    /// turn.
    virtual void wait_writable(fanout::Outlet::Status why) = 0;
    virtual void close_now(LogLevel level, const std::string &reason) = 0;

    /// Begins to watch. `socket` gets its bound of unsent bytes.
    void join(std::shared_ptr<LiveMount> mount, int socket);
    void part();
    const std::shared_ptr<LiveMount> &watched() const { return watched_; }
    /// Outside a pass: pumps alone.
    void pump_alone();
    /// After it had to wait.
    void pump_again();
    /// Closes a peer that has taken nothing for as long as the policy of its mount allows, or
    /// `unwatched_ms` if it watches none; 0: never.
    void check_stall(uint64_t now_ms, uint64_t unwatched_ms = 0);

    const std::shared_ptr<Loops> loops_;
    const uint32_t loop_;
    fanout::Outlet outlet_;
    fanout::Framing framing_ = fanout::Framing::none;
    uint8_t takes_ = 0xFF; ///< bits of fanout::Packet::needs
    bool waiting_ = false; ///< the socket takes nothing more, or it is others' turn
    bool closed_ = false;

private:
    std::shared_ptr<LiveMount> watched_;
    int64_t since_ = 0;
    uint64_t bytes_out_ = 0;
    uint64_t stalled_since_ = 0; ///< ms; 0: the peer reads
};

} // namespace penstock::net

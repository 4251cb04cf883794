// SPDX-License-Identifier: LGPL-2.1-or-later
// A viewer of a mount over a socket of its own, on any protocol: one pump, one rule for stalled
// peers, and its figures for operators.
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
    /// The stream has ended for good: it gets what is left in the ring, is told, and is closed if
    /// it is still there after `linger_ms`.
    void end(uint64_t linger_ms, const std::string &reason);
    ViewerInfo info() const;

    /// Its place in its group; for Audience alone.
    size_t audience_slot = 0;

protected:
    /// The peer, for logs, statistics and watchers.
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
    /// Puts into the outlet, or where prepare() takes it from, what tells the peer that the stream
    /// has ended.
    virtual void say_ended() = 0;
    /// Called when that has been sent; nothing follows.
    virtual void finish() {}

    // The place in the stream, which is that of `outlet_` unless a protocol has another.
    virtual uint64_t skips() const { return outlet_.cursor().skipped; }
    virtual uint64_t completed() const { return outlet_.completed(); }
    virtual void rewind() { outlet_.rewind(); }

    /// Begins to watch. `socket`, if there is one of its own, gets its bound of unsent bytes.
    void join(std::shared_ptr<LiveMount> mount, int socket = -1);
    void part();
    const std::shared_ptr<LiveMount> &watched() const { return watched_; }
    /// Outside a pass: pumps alone.
    void pump_alone();
    /// After it had to wait.
    void pump_again();
    /// Closes a peer that has taken nothing for as long as the policy of its mount allows, or
    /// `unwatched_ms` if it watches none; 0: never.
    void check_stall(uint64_t now_ms, uint64_t unwatched_ms = 0);
    /// Ends a viewer for which no media has come within `wait_ms` of joining, and closes one that
    /// was told of the end and stays. True if it was closed.
    bool check_end(uint64_t now_ms, uint64_t wait_ms);
    /// Whether the viewer was told that the stream has ended.
    bool is_told() const { return is_told_; }
    /// Why it is closed, if the peer closes: the end that it was told of, or `otherwise`.
    std::string reason_or(std::string otherwise) const {
        return is_told_ ? end_reason_ : otherwise;
    }

    const std::shared_ptr<Loops> loops_;
    const uint32_t loop_;
    fanout::Outlet outlet_;
    fanout::Framing framing_ = fanout::Framing::none;
    uint8_t takes_ = 0xFF; ///< bits of fanout::Packet::needs
    bool waiting_ = false; ///< the socket takes nothing more, or it is others' turn
    bool closed_ = false;

private:
    void pump_end(fanout::BatchCache &cache);

    std::shared_ptr<LiveMount> watched_;
    int64_t since_ = 0;
    uint64_t bytes_out_ = 0;
    uint64_t stalled_since_ = 0; ///< ms; 0: the peer reads
    uint64_t joined_ms_ = 0;
    std::string end_reason_; ///< not empty: the stream has ended
    uint64_t end_ms_ = 0;    ///< when a viewer that stays is closed
    bool is_told_ = false, is_finished_ = false;
};

} // namespace penstock::net

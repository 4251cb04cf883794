// SPDX-License-Identifier: LGPL-2.1-or-later
// Writes to one viewer: first its private packets, then the ring's. Gather writes resume after a
// partial write.
#pragma once

#include "core/fanout/ring.h"

#include <array>
#include <vector>

#include <sys/uio.h>

namespace penstock::fanout {

/// The destination of a viewer's bytes: a socket, or TLS over one.
class Wire {
public:
    virtual ~Wire() = default;
    /// Like a non-blocking writev(): the number of bytes taken, or -1 and errno.
    virtual ssize_t write(const iovec *parts, int count) = 0;
};

class SocketWire final : public Wire {
public:
    explicit SocketWire(int socket) : socket_(socket) {}
    ssize_t write(const iovec *parts, int count) override;

private:
    int socket_;
};

/// Caches the most recent batches with their gather lists, since most viewers of a stream are at
/// the same position. Each loop has one. clear() releases the packets.
class BatchCache {
public:
    struct Entry {
        const Ring *ring = nullptr;
        Framing framing = Framing::none;
        uint8_t takes = 0;
        Batch batch;              ///< in the form for viewers that take these features
        std::vector<iovec> parts; ///< limited to the maximum of one call
        size_t size = 0;          ///< sum of the parts, in bytes
    };
    /// The batch after the cursor; nullptr if the cursor has fallen out of the ring.
    const Entry *get(const Ring &ring, const Cursor &cursor, Framing framing, uint8_t takes = 0xFF);
    void clear();

private:
    std::array<Entry, 4> entries_;
    size_t next_ = 0; ///< index of the oldest batch, which is replaced next
};

class Outlet {
public:
    /// The stream that a viewer watches. `ring` nullptr: private packets only.
    struct Source {
        Ring *ring = nullptr;
        uint64_t epoch = 0; ///< Ring::epoch() of the producer it may watch; 0: any
        Join join = Join::burst;
        Slow slow = Slow::skip;
        Framing framing = Framing::none;
        uint8_t takes = 0xFF; ///< bits of Packet::needs
    };
    enum class Status {
        idle,    ///< everything was sent
        blocked, ///< call again when the wire is writable
        more,    ///< call again after the other viewers' turns
        lagging, ///< the viewer fell out of the ring, and Slow::close applies
        failed,  ///< `error` has errno
    };

    /// Adds a private packet. It is sent unframed, before the ring's next packet.
    void push(PacketPtr packet) { own_.push_back({std::move(packet), Framing::none}); }
    /// Starts watching a stream, or switches to another.
    void rewind() { cursor_ = {}; }
    /// Starts watching at a position that the ring has given.
    void start_at(const Cursor &cursor) { cursor_ = cursor; }
    Status send(Wire &wire, const Source &source, BatchCache &cache, uint64_t &bytes_sent,
                int &error);

    const Cursor &cursor() const { return cursor_; }
    /// Number of packets sent completely; does not change while a viewer is stuck.
    uint64_t completed() const { return completed_; }
    bool empty() const { return own_.empty(); }

private:
    struct Own {
        PacketPtr packet;
        Framing framing;
    };
    enum class Step { done, partly, blocked, failed };
    Step send_own(Wire &wire, uint64_t &bytes_sent, int &error);
    Step send_batch(Wire &wire, const BatchCache::Entry &entry, uint64_t &bytes_sent, int &error);

    std::vector<Own> own_;
    Cursor cursor_;
    size_t offset_ = 0; ///< bytes of own_'s first packet already sent
    uint64_t completed_ = 0;
};

} // namespace penstock::fanout

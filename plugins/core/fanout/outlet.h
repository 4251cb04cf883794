// SPDX-License-Identifier: LGPL-2.1-or-later
// One viewer's way out: what is its own first, then what the ring has, in gather writes that
// remember where they stopped.
#pragma once

#include "core/fanout/ring.h"

#include <array>
#include <vector>

#include <sys/uio.h>

namespace penstock::fanout {

/// Where the bytes go: a socket, or TLS on one.
class Wire {
public:
    virtual ~Wire() = default;
    /// As writev() that does not wait: how many bytes were taken, or -1 and errno.
    virtual ssize_t write(const iovec *parts, int count) = 0;
};

class SocketWire final : public Wire {
public:
    explicit SocketWire(int socket) : socket_(socket) {}
    ssize_t write(const iovec *parts, int count) override;

private:
    int socket_;
};

/// The newest batches with their gather lists: most viewers of a stream stand at the same place.
/// One for each loop; clear() lets go of the packets.
class BatchCache {
public:
    struct Entry {
        const Ring *ring = nullptr;
        Framing framing = Framing::none;
        Batch batch;
        std::vector<iovec> parts; ///< at most as many as one call takes; the rest is left out
        size_t size = 0;          ///< of the parts, in bytes
    };
    /// What comes behind the cursor; nullptr if that is no longer there.
    const Entry *get(const Ring &ring, const Cursor &cursor, Framing framing);
    void clear();

private:
    std::array<Entry, 4> entries_;
    size_t next_ = 0; ///< the oldest, to be replaced
};

class Outlet {
public:
    /// What a viewer of a stream gets. `ring` nullptr: only what is its own.
    struct Source {
        Ring *ring = nullptr;
        uint64_t epoch = 0; ///< Ring::epoch() of the producer it may watch; 0: any
        Join join = Join::burst;
        Slow slow = Slow::skip;
        Framing framing = Framing::none;
    };
    enum class Status {
        idle,    ///< all is sent
        blocked, ///< to be called again when the wire takes more
        more,    ///< to be called again when others have had their turn
        lagging, ///< fell out of the ring, and Slow::close
        failed,  ///< `error` has errno
    };

    /// Goes out, unframed, before anything more of the ring.
    void push(PacketPtr packet) { own_.push_back({std::move(packet), Framing::none}); }
    /// Begins to watch, or another stream.
    void rewind() { cursor_ = {}; }
    Status send(Wire &wire, const Source &source, BatchCache &cache, uint64_t &bytes_sent,
                int &error);

    const Cursor &cursor() const { return cursor_; }
    /// Packets that were sent whole, by and by: whoever is stuck makes none.
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
    size_t offset_ = 0; ///< bytes of the first of own_ that are sent
    uint64_t completed_ = 0;
};

} // namespace penstock::fanout

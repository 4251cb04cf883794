// SPDX-License-Identifier: LGPL-2.1-or-later
// Segments that are sent while they are made, part by part: what DASH players with low latency
// request (DASH-IF IOP, low latency: chunked transfer).
#pragma once

#include "core/hls/stream.h"
#include "core/net/http/body.h"

#include <map>
#include <memory>
#include <mutex>
#include <vector>

namespace penstock::net {

/// The answers under way of one stream. Thread-safe. A part is shared by all of them; a client that
/// reads slowly keeps no more than the parts of one segment.
class HlsGrowing {
public:
    /// The body of a segment that has begun: its parts so far, and those to come. nullptr if it is
    /// neither open nor complete. `loop` is that of the client's connection; `bytes` receives what
    /// is there by now.
    std::shared_ptr<HttpBody> follow(const hls::Stream &stream, uint64_t segment, size_t loop,
                                     size_t &bytes);
    /// The loops that have clients here.
    std::vector<size_t> loops() const;
    /// Sends what has come since, to the clients of a loop; call it there. Returns the bytes.
    size_t advance(const hls::Stream &stream, size_t loop);
    /// Breaks all answers off.
    void abort();

private:
    struct Follower {
        uint64_t segment = 0;
        size_t parts = 0; ///< that it has
        std::unique_ptr<HttpBodyWriter> writer;
    };
    static bool feed(const hls::Stream &stream, Follower &follower, size_t &bytes);

    mutable std::mutex mutex_; ///< guards the following
    std::map<size_t, std::vector<Follower>> by_loop_;
};

} // namespace penstock::net

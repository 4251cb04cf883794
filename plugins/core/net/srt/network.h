// SPDX-License-Identifier: LGPL-2.1-or-later
// How the network treats SRT connections: per connection, once a second, and over those of a
// stream. This header needs no libsrt.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>

namespace penstock::net {

/// Of a connection, or of several (the worst of them, and sums).
struct SrtNetwork {
    double rtt_ms = 0;      ///< 0: not measured yet
    double bandwidth = 0;   ///< bit/s that the line carries, as estimated; of several: the least
    double rate = 0;        ///< bit/s that were sent or received in the last second
    unsigned buffer_ms = 0; ///< media that is sent and not acknowledged, or waits to be played
    uint64_t lost = 0;      ///< packets that did not arrive at first
    uint64_t retransmitted = 0; ///< packets that were sent, or have come, again
    uint64_t dropped = 0;       ///< packets that came too late, or never
    void add(const SrtNetwork &other);
};

/// The connections of a stream. Thread-safe.
class SrtNetworks {
public:
    void set(const std::string &id, const SrtNetwork &network);
    /// The connection has ended; its counters go on to count.
    void remove(const std::string &id);
    SrtNetwork sum() const;

private:
    mutable std::mutex mutex_; ///< guards the following
    std::map<std::string, SrtNetwork> now_;
    SrtNetwork past_; ///< counters alone
};

/// Reads a connection's figures; `network` has those of the last call. `sends`: of the media that
/// this end sends, else of those that come.
void read_srt_network(int socket, bool sends, SrtNetwork &network);

/// A warning, for people, if the connection's latency leaves lost packets no time to come again:
/// less than three round trips. Empty if it does.
std::string srt_latency_warning(int socket, bool sends, const SrtNetwork &network);

} // namespace penstock::net

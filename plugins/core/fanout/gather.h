// SPDX-License-Identifier: LGPL-2.1-or-later
// Sends a list of shared packets on one socket with gather writes, and remembers where it stopped.
#pragma once

#include "core/fanout/ring.h"

#include <cstddef>
#include <vector>

namespace penstock::fanout {

class Gather {
public:
    enum class Status { done, blocked, failed };

    /// Packets still to be sent go behind these.
    std::vector<PacketPtr> &queue() { return queue_; }
    bool empty() const { return index_ == queue_.size(); }
    /// True while a packet is sent in part: nothing may come in between.
    bool in_packet() const { return offset_ > 0; }
    /// Packets sent whole so far.
    uint64_t completed() const { return completed_; }
    /// Sends what the socket takes, without waiting. `error` gets errno on failure.
    Status send(int socket, uint64_t &bytes_sent, int &error);

private:
    void advance(size_t sent);
    std::vector<PacketPtr> queue_;
    size_t index_ = 0; ///< packet under way
    uint64_t completed_ = 0;
    size_t offset_ = 0; ///< bytes of it that are sent
};

/// Bytes that are nobody else's (handshake, answers) in the form of a packet.
PacketPtr private_packet(std::vector<uint8_t> &&bytes);

} // namespace penstock::fanout

// SPDX-License-Identifier: LGPL-2.1-or-later
// usrsctp, whose state is that of the whole process: its settings, its clock, its ports, and what
// its associations have to send. This header does not need usrsctp.
//
// usrsctp calls back from wherever it is: a timer of one association runs while another one, on
// another thread, lets time pass. Therefore whoever enters usrsctp holds mutex(), and what it sends
// meanwhile is only put aside, for the association that it is of; that takes it when it is next
// called itself. So no call reaches an association from a thread that is not its own, or after its
// end.
#pragma once

#include "core/bytes/bytes.h"

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

namespace penstock::sctp {

/// Packets that wait to be taken.
class Outbox {
public:
    /// Packets; further ones are lost, which SCTP mends.
    static constexpr size_t max_packets = 256;

    void put(ByteView packet);
    bool empty() const { return sizes_.empty(); }
    /// Calls `take` with each packet; they may be changed.
    template <class Take>
    void each(Take take) {
        uint8_t *at = bytes_.data();
        for (const uint16_t size : sizes_)
            take(std::span<uint8_t>(std::exchange(at, at + size), size));
    }

private:
    std::vector<uint8_t> bytes_;
    std::vector<uint16_t> sizes_;
};

/// Everything but instance() and mutex() needs the mutex.
class Stack {
public:
    /// Associations at a time. The ports that tell them apart within usrsctp are never seen
    /// outside.
    static constexpr uint16_t first_port = 1024;
    static constexpr size_t max_associations = 60'000;

    /// Starts usrsctp, which has one thread that never has anything to do.
    static Stack &instance();
    std::mutex &mutex() { return mutex_; }

    /// Lets time pass for all associations. ms of a steady clock; one that goes back is ignored.
    /// Of what is sent again usrsctp judges the age by the wall clock: if that is set back, packets
    /// that are lost in this moment are sent again later by as much.
    void advance(uint64_t now_ms);
    /// A port that nobody has, whose packets are put into `outbox` until release(); nullopt: there
    /// are as many associations as may be.
    std::optional<uint16_t> take_port(Outbox &outbox);
    void release(uint16_t port) { outboxes_.erase(port); }

private:
    Stack();
    static int output(void *, void *packet, size_t size, uint8_t, uint8_t);

    std::mutex mutex_;
    std::optional<uint64_t> now_ms_;
    std::unordered_map<uint16_t, Outbox *> outboxes_;
    uint16_t next_port_ = first_port;
};

/// The address of both ends of all associations within usrsctp, which is never looked at.
void *stack_address();

} // namespace penstock::sctp

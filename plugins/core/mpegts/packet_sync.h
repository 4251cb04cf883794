// SPDX-License-Identifier: LGPL-2.1-or-later
// Finds the packets in a byte stream that is cut anywhere and may have garbage in it.
#pragma once

#include "core/mpegts/packet.h"

#include <algorithm>
#include <vector>

namespace penstock::mpegts {

/// Packets are 188 bytes, with 4 bytes of a time code in front (192, M2TS) or 16 of error
/// correction behind (204): the distance of the sync bytes is found and followed. A packet is
/// passed on as soon as its 188 bytes are there. Where a sync byte is missing, they are searched
/// for anew: three at the same distance. Keeps less than two kilobytes. Not thread-safe.
class PacketSync {
public:
    /// Calls `take(const uint8_t *packet)` for each packet. The bytes are valid during the call.
    template <class Take>
    void push(ByteView input, Take &&take) {
        while (!input.empty()) {
            if (distance_ == 0) {
                search(input);
                if (distance_ == 0) return;
                replay(take);
                continue;
            }
            if (skip_ > 0) {
                const size_t count = std::min(skip_, input.size());
                skip_ -= count;
                input = input.subspan(count);
                continue;
            }
            if (kept_.empty()) input = input.subspan(whole_packets(input, take));
            if (skip_ == 0 && distance_ != 0 && !input.empty()) keep(input, take);
        }
    }
    /// Forgets the incomplete packet, and keeps what was found out about distances.
    void flush() {
        kept_.clear();
        skip_ = 0;
    }

    /// Bytes from one sync byte to the next; 0: none was found.
    size_t distance() const { return distance_; }
    uint64_t skipped() const { return skipped_; } ///< bytes of garbage
    /// How often sync bytes were missing where they had been.
    uint64_t resyncs() const { return resyncs_; }

private:
    static constexpr size_t distances[] = {packet_size, 192, 204};
    static constexpr size_t syncs = 3;

    /// Takes bytes until there are enough sync bytes. Leaves `kept_` with what is behind the first,
    /// which may be several packets.
    void search(ByteView &input);
    bool find(size_t &at, size_t &distance) const;
    void lose() {
        ++resyncs_;
        distance_ = 0;
    }

    /// Passes on the packets that `kept_` got in the search.
    template <class Take>
    void replay(Take &&take) {
        std::vector<uint8_t> found;
        found.swap(kept_);
        push(found, take);
    }

    template <class Take>
    size_t whole_packets(ByteView input, Take &&take) {
        size_t at = 0;
        while (input.size() - at >= packet_size) {
            if (input[at] != sync_byte) {
                lose();
                return at;
            }
            take(input.data() + at);
            at += packet_size;
            const size_t between = distance_ - packet_size;
            if (input.size() - at < between) {
                skip_ = between - (input.size() - at);
                return input.size();
            }
            at += between;
        }
        return at;
    }

    /// Completes the packet that is kept, from the beginning of the input.
    template <class Take>
    void keep(ByteView &input, Take &&take) {
        const size_t count = std::min(packet_size - kept_.size(), input.size());
        kept_.insert(kept_.end(), input.begin(), input.begin() + static_cast<ptrdiff_t>(count));
        input = input.subspan(count);
        if (kept_[0] != sync_byte) return lose();
        if (kept_.size() < packet_size) return;
        take(static_cast<const uint8_t *>(kept_.data()));
        kept_.clear();
        skip_ = distance_ - packet_size;
    }

    size_t distance_ = 0;
    size_t skip_ = 0;           ///< bytes to the next packet
    std::vector<uint8_t> kept_; ///< a packet's beginning; in the search, what was searched
    uint64_t skipped_ = 0, resyncs_ = 0;
};

} // namespace penstock::mpegts

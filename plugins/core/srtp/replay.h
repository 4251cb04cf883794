// SPDX-License-Identifier: LGPL-2.1-or-later
// Which packets of a stream were there already, and which index a packet has.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace penstock::srtp {

/// Remembers which of the newest `bits` indices were used (RFC 3711, section 3.3.2). The first may
/// be any.
template <size_t bits>
class ReplayWindow {
public:
    enum class Place : uint8_t { unused, used, too_old };

    Place place(uint64_t index) const {
        if (is_empty_ || index > highest_) return Place::unused;
        if (highest_ - index >= bits) return Place::too_old;
        return word(index) >> index % 64 & 1 ? Place::used : Place::unused;
    }
    /// `index` is not too old.
    void use(uint64_t index) {
        if (is_empty_ || index > highest_) {
            const bool is_far = is_empty_ || index - highest_ >= bits;
            if (is_far) used_.fill(0);
            for (uint64_t next = highest_ + 1; !is_far && next <= index; ++next)
                word(next) &= ~(uint64_t(1) << next % 64);
            highest_ = index;
            is_empty_ = false;
        }
        word(index) |= uint64_t(1) << index % 64;
    }
    bool empty() const { return is_empty_; }
    /// 0 while it is empty.
    uint64_t highest() const { return highest_; }

private:
    static_assert(bits % 64 == 0);
    uint64_t &word(uint64_t index) { return used_[index / 64 % used_.size()]; }
    const uint64_t &word(uint64_t index) const { return used_[index / 64 % used_.size()]; }

    std::array<uint64_t, bits / 64> used_{};
    uint64_t highest_ = 0;
    bool is_empty_ = true;
};

/// RFC 3711, section 9.2: indices that one key may have.
constexpr uint64_t max_rtp_index = (uint64_t(1) << 48) - 1;
constexpr uint32_t max_rtcp_index = (uint32_t(1) << 31) - 1;

/// The index of a packet (RFC 3711, section 3.3.1): the rollover counter, then its sequence number.
/// `highest` is the highest index that was used.
constexpr uint64_t rtp_index(uint64_t highest, uint16_t sequence) {
    constexpr uint32_t half = 1 << 15;
    const uint32_t newest = highest & 0xFFFF;
    uint64_t rollovers = highest >> 16;
    if (newest < half) {
        // A stream has no packets before its first rollover counter.
        if (sequence > newest + half && rollovers > 0) --rollovers;
    } else if (sequence < newest - half) {
        ++rollovers;
    }
    return rollovers << 16 | sequence;
}

/// A stream of RTP. A gap of retransmissions at 2000 packets a second is within the window for half
/// a second.
struct RtpStream {
    uint32_t ssrc = 0;
    ReplayWindow<1024> window{};
};

/// Of the few streams that a peer has, the one with this SSRC; nullptr if there is none.
template <class Streams>
auto *find_stream(Streams &streams, uint32_t ssrc) {
    for (auto &one : streams)
        if (one.ssrc == ssrc) return &one;
    return static_cast<decltype(&*streams.begin())>(nullptr);
}

} // namespace penstock::srtp

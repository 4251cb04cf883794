// SPDX-License-Identifier: LGPL-2.1-or-later
// The sequence numbers by which a viewer knows the packets of a stream: the stream's numbers plus
// an offset, which changes where the viewer skips.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace penstock::rtc {

/// Not thread-safe.
class SentSpans {
public:
    /// The first packet gets the sequence number `first`.
    void begin(uint16_t first) {
        *this = {};
        next_sequence_ = first;
    }
    /// The sequence number of the first of `count` packets from `number` on, which are sent now.
    /// `is_folded`: with timestamps of its own, see fold(). `rung`: the track, each of which has
    /// numbers of its own.
    uint16_t take(uint64_t number, size_t count, bool is_folded, uint8_t rung = 0) {
        const Span &last = spans_[newest_];
        if (!any_ || number != next_number_ || is_folded != last.is_folded || rung != last.rung) {
            any_ = true;
            newest_ = (newest_ + 1) % spans_.size();
            spans_[newest_] = {number, 0, is_folded, rung};
        }
        const uint16_t sequence = next_sequence_;
        spans_[newest_].count += count;
        next_number_ = number + count;
        next_sequence_ = static_cast<uint16_t>(next_sequence_ + count);
        return sequence;
    }
    struct Found {
        uint64_t number = 0;
        bool is_folded = false;
        uint8_t rung = 0;
    };
    /// The packet that was sent with this sequence number within the last 2^15; nullopt: it is none
    /// of those that are remembered.
    std::optional<Found> find(uint16_t sequence) const {
        if (!any_) return std::nullopt;
        const auto back = static_cast<uint16_t>(next_sequence_ - sequence);
        if (back == 0 || back > 0x8000) return std::nullopt;
        uint64_t left = back; // how many packets before the end
        for (size_t i = 0; i < spans_.size(); ++i) {
            const Span &span = spans_[(newest_ + spans_.size() - i) % spans_.size()];
            if (left <= span.count)
                return Found{span.number + span.count - left, span.is_folded, span.rung};
            left -= span.count;
        }
        return std::nullopt;
    }
    /// That of the next packet.
    uint16_t next_sequence() const { return next_sequence_; }

private:
    struct Span {
        uint64_t number = 0; ///< of its first packet
        uint64_t count = 0;
        bool is_folded = false;
        uint8_t rung = 0;
    };
    std::array<Span, 4> spans_{};
    size_t newest_ = 0;
    bool any_ = false;
    uint64_t next_number_ = 0;
    uint16_t next_sequence_ = 0;
};

} // namespace penstock::rtc

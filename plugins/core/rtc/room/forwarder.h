// SPDX-License-Identifier: LGPL-2.1-or-later
// One slot of a receiver: packets of changing participants and layers become one RTP stream whose
// numbers and timestamps go on. Which packets pass, and what is rewritten in them.
#pragma once

#include "core/rtc/room/media_packet.h"

#include <array>
#include <cstdint>
#include <optional>
#include <span>

namespace penstock::rtc::room {

/// What a slot is to show: a track, by a number that no other has, and one of its layers.
struct Target {
    uint64_t track = 0;
    uint8_t layer = 0;
    bool operator==(const Target &) const = default;
};

/// What a packet has in the slot's stream in place of its own.
struct Rewritten {
    uint16_t sequence = 0;
    uint32_t timestamp = 0;
    uint16_t picture = 0; ///< of VP8, where the packet has them
    uint8_t tl0 = 0;
};

/// By how much the numbers that are sent exceed a packet's own.
struct Offsets {
    int64_t sequence = 0; ///< without wrapping
    uint32_t timestamp = 0;
    uint16_t picture = 0;
    uint8_t tl0 = 0;

    Rewritten apply(const MediaPacket &packet) const;
};

/// A packet that was sent.
struct Sent {
    Target target;
    uint32_t epoch = 0;
    int64_t number = 0; ///< MediaPacket::sequence
    Offsets offsets;
};

/// A switch happens at a packet where a decoder can begin. Another layer of the same track takes
/// over then; another track silences the one before at once, so that nobody is shown under another
/// name. What follows a packet of padding alone closes up, and so does what follows a gap that is
/// too wide: receivers would lose count of the sequence. Times are ns of the steady clock of
/// MediaPacket::time. Not thread-safe.
class Forwarder {
public:
    /// Numbers that may be skipped at once. Each packet that passes gives one back, so that whoever
    /// misses some packets misses not many more than twice as many numbers.
    static constexpr int64_t most_skipped = 500;

    /// `rate`: ticks in a second. `sequence`: of the first packet, below 2^15 (srtp::Sender).
    Forwarder(uint32_t rate, uint16_t sequence, uint32_t timestamp, bool needs_keyframes)
        : rate_(rate), needs_keyframes_(needs_keyframes), next_sequence_(sequence),
          last_timestamp_(timestamp) {}

    /// Empty: nothing.
    void aim(std::optional<Target> target);
    const std::optional<Target> &target() const { return target_; }
    /// What is forwarded; empty before the first packet, and while a keyframe is awaited.
    const std::optional<Target> &current() const { return current_; }
    /// Whether a keyframe of the target is awaited.
    bool wants_keyframe() const { return target_ && current_ != target_ && needs_keyframes_; }
    /// Packets did not get here, or not out: of video nothing passes up to the next keyframe.
    void lose() {
        if (needs_keyframes_) current_.reset();
    }

    /// How a packet of this track is sent; empty: it is not.
    std::optional<Rewritten> take(uint64_t track, const MediaPacket &packet);
    /// What was sent with this sequence number; empty: it is none of those that are remembered.
    std::optional<Sent> find(uint16_t sequence) const;
    /// What was sent with the highest one.
    std::optional<Sent> find_last() const { return find(uint16_t(next_sequence_ - 1)); }

    /// The timestamp that media of `time` has; for sender reports. Empty before the first packet.
    std::optional<uint32_t> timestamp_at(int64_t time) const;

private:
    /// Packets whose numbers differ by the same from those they had.
    struct Span {
        Target target;
        uint32_t epoch = 0;
        int64_t first = 0, last = 0; ///< MediaPacket::sequence
        Offsets offsets;
        bool is_used = false;
    };
    Span *span_of(const Target &target, uint32_t epoch, int64_t number);
    void begin(const Target &target, const MediaPacket &packet);
    void open(const Span &span);
    bool skip(const Target &from, const MediaPacket &packet);
    uint32_t ticks_of(int64_t time) const;
    bool skips_too_much(const Span &span, const MediaPacket &packet) const;
    Rewritten rewrite(Span &span, const MediaPacket &packet);

    const uint32_t rate_;
    const bool needs_keyframes_;
    std::optional<Target> target_, current_;
    std::array<Span, 16> spans_{};
    size_t newest_ = 0;
    int64_t next_sequence_; ///< unwrapped
    int64_t skips_left_ = most_skipped;
    uint32_t last_timestamp_;
    int64_t last_time_ = 0; ///< ns; of that
    uint16_t last_picture_ = 0;
    uint8_t last_tl0_ = 0;
    bool has_sent_ = false;
};

/// The payload of a packet in pieces: a descriptor with the numbers of the slot, in `storage`, and
/// the rest, which is not copied. Returns how many pieces there are.
size_t pieces_of(const MediaPacket &packet, const Rewritten &rewritten,
                 std::array<uint8_t, 8> &storage, std::span<ByteView, 2> out);

} // namespace penstock::rtc::room

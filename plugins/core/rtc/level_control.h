// SPDX-License-Identifier: LGPL-2.1-or-later
// Decides how much of a stream a viewer's network carries: which video track, keyframes only, or
// sound alone.
#pragma once

#include "core/rtc/stream_rates.h"

#include <array>
#include <cstdint>
#include <optional>

namespace penstock::rtc {

/// Goes down within a second when the network is full, and up again carefully: after some seconds
/// without trouble it asks for padding (repetitions) that rises to the bitrate of the next level,
/// and enters that if nothing happens. Each failure doubles the time to the next attempt.
///
/// Losses alone, as of radio, are no reason: the network is full if much is lost, if the receiver's
/// estimate (REMB) falls far below what is sent, if round trips become much longer, or if the
/// socket takes no more. Times are ns of any steady clock, and never go back. Not thread-safe.
class LevelControl {
public:
    /// Why the level is not the best.
    enum class Reason : uint8_t { none, loss, estimate, delay, blocked };

    /// Begins at the best level.
    void begin(int64_t now);
    /// Whether padding can be sent; if not, a higher level is tried without.
    void set_can_pad(bool can_pad) { can_pad_ = can_pad; }

    // --- what happens ------------------------------------------------------------------------
    /// Packets of media that have left, and their bytes, with headers and encryption.
    void sent(size_t packets, size_t bytes) {
        slots_[slot_].packets += static_cast<uint32_t>(packets);
        slots_[slot_].bytes += static_cast<uint32_t>(bytes);
    }
    /// Repetitions that have left, asked for or as padding; bytes.
    void repeated(size_t bytes, bool is_padding) {
        slots_[slot_].bytes += static_cast<uint32_t>(bytes);
        if (is_padding) slots_[slot_].padding += static_cast<uint32_t>(bytes);
    }
    /// Packets of the present level that were asked for, each counted once.
    void missed(size_t packets) { slots_[slot_].missed += static_cast<uint32_t>(packets); }
    /// What a receiver report is about: repetitions have a source of their own.
    enum class Source : uint8_t { video, repetitions, audio };
    /// A receiver report, as ReportBlock has it.
    void reported(Source source, uint32_t highest_sequence, int32_t lost);
    /// A receiver's estimate; bit/s.
    void estimated(uint64_t bitrate, int64_t now);
    /// `time`: ns.
    void round_trip(int64_t time, int64_t now);
    /// The socket of a viewer by TCP takes no more, or takes it again.
    void blocked(bool is_blocked, int64_t now);

    // --- what follows ------------------------------------------------------------------------
    /// Whether check() has something to do.
    bool is_due(int64_t now) const { return now >= slot_ends_; }
    /// To be called every few frames; true if the level is another one now.
    bool check(const StreamRates &rates, int64_t now);
    Level level() const { return level_; }
    Reason reason() const { return reason_; }
    /// At the level of keyframes: the bitrate at which video may be sent.
    uint64_t keyframe_rate() const { return keyframe_rate_; }
    /// What is to be sent beside the media; bit/s.
    uint64_t padding() const { return padding_; }

private:
    struct Slot {
        uint32_t packets = 0, missed = 0;
        uint32_t expected = 0, lost = 0; ///< packets, by reports
        uint32_t bytes = 0, padding = 0; ///< padding: of bytes
    };
    struct Trouble {
        Reason reason = Reason::none;
        double capacity = 0; ///< bit/s
    };
    /// What the last report about a track said.
    struct Reported {
        uint32_t highest = 0;
        int32_t lost = 0;
        bool is_known = false;
    };
    static constexpr size_t slot_count = 9; ///< one of which is being filled
    static constexpr int64_t slot_time = 125'000'000;

    bool rotate(int64_t now);
    Slot sum(size_t slots) const;
    double bitrate(size_t slots) const;
    static double loss_of(const Slot &slot, uint32_t least, double by_chance = 0);
    /// Whether little is sent, or more is tried.
    bool is_low() const { return probe_ > 0 || level_.detail != Detail::all; }
    Trouble trouble(int64_t now);
    Trouble loss_trouble(int64_t now);
    Trouble estimate_trouble(int64_t now, double bitrate);
    bool follow_stream(const StreamRates &rates, int64_t now);
    bool take_trouble(const StreamRates &rates, const Trouble &trouble, int64_t now);
    bool go_up(const StreamRates &rates, int64_t now);
    bool is_carried(double needed, int64_t now);
    void enter(Level level, int64_t now, int64_t settle);
    void fail(int64_t now);
    void set_keyframe_rate(const StreamRates &rates, int64_t now);

    Level level_;
    Reason reason_ = Reason::none;
    bool can_pad_ = false;
    bool is_trial_ = false; ///< the level was entered by an attempt, a short while ago
    std::array<Slot, slot_count> slots_{};
    uint8_t slot_ = 0;   ///< the index of the one that is being filled
    uint8_t filled_ = 0; ///< those of this level that are full
    int64_t slot_ends_ = 0;
    int64_t entered_ = 0, settled_ = 0; ///< settled_: when what was before is not seen any more

    std::array<Reported, 3> reported_{};
    int64_t lossy_since_ = 0;
    uint64_t estimate_ = 0; ///< bit/s; 0: none came
    int64_t estimated_at_ = 0, fell_at_ = 0, low_since_ = 0;
    int64_t least_trip_ = 0, last_trip_ = 0; ///< ns; 0: not known
    int64_t slow_since_ = 0, least_raised_ = 0;
    int64_t blocked_since_ = 0;

    double capacity_ = 0; ///< bit/s; what is believed, below the best level
    double probe_ = 0;    ///< bit/s of media and padding; 0: no attempt is under way
    uint64_t keyframe_rate_ = 0, padding_ = 0;
    int64_t hold_ = 0, attempt_at_ = 0; ///< before an attempt, and when it is made
    int64_t stepped_at_ = 0;            ///< when probe_ was last raised
};

/// ": " and the reason, for people; empty for none.
const char *reason_text(LevelControl::Reason reason);

} // namespace penstock::rtc

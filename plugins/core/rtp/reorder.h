// SPDX-License-Identifier: LGPL-2.1-or-later
// Puts the packets of a track into the order of their sequence numbers, and waits a bounded time
// for those that are missing.
#pragma once

#include "core/rtp/continuity.h"

#include <algorithm>
#include <cstddef>
#include <deque>
#include <optional>
#include <utility>

namespace penstock::rtp {

/// `Item` is what the caller keeps of a packet. Times are ns of any steady clock, and never go
/// back. Not thread-safe.
template <class Item>
class ReorderBuffer {
public:
    struct Limits {
        size_t packets = 512;        ///< held at most, those missing between them included
        int64_t delay = 150'000'000; ///< ns that a packet waits for those before it
    };
    struct Counters {
        uint64_t received = 0;   ///< calls of push()
        uint64_t missing = 0;    ///< given up
        uint64_t duplicates = 0; ///< of a packet that still waits
        uint64_t late = 0;       ///< after they had been given up or passed on
        uint64_t strays = 0;     ///< of another sequence that did not go on
        uint64_t restarts = 0;   ///< of the sequence, its beginning not counted
    };
    struct Released {
        Item item;
        uint32_t ssrc = 0;
        uint16_t sequence = 0;
        unsigned missing = 0; ///< packets directly before it that never came
        bool restarted =
            false; ///< the first of a new sequence: nothing can be said about `missing`
    };

    ReorderBuffer() = default;
    explicit ReorderBuffer(const Limits &limits) : limits_(limits) {
        limits_.packets = std::clamp<size_t>(limits_.packets, 1, ContinuityCheck::most_missing);
    }

    /// Whether a packet of this number would still be of use, and is not there.
    bool lacks(uint32_t ssrc, uint16_t sequence) const {
        if (!started_ || ssrc != ssrc_) return false;
        const int32_t ahead = sequence_distance(next_, sequence);
        return ahead >= 0 && (size_t(ahead) >= slots_.size() || !slots_[size_t(ahead)]);
    }

    /// How long a packet waits for those before it from now on; ns.
    void set_delay(int64_t delay) { limits_.delay = delay; }

    /// Takes a packet. Call pop() until it is empty afterwards.
    void push(uint32_t ssrc, uint16_t sequence, Item item, int64_t now) {
        ++counters_.received;
        if (!started_) {
            started_ = true;
            begin(ssrc, sequence);
            place(0, {std::move(item), now});
            return;
        }
        switch (check_.check(ssrc, sequence, next_)) {
        case Continuity::next:
            drop_suspect();
            place(size_t(sequence_distance(next_, sequence)), {std::move(item), now});
            break;
        case Continuity::old:
            drop_suspect();
            ++counters_.late;
            break;
        case Continuity::suspect:
            drop_suspect();
            suspect_.emplace(Suspect{{std::move(item), now}, ssrc, sequence});
            break;
        case Continuity::restart:
            restart(ssrc, sequence, {std::move(item), now});
            break;
        }
    }

    /// The next packet that is in order, or that waits no longer; `now` as in push(). Empty: none
    /// before deadline().
    std::optional<Released> pop(int64_t now) {
        if (!ready_.empty()) return take_ready();
        if (slots_.empty()) return std::nullopt;
        if (!slots_.front()) {
            if (now < oldest() + limits_.delay) return std::nullopt;
            skip_missing();
        }
        release_front();
        return take_ready();
    }
    /// When pop() has to be called again although no packet arrived; empty: never. Valid when pop()
    /// was empty.
    std::optional<int64_t> deadline() const {
        if (slots_.empty()) return std::nullopt;
        return oldest() + limits_.delay;
    }

    const Counters &counters() const { return counters_; }
    /// Packets that wait; for tests.
    size_t waiting() const {
        return ready_.size() + size_t(std::count_if(slots_.begin(), slots_.end(),
                                                    [](const auto &slot) { return bool(slot); }));
    }

private:
    struct Slot {
        Item item;
        int64_t arrival;
    };
    struct Suspect {
        Slot slot;
        uint32_t ssrc;
        uint16_t sequence;
    };

    void begin(uint32_t ssrc, uint16_t sequence) {
        check_.restart(ssrc);
        ssrc_ = ssrc;
        next_ = sequence;
        missing_ = 0;
        restarted_ = true;
    }

    /// What waits of the old sequence is released at once.
    void restart(uint32_t ssrc, uint16_t sequence, Slot slot) {
        while (!slots_.empty()) {
            skip_missing();
            release_front();
        }
        ++counters_.restarts;
        const bool with_suspect = suspect_ && suspect_->ssrc == ssrc &&
                                  sequence_distance(suspect_->sequence, sequence) > 0;
        begin(ssrc, with_suspect ? suspect_->sequence : sequence);
        if (with_suspect) place(0, std::move(suspect_->slot));
        suspect_.reset();
        place(size_t(sequence_distance(next_, sequence)), std::move(slot));
    }

    /// `ahead`: of next_.
    void place(size_t ahead, Slot slot) {
        // The oldest go, or are given up, if there is no room.
        while (ahead >= limits_.packets && !slots_.empty()) {
            const bool missing = !slots_.front();
            missing ? skip_one() : release_front();
            --ahead;
        }
        if (ahead >= limits_.packets) {
            const size_t skipped = ahead - limits_.packets + 1;
            missing_ += unsigned(skipped);
            counters_.missing += skipped;
            next_ = static_cast<uint16_t>(next_ + skipped);
            ahead -= skipped;
        }
        if (slots_.size() <= ahead) slots_.resize(ahead + 1);
        if (slots_[ahead]) {
            ++counters_.duplicates;
            return;
        }
        slots_[ahead].emplace(std::move(slot));
    }

    void drop_suspect() {
        counters_.strays += suspect_.has_value();
        suspect_.reset();
    }

    /// The arrival that is longest ago. There is a packet.
    int64_t oldest() const {
        int64_t oldest = INT64_MAX;
        for (const auto &slot : slots_)
            if (slot) oldest = std::min(oldest, slot->arrival);
        return oldest;
    }

    void skip_one() {
        slots_.pop_front();
        ++next_;
        ++missing_;
        ++counters_.missing;
    }
    /// Ends at a packet, because the last slot is one.
    void skip_missing() {
        while (!slots_.front())
            skip_one();
    }
    void release_front() {
        ready_.push_back({std::move(slots_.front()->item), ssrc_, next_, missing_, restarted_});
        slots_.pop_front();
        ++next_;
        missing_ = 0;
        restarted_ = false;
        // A caller that does not pop() loses the oldest.
        if (ready_.size() > 2 * limits_.packets) ready_.pop_front();
    }
    std::optional<Released> take_ready() {
        std::optional<Released> out(std::move(ready_.front()));
        ready_.pop_front();
        return out;
    }

    Limits limits_;
    Counters counters_;
    ContinuityCheck check_;
    bool started_ = false;
    uint32_t ssrc_ = 0;
    uint16_t next_ = 0;                     ///< of the first slot
    unsigned missing_ = 0;                  ///< directly before next_
    bool restarted_ = false;                ///< nothing of the sequence was released yet
    std::deque<std::optional<Slot>> slots_; ///< empty, or its last is a packet
    std::optional<Suspect> suspect_;
    std::deque<Released> ready_;
};

} // namespace penstock::rtp

// SPDX-License-Identifier: LGPL-2.1-or-later
// The list of missing packets.
#include "core/rtp/nack.h"

#include <algorithm>
#include <utility>

namespace penstock::rtp {

void MissingPackets::restart(uint32_t ssrc, uint16_t sequence) {
    check_.restart(ssrc);
    ssrc_ = ssrc;
    next_ = static_cast<uint16_t>(sequence + 1);
    missing_.clear();
}

void MissingPackets::received(uint32_t ssrc, uint16_t sequence, int64_t now) {
    if (!started_) {
        started_ = true;
        restart(ssrc, sequence);
        return;
    }
    // Retransmissions of a burst come in a row and are no restart.
    if (ssrc == ssrc_ && remove(sequence)) return;
    switch (check_.check(ssrc, sequence, next_)) {
    case Continuity::next:
        add_gap(sequence_distance(next_, sequence), now);
        next_ = static_cast<uint16_t>(sequence + 1);
        break;
    case Continuity::old:
    case Continuity::suspect:
        break;
    case Continuity::restart:
        restart(ssrc, sequence);
        break;
    }
}

void MissingPackets::set_round_trip(int64_t round_trip) {
    round_trip_ = std::clamp<int64_t>(round_trip, 0, 10'000'000'000);
}

void MissingPackets::add_gap(int32_t ahead, int64_t now) {
    const size_t count = size_t(ahead);
    if (missing_.size() + count > limits_.packets) {
        // So many are lost that a keyframe costs less.
        give_up(missing_.size() + count);
        missing_.clear();
        return;
    }
    for (size_t i = 0; i < count; ++i)
        missing_.push_back({static_cast<uint16_t>(next_ + i), 0, now, now + limits_.tolerance});
}

bool MissingPackets::remove(uint16_t sequence) {
    const auto found = std::find_if(missing_.begin(), missing_.end(),
                                    [&](const Missing &m) { return m.sequence == sequence; });
    if (found == missing_.end()) return false;
    recovered_ += found->tries > 0;
    missing_.erase(found);
    return true;
}

void MissingPackets::give_up(uint64_t count) {
    has_given_up_ = has_given_up_ || count > 0;
    given_up_count_ += count;
}

/// After the last try it still has a round trip to arrive.
bool MissingPackets::is_over(const Missing &missing, int64_t now) const {
    return now >= missing.noticed + limits_.delay ||
           (missing.tries >= limits_.tries && now >= missing.next);
}

void MissingPackets::take_due(int64_t now, std::vector<uint16_t> &out) {
    const size_t before = missing_.size();
    std::erase_if(missing_, [&](const Missing &missing) { return is_over(missing, now); });
    give_up(before - missing_.size());
    const int64_t wait = std::max(round_trip_, limits_.least_wait);
    for (Missing &missing : missing_) {
        if (now < missing.next) continue;
        out.push_back(missing.sequence);
        missing.next = now + wait;
        ++missing.tries;
        ++requests_;
    }
}

std::optional<int64_t> MissingPackets::deadline() const {
    std::optional<int64_t> first;
    for (const Missing &missing : missing_) {
        const int64_t due = std::min(missing.next, missing.noticed + limits_.delay);
        first = first ? std::min(*first, due) : due;
    }
    return first;
}

bool MissingPackets::take_given_up() {
    return std::exchange(has_given_up_, false);
}

} // namespace penstock::rtp

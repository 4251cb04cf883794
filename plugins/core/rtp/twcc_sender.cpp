// SPDX-License-Identifier: LGPL-2.1-or-later
// Makes transport-wide feedback of arrivals.
#include "core/rtp/twcc_sender.h"

#include "core/rtp/clock.h"

#include <algorithm>

namespace penstock::rtp {
namespace {

using rtcp::TransportFeedback;

constexpr int64_t reference_mask = 0xFFFFFF;

/// The lowest 24 bits of a multiple of steps, with their sign.
int32_t reference_of(int64_t ticks) {
    const int64_t steps = ticks / TransportFeedback::ticks_per_reference;
    return static_cast<int32_t>(static_cast<uint32_t>(steps & reference_mask) << 8) >> 8;
}

} // namespace

ArrivalLog::ArrivalLog(const Limits &limits) : limits_(limits), arrivals_(size_t(kept), none) {
    limits_.statuses = std::clamp<size_t>(limits_.statuses, 1, rtcp::max_statuses);
}

/// Makes `sequence` the highest.
void ArrivalLog::advance(int64_t sequence) {
    if (sequence - end_ >= kept) {
        std::fill(arrivals_.begin(), arrivals_.end(), none);
        end_ = sequence;
        pending_.reset();
    }
    for (; end_ <= sequence; ++end_)
        arrival(end_) = none;
    if (pending_) pending_ = std::max(*pending_, end_ - kept);
}

void ArrivalLog::received(uint16_t number, int64_t now) {
    const bool first = !unwrapper_.last();
    const int64_t sequence = unwrapper_.peek(number);
    if (first) end_ = sequence;
    // Too old to be remembered.
    if (!first && sequence < end_ - kept) return;
    const int64_t before = end_;
    if (sequence >= end_) {
        unwrapper_.unwrap(number);
        advance(sequence);
    }
    if (arrival(sequence) != none) return;
    arrival(sequence) = ticks_of(now, TransportFeedback::ticks_per_second);
    // Packets between the last feedback and this one are reported as lost.
    const int64_t from = sequence >= before && sequence - before < kept ? before : sequence;
    pending_ = pending_ ? std::min(*pending_, from) : from;
    if (!next_) next_ = now + limits_.interval;
}

std::optional<int64_t> ArrivalLog::deadline() const {
    if (!pending_) return std::nullopt;
    return next_;
}

std::optional<TransportFeedback> ArrivalLog::take_feedback(int64_t now) {
    if (!pending_) {
        in_turn_ = false;
        return std::nullopt;
    }
    if (!in_turn_ && (!next_ || now < *next_)) return std::nullopt;
    TransportFeedback feedback;
    const int64_t begin = std::max(*pending_, end_ - kept);
    feedback.base_sequence = static_cast<uint16_t>(begin);
    // The highest has arrived. The reference is that of the first that has, even if it does not
    // fit into this message: receivers unwrap it.
    int64_t first = begin;
    while (arrival(first) == none)
        ++first;
    const int64_t into_step = arrival(first) & (TransportFeedback::ticks_per_reference - 1);
    int64_t last = arrival(first) - into_step;
    feedback.reference_time = reference_of(last);
    int64_t at = begin;
    for (; at < end_ && feedback.deltas.size() < limits_.statuses; ++at) {
        const int64_t ticks = arrival(at);
        if (ticks == none) {
            feedback.deltas.push_back(TransportFeedback::not_received);
            continue;
        }
        const int64_t delta = ticks - last;
        if (delta < INT16_MIN || delta > INT16_MAX) break; // another message has another reference
        feedback.deltas.push_back(static_cast<int32_t>(delta));
        last = ticks;
    }
    pending_ = at < end_ ? std::optional(at) : std::nullopt;
    in_turn_ = pending_.has_value();
    next_ = now + limits_.interval;
    feedback.count = count_++;
    return feedback;
}

} // namespace penstock::rtp

// SPDX-License-Identifier: LGPL-2.1-or-later
// When a viewer's level goes down, and how it comes up again.
#include "core/rtc/level_control.h"

#include <algorithm>
#include <cmath>

namespace penstock::rtc {
namespace {

constexpr int64_t millisecond = 1'000'000, second = 1'000'000'000;

// Losses: at once, or for some time.
constexpr double loss_sudden = 0.3, loss_lasting = 0.14;
constexpr uint32_t packets_sudden = 20, packets_lasting = 100;
constexpr size_t slots_sudden = 4, slots_confirmed = 2;
constexpr int64_t lossy_for = 2 * second;
// The same while little is sent, at the lowest levels, and while more is tried.
constexpr double loss_little = 0.2, loss_probing = 0.1;
constexpr uint32_t packets_little = 10;
/// Lost beyond such a share: of few packets a network that only loses some has as many by chance.
constexpr double lost_by_chance = 3;

// The estimate in relation to what is sent. A single delay of a network lowers it to 0.85, and it
// rises again.
constexpr double estimate_fell = 0.92; ///< of the one before
constexpr double estimate_low = 0.85, estimate_lowest = 0.7;
constexpr int64_t low_for = 2 * second, lowest_for = second / 2;
/// Of what is sent; one that is lower than that is known to be too careful.
constexpr double estimate_least = 0.6;
constexpr int64_t estimate_age = 2'500 * millisecond, fall_age = 2 * second;

constexpr int64_t slow_trip = 400 * millisecond; ///< more than the shortest round trip
constexpr int64_t slow_for = second;
constexpr int64_t trip_forgetting = 64; ///< s
/// At the lowest levels, and while more is tried, the queue has to stay short: it holds up the
/// sound.
constexpr int64_t slow_low_trip = 120 * millisecond;
constexpr int64_t blocked_for = 700 * millisecond;

constexpr double delivered_share = 0.95; ///< of what arrived, to be carried without loss
constexpr double delay_share = 0.75, blocked_share = 0.8;

// Going down leaves losses and a queue behind, which are not the new level's.
constexpr int64_t settle_down = second, settle_up = 250 * millisecond;
constexpr int64_t first_hold = 5 * second, longest_hold = 20 * second, trial_time = 10 * second;
constexpr double margin = 1.05; ///< of what a higher level needs
constexpr double hold_growth = 1.5;
constexpr double probe_first = 1.2, probe_known = 1.5, probe_unknown = 1.2;
constexpr int64_t probe_step = 500 * millisecond, probe_last = second;

constexpr double keyframe_share = 0.9;         ///< of the capacity, for audio and keyframes
constexpr double capacity_growth = 1.015;      ///< in a slot without trouble
constexpr double least_keyframe_rate = 24'000; ///< bit/s
/// Of what a level needs, for a judgement about the network.
constexpr double measured_share = 0.6;
/// The capacity is believed to be more if so much of it is used.
constexpr double used_share = 1.5;
constexpr double first_keyframe_rate = 48'000; ///< bit/s
constexpr double keyframe_doubles = 0.5e9;     ///< ns
constexpr double most_keyframe_share = 3;      ///< of the keyframes' own bitrate: they come in time

} // namespace

void LevelControl::begin(int64_t now) {
    const bool can_pad = can_pad_;
    *this = {};
    can_pad_ = can_pad;
    hold_ = first_hold;
    enter({}, now, settle_down);
}

void LevelControl::enter(Level level, int64_t now, int64_t settle) {
    level_ = level;
    slots_ = {};
    slot_ = filled_ = 0;
    slot_ends_ = now + slot_time;
    entered_ = now;
    settled_ = now + settle;
    lossy_since_ = low_since_ = slow_since_ = 0;
    blocked_since_ = blocked_since_ != 0 ? now : 0;
    padding_ = 0;
    probe_ = 0;
}

// --- what happens -------------------------------------------------------------------------

void LevelControl::reported(Source source, uint32_t highest_sequence, int32_t lost) {
    Reported &last = reported_[size_t(source)];
    const uint32_t expected = highest_sequence - last.highest;
    // A source that began anew says nothing.
    if (last.is_known && expected < 0x8000) {
        slots_[slot_].expected += expected;
        slots_[slot_].lost +=
            static_cast<uint32_t>(std::clamp<int64_t>(int64_t(lost) - last.lost, 0, expected));
    }
    last = {highest_sequence, lost, true};
}

void LevelControl::estimated(uint64_t bitrate, int64_t now) {
    if (double(bitrate) < estimate_fell * double(estimate_)) fell_at_ = now;
    estimate_ = bitrate;
    estimated_at_ = now;
}

void LevelControl::round_trip(int64_t time, int64_t now) {
    last_trip_ = time;
    if (least_trip_ == 0 || time < least_trip_) {
        least_trip_ = time;
    } else if (now - least_raised_ > second) {
        // The way may have become longer.
        least_raised_ = now;
        least_trip_ += (time - least_trip_) / trip_forgetting;
    }
    if (time <= least_trip_ + slow_trip)
        slow_since_ = 0;
    else if (slow_since_ == 0)
        slow_since_ = now;
}

void LevelControl::blocked(bool is_blocked, int64_t now) {
    if (!is_blocked)
        blocked_since_ = 0;
    else if (blocked_since_ == 0)
        blocked_since_ = now;
}

// --- what is seen of it -------------------------------------------------------------------

bool LevelControl::rotate(int64_t now) {
    if (now < slot_ends_) return false;
    // After a pause the slots before say nothing.
    if (now - slot_ends_ > 2 * slot_time) {
        slots_ = {};
        slot_ = filled_ = 0;
        slot_ends_ = now + slot_time;
        return false;
    }
    slot_ = static_cast<uint8_t>((slot_ + 1) % slot_count);
    slots_[slot_] = {};
    filled_ = static_cast<uint8_t>(std::min<size_t>(filled_ + 1u, slot_count - 1));
    slot_ends_ += slot_time;
    if (now < settled_) filled_ = 0;
    return true;
}

/// Of the last ones that are full.
LevelControl::Slot LevelControl::sum(size_t slots) const {
    Slot out;
    for (size_t i = 1; i <= std::min<size_t>(slots, filled_); ++i) {
        const Slot &one = slots_[(slot_ + slot_count - i) % slot_count];
        out.packets += one.packets;
        out.missed += one.missed;
        out.expected += one.expected;
        out.lost += one.lost;
        out.bytes += one.bytes;
        out.padding += one.padding;
    }
    return out;
}

double LevelControl::bitrate(size_t slots) const {
    const size_t count = std::min<size_t>(slots, filled_);
    if (count == 0) return 0;
    return double(sum(count).bytes) * 8 * second / double(int64_t(count) * slot_time);
}

/// The share that is lost beyond so many packets, by what was asked for or reported; 0: there are
/// too few packets.
double LevelControl::loss_of(const Slot &slot, uint32_t least, double by_chance) {
    double out = 0;
    if (slot.packets >= least) out = (slot.missed - by_chance) / slot.packets;
    if (slot.expected >= least) out = std::max(out, (slot.lost - by_chance) / slot.expected);
    return std::clamp(out, 0.0, 1.0);
}

LevelControl::Trouble LevelControl::loss_trouble(int64_t now) {
    // An estimate that has fallen confirms it.
    const bool has_fallen = fell_at_ > entered_ && now - fell_at_ < second;
    const size_t slots = has_fallen ? slots_confirmed : slots_sudden;
    if (filled_ >= slots) {
        const double by_chance = is_low() ? lost_by_chance : 0;
        double loss = std::max(loss_of(sum(slots), packets_sudden, by_chance),
                               loss_of(sum(slots_sudden), packets_sudden, by_chance));
        if (is_low()) loss = std::max(loss, loss_of(sum(filled_), packets_little, by_chance));
        if (loss > (probe_ > 0 ? loss_probing : is_low() ? loss_little : loss_sudden))
            return {Reason::loss, bitrate(slots) * (1 - loss) * delivered_share};
    }
    const Slot all = sum(filled_);
    const double loss = loss_of(all, packets_lasting);
    if (loss < loss_lasting)
        lossy_since_ = 0;
    else if (lossy_since_ == 0)
        lossy_since_ = now;
    else if (now - lossy_since_ > lossy_for)
        return {Reason::loss, bitrate(filled_) * (1 - loss) * delivered_share};
    return {};
}

LevelControl::Trouble LevelControl::estimate_trouble(int64_t now, double bitrate) {
    const bool is_fresh = estimated_at_ > entered_ && now - estimated_at_ < estimate_age;
    const bool has_fallen = fell_at_ > entered_ && now - fell_at_ < fall_age;
    // One that is low but does not fall follows a stream that has begun to send more.
    if (!is_fresh || double(estimate_) > estimate_low * bitrate || !has_fallen) {
        low_since_ = 0;
        return {};
    }
    const double capacity = std::max(double(estimate_), estimate_least * bitrate);
    if (probe_ > 0) return {Reason::estimate, capacity};
    if (low_since_ == 0) low_since_ = now;
    const int64_t wait = double(estimate_) < estimate_lowest * bitrate ? lowest_for : low_for;
    if (now - low_since_ < wait) return {};
    return {Reason::estimate, capacity};
}

LevelControl::Trouble LevelControl::trouble(int64_t now) {
    if (now < settled_ || filled_ == 0) return {};
    const double bitrate = this->bitrate(filled_);
    if (blocked_since_ != 0 && now - blocked_since_ > blocked_for)
        return {Reason::blocked, bitrate * blocked_share};
    if ((slow_since_ != 0 && now - slow_since_ > slow_for) ||
        (is_low() && last_trip_ > least_trip_ + slow_low_trip))
        return {Reason::delay, this->bitrate(slots_sudden) * delay_share};
    Trouble found = loss_trouble(now);
    const Trouble low = estimate_trouble(now, bitrate);
    if (low.reason != Reason::none &&
        (found.reason == Reason::none || low.capacity < found.capacity))
        found = low;
    return found;
}

// --- what follows -------------------------------------------------------------------------

bool LevelControl::check(const StreamRates &rates, int64_t now) {
    if (!rotate(now)) return false;
    if (follow_stream(rates, now)) return true;
    if (const Trouble found = trouble(now); found.reason != Reason::none)
        return take_trouble(rates, found, now);
    if (level_.detail == Detail::keyframes) {
        if (capacity_ < used_share * bitrate(filled_)) capacity_ *= capacity_growth;
        set_keyframe_rate(rates, now);
    }
    return go_up(rates, now);
}

/// Tracks come and go, as layers of a publisher that can't send them all.
bool LevelControl::follow_stream(const StreamRates &rates, int64_t now) {
    const auto has_video = [&] {
        return std::any_of(rates.rungs.begin(), rates.rungs.end(),
                           [](const auto &rung) { return rung.all > 0; });
    };
    if (level_.detail == Detail::none || rates.has(level_) || !has_video()) return false;
    Level found = level_;
    for (uint8_t rung = 0; rung < max_rungs; ++rung) {
        if (rates.rungs[rung].all == 0) continue;
        found.rung = rung;
        if (rung > level_.rung) break;
    }
    enter(found, now, settle_up);
    return true;
}

void LevelControl::fail(int64_t now) {
    hold_ = std::min(static_cast<int64_t>(double(hold_) * hold_growth), longest_hold);
    attempt_at_ = now + hold_;
    is_trial_ = false;
}

bool LevelControl::take_trouble(const StreamRates &rates, const Trouble &trouble, int64_t now) {
    reason_ = trouble.reason;
    capacity_ = trouble.capacity;
    const bool was_probing = probe_ > 0;
    if (was_probing || is_trial_)
        fail(now);
    else
        attempt_at_ = now + hold_;
    const auto below = rates.below(level_);
    // A level that was hardly sent yet says nothing of those below the next.
    const bool is_measured = bitrate(filled_) >= measured_share * double(rates.needed(level_));
    // The padding alone was too much.
    if (was_probing || !below) {
        enter(level_, now, settle_down);
        set_keyframe_rate(rates, now);
        return false;
    }
    // Of keyframes there may be fewer.
    Level next = level_;
    if (level_.detail != Detail::keyframes || capacity_ < double(rates.needed(level_)))
        next = *below;
    while (is_measured && double(rates.needed(next)) > capacity_) {
        const auto lower = rates.below(next);
        if (!lower) break;
        next = *lower;
    }
    const bool is_other = next != level_;
    enter(next, now, settle_down);
    set_keyframe_rate(rates, now);
    return is_other;
}

/// Begins low, because the capacity is not known well.
void LevelControl::set_keyframe_rate(const StreamRates &rates, int64_t now) {
    const double keyframes = rates.rungs[level_.rung].keyframes;
    const double most = std::max(most_keyframe_share * keyframes, 4 * least_keyframe_rate);
    const double begins =
        first_keyframe_rate * std::exp2(double(now - entered_) / keyframe_doubles);
    keyframe_rate_ = static_cast<uint64_t>(std::clamp(
        std::min(keyframe_share * capacity_ - rates.audio, begins), least_keyframe_rate, most));
}

bool LevelControl::go_up(const StreamRates &rates, int64_t now) {
    if (is_trial_ && now - entered_ > trial_time) {
        is_trial_ = false;
        hold_ = first_hold;
    }
    const auto next = rates.above(level_);
    if (!next) {
        reason_ = Reason::none;
        padding_ = 0;
        probe_ = 0;
        return false;
    }
    if (now < attempt_at_ || filled_ < slots_sudden) return false;
    if (!is_carried(margin * double(rates.needed(*next)), now)) return false;
    capacity_ = margin * double(rates.needed(*next));
    enter(*next, now, settle_up);
    set_keyframe_rate(rates, now);
    is_trial_ = true;
    return true;
}

/// Whether the network carries so much, as far as an attempt can tell; raises the padding.
bool LevelControl::is_carried(double needed, int64_t now) {
    if (!can_pad_) return true;
    const Slot all = sum(filled_);
    const double seconds = double(filled_ * slot_time) / second;
    const double media = double(all.bytes - all.padding) * 8 / seconds;
    if (probe_ <= 0) {
        probe_ = media * probe_first;
        stepped_at_ = now;
    } else if (probe_ >= needed) {
        if (now - stepped_at_ >= probe_last) return true;
    } else if (now - stepped_at_ >= probe_step) {
        probe_ *= probe_ < capacity_ * keyframe_share ? probe_known : probe_unknown;
        stepped_at_ = now;
    }
    probe_ = std::min(std::max(probe_, least_keyframe_rate), needed);
    padding_ = static_cast<uint64_t>(std::max(probe_ - media, 0.0));
    return false;
}

const char *reason_text(LevelControl::Reason reason) {
    switch (reason) {
    case LevelControl::Reason::loss:
        return ": its network loses packets";
    case LevelControl::Reason::estimate:
        return ": its network carries less, by its estimate";
    case LevelControl::Reason::delay:
        return ": its packets take longer and longer";
    case LevelControl::Reason::blocked:
        return ": its connection takes no more";
    case LevelControl::Reason::none:
        break;
    }
    return "";
}

} // namespace penstock::rtc

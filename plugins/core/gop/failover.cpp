// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/gop/failover.h"

#include <algorithm>

namespace penstock::gop {
namespace {

/// Audio that comes for this long without any video is a stream of its own.
constexpr uint64_t video_wait = 1'000'000'000;

} // namespace

Failover::Input &Failover::at(size_t input) {
    if (input >= inputs_.size()) inputs_.resize(input + 1);
    return inputs_[input];
}

void Failover::join(size_t index, unsigned rank, uint64_t now) {
    Input &input = at(index);
    input = {};
    input.joined = true;
    input.rank = rank;
    input.came = now;
    refit();
}

void Failover::set_tracks(size_t input, const Tracks &tracks) {
    at(input).tracks = tracks;
    refit();
}

void Failover::refit() {
    if (active_) {
        stream_ = inputs_[*active_].tracks;
        has_stream_ = true;
    }
    for (Input &input : inputs_)
        input.fit = !has_stream_ || input.tracks == stream_;
}

void Failover::forget_stream() {
    has_stream_ = false;
    refit();
}

bool Failover::warns_of_misfit(size_t index) {
    Input &input = at(index);
    return input.joined && !input.fit && ++input.misfit_keys == 3;
}

bool Failover::has_inputs() const {
    return std::any_of(inputs_.begin(), inputs_.end(), [](const Input &i) { return i.joined; });
}

bool Failover::is_alone(size_t input) const {
    for (size_t i = 0; i < inputs_.size(); ++i)
        if (i != input && inputs_[i].joined) return false;
    return true;
}

/// Without any the stream ends anyway: one that is not fit is better than nothing.
bool Failover::has_fit() const {
    return std::any_of(inputs_.begin(), inputs_.end(),
                       [](const Input &i) { return i.joined && i.fit; });
}

bool Failover::has_failed(const Input &input, uint64_t now) const {
    if (!input.joined || !input.last) return true;
    return !input.busy && elapsed(*input.last, now) > settings_.timeout;
}

/// Whether none of it is older than what was on air.
bool Failover::is_held_new(const Input &input) const {
    return input.held_since && (!on_air_ || *input.held_since > *on_air_);
}

/// Apart from the keyframe that it needs.
bool Failover::may_begin(size_t index, uint64_t now) const {
    if (is_blocked_) return false;
    const Input &input = inputs_[index];
    if (!active_ || has_failed(inputs_[*active_], now)) {
        const bool is_better = active_ && input.rank < inputs_[*active_].rank;
        if (!input.fit && !is_better && has_fit()) return false;
        // A better one comes first, unless it has yet to show a keyframe.
        return std::none_of(inputs_.begin(), inputs_.end(), [&](const Input &other) {
            if (!other.joined || other.rank >= input.rank || !other.fit) return false;
            if (!on_air_ && !other.first) return elapsed(other.came, now) <= settings_.timeout;
            return other.held_since && !has_failed(other, now);
        });
    }
    if (input.rank >= inputs_[*active_].rank || has_failed(input, now)) return false;
    return elapsed(*input.steady_since, now) >= settings_.return_after;
}

bool Failover::wants_key(size_t input, uint64_t now) const {
    return active_ != input && input < inputs_.size() && inputs_[input].joined &&
           may_begin(input, now);
}

void Failover::begin(size_t input, uint64_t now) {
    active_ = input;
    on_air_ = now;
    ++switches_;
    inputs_[input].held_since.reset();
    refit();
}

Failover::Action Failover::media(size_t index, const Media &media, uint64_t now) {
    Input &input = at(index);
    if (!input.joined) return Action::hold;
    if (!media.audio) input.has_video = true;
    // With no other there is nothing to wait for: decoders find the keyframe by themselves.
    const bool is_at_once = !input.first && !active_ && is_alone(index);
    if (!input.first) input.first = now;
    if (!media.audio || !input.has_video) {
        if (!input.last || elapsed(*input.last, now) > settings_.timeout) input.steady_since = now;
        input.last = now;
    }
    if (active_ == index) {
        on_air_ = now;
        return Action::pass;
    }
    const bool key =
        media.audio ? !input.has_video && elapsed(*input.first, now) >= video_wait : media.key;
    if (key) input.held_since = now;
    if (!may_begin(index, now)) return Action::hold;
    if (key || is_at_once) {
        begin(index, now);
        return Action::begin;
    }
    if (!input.held_since) return Action::hold;
    const bool is_new = is_held_new(input);
    if (!is_new && !input.folds) return Action::hold;
    // While another is still on air, a keyframe to come is early enough.
    if (active_ && !has_failed(inputs_[*active_], now)) return Action::hold;
    begin(index, now);
    return is_new ? Action::begin_held : Action::begin_folded;
}

void Failover::leave(size_t index) {
    at(index) = {};
    if (active_ == index) active_.reset();
}

void Failover::set_busy(size_t index, bool busy, uint64_t now) {
    Input &input = at(index);
    if (input.busy && !busy && input.last) input.last = now;
    input.busy = busy;
}

} // namespace penstock::gop

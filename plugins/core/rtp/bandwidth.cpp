// SPDX-License-Identifier: LGPL-2.1-or-later
// Rises and falls of the bitrate.
#include "core/rtp/bandwidth.h"

#include "core/rtp/sequence.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

namespace penstock::rtp {
namespace {

using rtcp::TransportFeedback;

constexpr int64_t millisecond = 1'000'000, second = 1'000'000'000;
constexpr int64_t tick = second / TransportFeedback::ticks_per_second;
constexpr int64_t throughput_window = 500 * millisecond, least_window = 100 * millisecond;
constexpr int64_t clock_step = 3 * second; ///< between arrivals; more is a pause or another clock
constexpr double after_overuse = 0.85;     ///< of the throughput
constexpr double ahead = 1.5;              ///< of the throughput, at most
constexpr double ahead_least = 10'000;     ///< bit/s more than that
// Growth in a second: at the beginning, far from the known capacity, and when that is long ago.
constexpr double growth_starting = 2, growth_away = 1.08, growth_freed = 1.25;
constexpr int64_t freed_after = 10 * second;
// Growth in a second near the capacity: a packet in each response time, or this share.
constexpr double packet_bits = 1'200 * 8, growth_near = 0.02;
constexpr double capacity_memory = 0.05; ///< share of a new measurement
constexpr double loss_high = 0.10, loss_low = 0.02;
constexpr int loss_packets = 20; ///< for a judgement about loss
constexpr int64_t loss_pause = 300 * millisecond;
constexpr int64_t late_age = second; ///< since a packet was sent that is reported as lost
constexpr int64_t silence = 1'500 * millisecond;
constexpr double after_silence = 0.8;

double seconds_of(int64_t time) {
    return static_cast<double>(time) / second;
}

} // namespace

BandwidthEstimator::BandwidthEstimator(const Settings &settings)
    : settings_(settings), delay_target_(static_cast<double>(settings.start)),
      loss_cap_(static_cast<double>(settings.maximum)) {
}

uint64_t BandwidthEstimator::target() const {
    double target = std::min(delay_target_, loss_cap_);
    if (remote_limit_ > 0) target = std::min(target, static_cast<double>(remote_limit_));
    return std::clamp(static_cast<uint64_t>(std::max(target, 0.0)), settings_.minimum,
                      std::max(settings_.minimum, settings_.maximum));
}

void BandwidthEstimator::sent(uint16_t sequence, size_t bytes, int64_t now) {
    if (sent_.empty() || static_cast<uint16_t>(end_) != sequence) {
        sent_.clear(); // a new beginning
        end_ += static_cast<uint16_t>(sequence - static_cast<uint16_t>(end_));
    }
    sent_.push_back({now, static_cast<uint32_t>(std::min<size_t>(bytes, 65'535)), Fate::unknown});
    ++end_;
    if (!unanswered_) unanswered_ = now;
    forget_old(now);
}

/// Only what is on its way has to be known, and what is lost for a while: it may be late.
void BandwidthEstimator::forget_old(int64_t now) {
    const auto is_over = [&](const Sent &sent) {
        if (sent.fate == Fate::arrived) return true;
        return sent.time < now - (sent.fate == Fate::lost ? late_age : max_age);
    };
    while (sent_.size() > max_sent || (!sent_.empty() && is_over(sent_.front())))
        sent_.pop_front();
}

int64_t BandwidthEstimator::reference_of(const TransportFeedback &feedback) {
    const int64_t last = reference_.value_or(feedback.reference_time);
    const auto step =
        static_cast<int32_t>(static_cast<uint32_t>(feedback.reference_time - last) << 8);
    reference_ = last + (step >> 8);
    // Years from the first: no clock runs so fast, and sums have to fit.
    if (std::abs(*reference_) > int64_t(1) << 32) reference_ = feedback.reference_time;
    return *reference_;
}

void BandwidthEstimator::take_arrival(Sent &sent, int64_t arrived) {
    if (sent.fate == Fate::arrived) return;
    if (sent.fate == Fate::lost)
        --lost_; // it was late
    else
        ++reported_;
    sent.fate = Fate::arrived;
    trend_.add(sent.time, arrived);
    if (!arrived_.empty() && std::abs(arrived - arrived_.back().time) > clock_step)
        arrived_.clear();
    arrived_.push_back({arrived, sent.bytes});
    if (arrived_.size() > max_sent) arrived_.pop_front();
}

void BandwidthEstimator::take_loss(Sent &sent) {
    if (sent.fate != Fate::unknown) return;
    sent.fate = Fate::lost;
    ++reported_;
    ++lost_;
}

void BandwidthEstimator::feedback(const TransportFeedback &feedback, int64_t now) {
    int64_t arrived = reference_of(feedback) * TransportFeedback::ticks_per_reference;
    const int64_t begin = end_ - int64_t(sent_.size());
    int64_t sequence =
        end_ + sequence_distance(static_cast<uint16_t>(end_), feedback.base_sequence);
    std::optional<int64_t> newest;
    for (const int32_t delta : feedback.deltas) {
        const bool known = sequence >= begin && sequence < end_;
        Sent *const sent = known ? &sent_[size_t(sequence - begin)] : nullptr;
        ++sequence;
        if (delta == TransportFeedback::not_received) {
            if (sent) take_loss(*sent);
            continue;
        }
        arrived += delta;
        if (!sent) continue;
        if (sent->fate != Fate::arrived) newest = sent->time;
        take_arrival(*sent, arrived * tick);
    }
    forget_old(now);
    if (!newest) return;
    unanswered_.reset();
    const int64_t trip = std::max<int64_t>(now - *newest, 0);
    round_trip_ = round_trip_ == 0 ? trip : (round_trip_ * 7 + trip) / 8;
    measure_throughput();
    follow_delay(now);
    follow_loss(now);
}

void BandwidthEstimator::measure_throughput() {
    int64_t last = INT64_MIN;
    for (const Arrived &arrived : arrived_)
        last = std::max(last, arrived.time);
    while (arrived_.front().time < last - throughput_window)
        arrived_.pop_front();
    const int64_t length = last - arrived_.front().time;
    if (length < least_window) return;
    double bytes = 0;
    for (const Arrived &arrived : arrived_)
        bytes += arrived.bytes;
    bytes -= arrived_.front().bytes; // it arrived at the window's very beginning
    throughput_ = bytes * 8 / seconds_of(length);
}

void BandwidthEstimator::follow_delay(int64_t now) {
    const double passed = updated_ ? std::min(seconds_of(now - *updated_), 1.0) : 0;
    updated_ = now;
    switch (trend_.delay()) {
    case Delay::grows:
        decrease(now);
        break;
    case Delay::shrinks: // the queue empties: wait
        break;
    case Delay::steady:
        increase(passed);
        break;
    }
}

/// Once in a round trip, unless much less arrives.
void BandwidthEstimator::decrease(int64_t now) {
    starting_ = false;
    steady_since_ = now;
    const double base = throughput_ > 0 ? throughput_ : delay_target_;
    const int64_t pause = std::clamp(round_trip_, 10 * millisecond, 200 * millisecond);
    if (decreased_ && now < *decreased_ + pause && base > delay_target_ / 2) return;
    decreased_ = now;
    if (throughput_ > 0) learn_capacity(throughput_);
    delay_target_ = std::min(delay_target_, base * after_overuse);
    delay_target_ = std::max(delay_target_, static_cast<double>(settings_.minimum));
}

double BandwidthEstimator::growth(double seconds) const {
    if (starting_) return delay_target_ * (std::pow(growth_starting, seconds) - 1);
    if (capacity_ > 0) {
        const double response = seconds_of(round_trip_) + 0.1;
        return std::max(packet_bits / response, delay_target_ * growth_near) * seconds;
    }
    const bool freed = updated_ && *updated_ - steady_since_ > freed_after;
    return delay_target_ * (std::pow(freed ? growth_freed : growth_away, seconds) - 1);
}

void BandwidthEstimator::increase(double seconds) {
    if (capacity_ > 0 && throughput_ > upper_capacity()) capacity_ = 0; // it has become more
    const double wanted = delay_target_ + growth(seconds);
    const double most = throughput_ > 0 ? throughput_ * ahead + ahead_least : wanted;
    delay_target_ = std::max(delay_target_, std::min(wanted, most));
    delay_target_ = std::min(delay_target_, static_cast<double>(settings_.maximum));
}

void BandwidthEstimator::learn_capacity(double rate) {
    if (capacity_ <= 0 || rate < capacity_ - 3 * std::sqrt(capacity_variance_)) {
        capacity_ = rate;
        capacity_variance_ = rate * rate * 0.0025;
        return;
    }
    const double error = rate - capacity_;
    capacity_ += capacity_memory * error;
    capacity_variance_ += capacity_memory * (error * error - capacity_variance_);
}

double BandwidthEstimator::upper_capacity() const {
    // At least 5 %, at most 15 %.
    const double deviation =
        std::clamp(3 * std::sqrt(capacity_variance_), capacity_ * 0.05, capacity_ * 0.15);
    return capacity_ + deviation;
}

void BandwidthEstimator::follow_loss(int64_t now) {
    if (reported_ < loss_packets) return;
    loss_ = std::clamp(static_cast<double>(lost_) / reported_, 0.0, 1.0);
    reported_ = lost_ = 0;
    const double passed = loss_updated_ ? std::min(seconds_of(now - *loss_updated_), 1.0) : 0;
    loss_updated_ = now;
    if (loss_ > loss_high) {
        if (loss_decreased_ && now < *loss_decreased_ + loss_pause + round_trip_) return;
        loss_decreased_ = now;
        loss_cap_ = static_cast<double>(target()) * (1 - loss_ / 2);
        loss_cap_ = std::max(loss_cap_, static_cast<double>(settings_.minimum));
    } else if (loss_ < loss_low) {
        loss_cap_ = std::min(loss_cap_ * std::pow(growth_away, passed) + 1'000 * passed,
                             static_cast<double>(settings_.maximum));
    }
}

void BandwidthEstimator::check(int64_t now) {
    if (!unanswered_ || now < *unanswered_ + silence) return;
    unanswered_.reset(); // again after as long, if more is sent: a pause has no answers
    delay_target_ = std::max(std::min(delay_target_, static_cast<double>(target())) * after_silence,
                             static_cast<double>(settings_.minimum));
}

} // namespace penstock::rtp

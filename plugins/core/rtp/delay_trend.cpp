// SPDX-License-Identifier: LGPL-2.1-or-later
// The trend of the one-way delay.
#include "core/rtp/delay_trend.h"

#include <algorithm>
#include <cmath>

namespace penstock::rtp {
namespace {

constexpr int64_t millisecond = 1'000'000;
constexpr int64_t group_length = 5 * millisecond;
constexpr int64_t longest_burst = 100 * millisecond;
constexpr double largest_step = 3'000; ///< ms; more is another clock
constexpr size_t window = 20;          ///< points of the line
constexpr double smoothing = 0.9;
constexpr double gain = 4;
constexpr unsigned full_weight = 60;          ///< steps after which the trend has its full weight
constexpr double growing_least = 10;          ///< ms
constexpr double rise = 0.0087, fall = 0.039; ///< of the threshold, for each ms
constexpr double least_threshold = 6, most_threshold = 600;
constexpr double outlier = 15; ///< ms above the threshold that do not move it

double milliseconds(int64_t time) {
    return static_cast<double>(time) / millisecond;
}

} // namespace

bool DelayTrend::belongs(const Group &group, int64_t sent, int64_t arrived) {
    if (sent - group.first_sent <= group_length) return true;
    const int64_t sent_step = sent - group.last_sent, arrived_step = arrived - group.last_arrived;
    return arrived_step < sent_step && arrived_step <= group_length &&
           arrived - group.first_arrived < longest_burst;
}

void DelayTrend::add(int64_t sent, int64_t arrived) {
    if (group_ && sent < group_->first_sent) return; // sent before what was judged already
    if (group_ && belongs(*group_, sent, arrived)) {
        group_->last_sent = std::max(group_->last_sent, sent);
        group_->last_arrived = std::max(group_->last_arrived, arrived);
        return;
    }
    end_group();
    group_ = Group{sent, sent, arrived, arrived};
}

void DelayTrend::end_group() {
    if (!group_) return;
    if (last_) {
        const double sent_step = milliseconds(group_->last_sent - last_->last_sent);
        const double arrived_step = milliseconds(group_->last_arrived - last_->last_arrived);
        if (std::abs(arrived_step - sent_step) > largest_step)
            reset();
        else if (arrived_step < 0)
            return; // overtaken: this group says nothing
        else
            add_step(sent_step, arrived_step, group_->last_arrived);
    }
    last_ = group_;
}

void DelayTrend::add_step(double sent_step, double arrived_step, int64_t arrived) {
    if (!begin_) begin_ = arrived;
    steps_ = std::min(steps_ + 1, full_weight);
    sum_ += arrived_step - sent_step;
    smoothed_ = smoothing * smoothed_ + (1 - smoothing) * sum_;
    points_.push_back({milliseconds(arrived - *begin_), smoothed_});
    if (points_.size() > window) points_.pop_front();
    const double now = points_.size() == window ? slope() : last_slope_;
    judge(now, sent_step);
    adapt(now * steps_ * gain, arrived_step);
}

/// ms of delay in a ms, by least squares.
double DelayTrend::slope() const {
    const double count = static_cast<double>(points_.size());
    Point mean;
    for (const Point &point : points_) {
        mean.time += point.time / count;
        mean.delay += point.delay / count;
    }
    double both = 0, square = 0;
    for (const Point &point : points_) {
        both += (point.time - mean.time) * (point.delay - mean.delay);
        square += (point.time - mean.time) * (point.time - mean.time);
    }
    return square > 0 ? both / square : last_slope_;
}

void DelayTrend::judge(double slope, double sent_step) {
    const double trend = slope * steps_ * gain;
    if (trend > threshold_) {
        growing_ += grown_ == 0 ? sent_step / 2 : sent_step;
        ++grown_;
        if (growing_ > growing_least && grown_ > 1 && slope >= last_slope_) {
            delay_ = Delay::grows;
            growing_ = 0;
            grown_ = 0;
        }
    } else {
        delay_ = trend < -threshold_ ? Delay::shrinks : Delay::steady;
        growing_ = 0;
        grown_ = 0;
    }
    last_slope_ = slope;
}

void DelayTrend::adapt(double trend, double passed) {
    const double size = std::abs(trend);
    if (size > threshold_ + outlier) return;
    const double share = size < threshold_ ? fall : rise;
    threshold_ += share * (size - threshold_) * std::min(passed, 100.0);
    threshold_ = std::clamp(threshold_, least_threshold, most_threshold);
}

void DelayTrend::reset() {
    points_.clear();
    begin_.reset();
    sum_ = smoothed_ = last_slope_ = growing_ = 0;
    steps_ = grown_ = 0;
    delay_ = Delay::steady;
}

} // namespace penstock::rtp

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/stream/pacer.h"

#include "core/fanout/budget.h"
#include "core/net/loop/clock.h"
#include "core/net/stream/audience.h"
#include "core/net/stream/viewer.h"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>

namespace penstock::net {
namespace {

constexpr uint64_t slice = 250'000;              ///< ns
constexpr uint64_t share_interval = 250'000'000; ///< ns
/// Allowed jitter of awaited packets; fraction of their interval.
constexpr double jitter = 0.1;

size_t divide_up(size_t number, size_t by) {
    return (number + by - 1) / by;
}

/// The number of shards into which viewers are divided if each gets a pass only once in several
/// frames. One shard is served per frame, so that each pass is as short as possible.
size_t parts_of(uint64_t interval, double awaited_rate) {
    const double pictures = double(interval) / 1e9 * awaited_rate - (1 + jitter);
    return static_cast<size_t>(std::max(1.0, std::ceil(pictures)));
}

} // namespace

Pacer::Pacer(boost::asio::io_context &context, size_t loop)
    : context_(context), loop_(loop), timer_(context) {
}

void Pacer::serve(const std::shared_ptr<Audience> &audience) {
    AudienceGroup &group = audience->group(loop_);
    if (group.in_pass) return; // `woken` stays set, so that another pass follows
    if (!group.held)
        take_turn(audience);
    else if (!group.timed) // otherwise it is already waiting
        hold(audience, steady_ns());
}

void Pacer::take_turn(const std::shared_ptr<Audience> &audience) {
    AudienceGroup &group = audience->group(loop_);
    group.in_pass = true;
    group.to_serve = 0;
    turns_.push_back(audience);
    schedule();
}

void Pacer::schedule() {
    if (std::exchange(scheduled_, true)) return;
    boost::asio::post(context_, [this] { run(); });
}

void Pacer::begin_pass(Audience &audience, uint64_t now) {
    AudienceGroup &group = audience.group(loop_);
    // Packets appended from now on may be too late for this pass.
    group.woken.exchange(false);
    group.started = now;
    if (group.parts == 1) group.next = 0;
    group.to_serve = divide_up(group.viewers.size(), group.parts);
}

void Pacer::run() {
    scheduled_ = false;
    uint64_t now = steady_ns();
    const uint64_t end = now + slice;
    while (!turns_.empty() && now < end) {
        const std::shared_ptr<Audience> audience = std::move(turns_.front());
        turns_.pop_front();
        AudienceGroup &group = audience->group(loop_);
        if (group.to_serve == 0) begin_pass(*audience, now);
        // Backwards: a viewer may leave while it is served, and the last one then takes its place.
        while (group.to_serve > 0 && now < end) {
            const size_t viewers = group.viewers.size();
            group.to_serve = std::min(group.to_serve, viewers);
            if (group.to_serve == 0) break;
            if (group.next == 0 || group.next > viewers) group.next = viewers;
            --group.to_serve;
            group.viewers[--group.next]->pump(cache_);
            now = steady_ns();
        }
        if (group.to_serve > 0)
            turns_.push_back(audience);
        else
            end_pass(audience, now);
    }
    cache_.clear(); // the next slice has newer packets
    if (!turns_.empty()) schedule();
}

void Pacer::end_pass(const std::shared_ptr<Audience> &audience, uint64_t now) {
    AudienceGroup &group = audience->group(loop_);
    group.in_pass = false;
    if (now - shared_at_ >= share_interval) share(now);
    group.held = false;
    group.timed = false;
    // Viewers that have not been served yet are served at once, unless there are shards again.
    if (std::exchange(group.parts, 1) > 1) group.woken = true;
    if (group.interval == 0 || group.viewers.empty()) {
        if (group.woken) serve(audience);
        return;
    }
    if (group.interval >= audience->policy().coalesce_max) {
        group.held = true;
        // Packets that arrived during the pass have waited since its start at most.
        if (group.woken) hold(audience, group.started);
        return;
    }
    // At most one shard per viewer; with more, turns would come too often.
    const size_t viewers = group.viewers.size();
    group.parts =
        divide_up(viewers, divide_up(viewers, parts_of(group.interval, group.awaited_rate)));
    const uint64_t interval = group.interval / group.parts;
    // A pass should come with the last frame that arrives in time, rather than between frames.
    const auto gap =
        group.awaited_rate > 0 ? static_cast<uint64_t>((1 + jitter) * 1e9 / group.awaited_rate) : 0;
    group.due = group.started + interval;
    group.not_before = group.due - std::min(gap, interval);
    look_later(audience);
}

/// The budget allows less than a pass per `coalesce-max`: schedules the next pass for when the
/// first waiting packet has waited that long.
void Pacer::hold(const std::shared_ptr<Audience> &audience, uint64_t since) {
    AudienceGroup &group = audience->group(loop_);
    group.due = since + group.interval;
    group.not_before = UINT64_MAX;
    look_later(audience);
}

void Pacer::look_later(const std::shared_ptr<Audience> &audience) {
    AudienceGroup &group = audience->group(loop_);
    group.timed = true;
    group.woken = false; // checked again when the pass is due
    if (!std::exchange(group.listed, true)) timed_.push_back(audience);
    set_timer();
}

/// Sets the common timer to the earliest due time.
void Pacer::set_timer() {
    uint64_t earliest = UINT64_MAX;
    for (const auto &audience : timed_)
        earliest = std::min(earliest, audience->group(loop_).due);
    if (timed_.empty() || (timer_due_ != 0 && timer_due_ <= earliest)) return;
    timer_due_ = earliest;
    timer_.expires_at(Clock::time_point(std::chrono::nanoseconds(earliest)));
    timer_.async_wait([this](boost::system::error_code ec) {
        if (!ec) on_timer();
    });
}

void Pacer::on_timer() {
    timer_due_ = 0;
    const uint64_t now = steady_ns();
    std::vector<std::shared_ptr<Audience>> due;
    std::erase_if(timed_, [&](const std::shared_ptr<Audience> &audience) {
        AudienceGroup &group = audience->group(loop_);
        if (group.due > now) return false;
        group.listed = false;
        due.push_back(audience);
        return true;
    });
    for (const auto &audience : due) {
        AudienceGroup &group = audience->group(loop_);
        // The loop need not be woken before the pass: it covers everything appended until then.
        group.woken = true;
        group.timed = false;
        if (!group.in_pass) take_turn(audience);
    }
    set_timer();
}

void Pacer::watch(const std::shared_ptr<Audience> &audience) {
    std::erase_if(watched_, [&](const auto &each) {
        const auto known = each.lock();
        return !known || known == audience;
    });
    watched_.push_back(audience);
}

void Pacer::share(uint64_t now) {
    const double elapsed = double(now - shared_at_) / 1e9;
    const bool fresh = shared_at_ == 0;
    shared_at_ = now;
    std::vector<std::shared_ptr<Audience>> audiences;
    std::vector<fanout::Demand> demands;
    std::erase_if(watched_, [&](const std::weak_ptr<Audience> &each) {
        auto audience = each.lock();
        if (!audience || audience->group(loop_).viewers.empty()) return true;
        AudienceGroup &group = audience->group(loop_);
        const auto measure = [&](uint64_t count, uint64_t &seen, double &rate) {
            const double measured = fresh || seen == 0 ? rate : double(count - seen) / elapsed;
            rate = rate == 0 ? measured : (rate + measured) / 2;
            seen = count;
        };
        measure(audience->ring().packets(), group.packets_seen, group.packet_rate);
        measure(audience->ring().awaited(), group.awaited_seen, group.awaited_rate);
        const fanout::Policy policy = audience->policy();
        demands.push_back(
            {group.viewers.size(), group.packet_rate, policy.send_rate, policy.coalesce_max});
        audiences.push_back(std::move(audience));
        return false;
    });
    const auto intervals = fanout::share_budget(demands);
    for (size_t i = 0; i < audiences.size(); ++i)
        audiences[i]->group(loop_).interval = intervals[i];
}

} // namespace penstock::net

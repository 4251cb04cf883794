// SPDX-License-Identifier: LGPL-2.1-or-later
#include "expect/machine.h"

#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <sstream>

namespace penstock::expect {
namespace {

constexpr auto tick = std::chrono::milliseconds(10);
/// With a larger share an encoder no longer gets a processor whenever a frame comes.
constexpr double most_busy = 0.9;
/// Several frames at 30 a second; seconds.
constexpr double most_late = 0.1;
/// Above this share the test itself is what takes the time.
constexpr double mostly = 0.7;

int64_t steady_us() {
    return std::chrono::duration_cast<std::chrono::microseconds>(
               std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

int64_t own_us() {
    rusage used{};
    getrusage(RUSAGE_SELF, &used);
    const auto us = [](const timeval &time) {
        return int64_t(time.tv_sec) * 1'000'000 + int64_t(time.tv_usec);
    };
    return us(used.ru_utime) + us(used.ru_stime);
}

std::optional<ProcessorTicks> read_ticks() {
    std::ifstream file("/proc/stat");
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    return processor_ticks(text);
}

std::string percent(double share) {
    return std::to_string(std::lround(share * 100)) + " %";
}

} // namespace

std::optional<ProcessorTicks> processor_ticks(std::string_view stat) {
    if (!stat.starts_with("cpu ")) return std::nullopt;
    std::istringstream fields(std::string(stat.substr(4, stat.find('\n') - 4)));
    // proc(5): user nice system idle iowait irq softirq steal; guest time is in user's.
    constexpr size_t idle = 3, iowait = 4, steal = 7;
    ProcessorTicks out;
    uint64_t ticks = 0;
    size_t i = 0;
    for (; i <= steal && fields >> ticks; ++i) {
        out.all += ticks;
        if (i != idle && i != iowait) out.busy += ticks;
    }
    return i > idle ? std::optional(out) : std::nullopt;
}

bool is_overload(const Load &load) {
    return load.busy.value_or(0) >= most_busy || load.late >= most_late;
}

std::string words_of(const Load &load) {
    std::string out;
    if (load.busy) out = percent(*load.busy) + " busy (" + percent(load.own) + " by this test), ";
    out += "threads woken up to " + std::to_string(std::lround(load.late * 1000)) + " ms late";
    if (!is_overload(load)) return out;
    const bool is_own = load.busy && load.own >= mostly * *load.busy;
    return out +
           ": overloaded, so that frames come late or not at all whatever the description says; " +
           (is_own ? "try a smaller picture or fewer frames a second"
                   : "try again when less else runs");
}

LoadMeter::LoadMeter()
    : ticks_(read_ticks()), own_(own_us()), started_(steady_us()), thread_([this] { run(); }) {
}

LoadMeter::~LoadMeter() {
    {
        std::lock_guard lock(mutex_);
        is_over_ = true;
    }
    ends_.notify_all();
    thread_.join();
}

void LoadMeter::run() {
    std::unique_lock lock(mutex_);
    while (!is_over_) {
        const auto due = std::chrono::steady_clock::now() + tick;
        if (ends_.wait_until(lock, due, [this] { return is_over_; })) return;
        const auto late = std::chrono::steady_clock::now() - due;
        late_ = std::max(
            late_, int64_t(std::chrono::duration_cast<std::chrono::microseconds>(late).count()));
    }
}

Load LoadMeter::read() {
    Load out;
    const auto ticks = read_ticks();
    if (ticks && ticks_ && ticks->all > ticks_->all)
        out.busy = double(ticks->busy - std::min(ticks->busy, ticks_->busy)) /
                   double(ticks->all - ticks_->all);
    const double processors = std::max(1U, std::thread::hardware_concurrency());
    if (const int64_t passed = steady_us() - started_; passed > 0)
        out.own = double(own_us() - own_) / double(passed) / processors;
    std::lock_guard lock(mutex_);
    out.late = double(late_) / 1e6;
    return out;
}

} // namespace penstock::expect

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/progress.h"

#include "cli/status.h"
#include "supervisor/progress.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace penstock::cli {
namespace {

constexpr int64_t say_every = 10'000'000; // µs
/// Intervals between queries of a pipeline's progress; µs. Most pipelines of a server never end, so
/// the interval doubles each time a query has no result.
constexpr int64_t ask_first = 500'000, ask_last = 64'000'000;
/// Weight of a new measurement in the smoothed speed.
constexpr double smoothing = 0.3;

std::string describe(const std::string &label, const supervisor::Progress &progress, double speed) {
    char text[64];
    std::snprintf(text, sizeof text, " %.0f %%",
                  100.0 * static_cast<double>(progress.position) /
                      static_cast<double>(progress.duration));
    std::string out = label + text;
    if (speed < 0.01) return out;
    std::snprintf(text, sizeof text, speed < 9.95 ? ", %.1fx" : ", %.0fx", speed);
    const double left = static_cast<double>(progress.duration - progress.position) / speed / 1e9;
    return out + text + ", " + format_uptime(std::llround(left)) + " left";
}

} // namespace

std::string ProgressWatch::update(const supervisor::Supervisor &supervisor) {
    const int64_t now = g_get_monotonic_time();
    std::map<std::string, Seen> current;
    std::string out;
    supervisor.each_pipeline([&](const description::Binding &, const auto &running) {
        const auto found = seen_.find(running.label());
        if (found != seen_.end() && now < found->second.ask_at) {
            current[running.label()] = found->second;
            return;
        }
        const auto progress =
            running.pipeline() ? supervisor::progress_of(running.pipeline()) : std::nullopt;
        if (!progress) {
            Seen &nothing = current[running.label()];
            const int64_t before = found == seen_.end() ? 0 : found->second.wait;
            nothing.wait = std::clamp(2 * before, ask_first, ask_last);
            nothing.ask_at = now + nothing.wait;
            return;
        }
        Seen seen{now, progress->position, 0};
        if (found != seen_.end() && found->second.at) {
            const Seen &before = found->second;
            // The interval is too short for a meaningful quotient.
            if (now - before.at < 200'000) {
                seen = before;
            } else if (progress->position >= before.position) {
                const double speed = static_cast<double>(progress->position - before.position) /
                                     1000.0 / static_cast<double>(now - before.at);
                seen.speed =
                    before.speed > 0 ? before.speed + smoothing * (speed - before.speed) : speed;
            }
        }
        out += (out.empty() ? "" : ", ") + describe(running.label(), *progress, seen.speed);
        current[running.label()] = seen;
    });
    seen_ = std::move(current);
    return out;
}

std::string ProgressWatch::line_now_and_then(const std::string &text) {
    const int64_t now = g_get_monotonic_time();
    // The first line is printed once the speed is known.
    if (text.empty() || text == said_ || text.find("left") == text.npos) return {};
    if (said_at_ && now - said_at_ < say_every) return {};
    said_at_ = now;
    said_ = text;
    return text;
}

} // namespace penstock::cli

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/status.h"

#include "cli/output.h"
#include "cli/urls.h"
#include "state/collect.h"

#include <glib.h>

#include <cmath>

namespace penstock::cli {
namespace {

/// "1 player", "2 players"
std::string counted(unsigned number, const char *what) {
    return std::to_string(number) + " " + what + (number == 1 ? "" : "s");
}

} // namespace

std::string format_uptime(int64_t seconds) {
    gchar *text =
        g_strdup_printf("%d:%02d:%02d", static_cast<int>(seconds / 3600),
                        static_cast<int>(seconds / 60 % 60), static_cast<int>(seconds % 60));
    std::string out = text;
    g_free(text);
    return out;
}

Status::Status(const supervisor::Supervisor &supervisor)
    : supervisor_(supervisor), started_(g_get_monotonic_time()), last_(started_) {
}

void Status::update() {
    Output &output = Output::get();
    const int64_t now = g_get_monotonic_time();
    const state::Mounts all = state::collect_mounts();
    uint64_t in = 0, out = 0;
    std::map<std::string, Bytes> bytes;
    for (const state::Mount &mount : all.mounts) {
        const std::string key = mount.protocol + " " + mount.address.to_string() + "/" + mount.path;
        const Bytes before = bytes_[key], after{mount.bytes_in, mount.bytes_out};
        // A counter that was reset counts from zero.
        in += after.in - (after.in < before.in ? 0 : before.in);
        out += after.out - (after.out < before.out ? 0 : before.out);
        bytes[key] = after;
    }
    bytes_ = std::move(bytes);
    std::set<std::string> live;
    unsigned players = 0, viewers = 0;
    for (const state::Stream &stream : state::streams_of(all.mounts)) {
        players += stream.players;
        viewers += stream.viewers;
        if (!stream.live) continue;
        live.insert(stream.name);
        if (live_.contains(stream.name)) continue;
        const state::Mount &first = *stream.mounts.front();
        output.print(output.green("live   ") + " " + stream.name + "  " + first.scheme + "://" +
                     reachable(first.address) + "/" + first.path);
    }
    for (const std::string &name : live_)
        if (!live.contains(name)) output.print(output.dim("ended  ") + " " + name);
    live_ = std::move(live);
    if (const double seconds = static_cast<double>(now - last_) / 1e6; seconds > 0.05) {
        in_ += 0.25 * (static_cast<double>(in) * 8 / 1000 / seconds - in_);
        out_ += 0.25 * (static_cast<double>(out) * 8 / 1000 / seconds - out_);
        last_ = now;
    }
    const std::string progress = progress_.update(supervisor_);
    if (!output.is_terminal()) {
        if (const std::string line = progress_.line_now_and_then(progress); !line.empty())
            output.print(line);
        return;
    }
    output.status((progress.empty() ? "" : progress + " · ") +
                  counted(unsigned(live_.size()), "stream") + " · " + counted(players, "player") +
                  " · " + counted(viewers, "viewer") + " · in " + std::to_string(std::lround(in_)) +
                  " kbit/s · out " + std::to_string(std::lround(out_)) + " kbit/s · up " +
                  format_uptime((now - started_) / 1'000'000));
}

} // namespace penstock::cli

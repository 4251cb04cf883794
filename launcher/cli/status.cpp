// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/status.h"

#include "cli/output.h"
#include "cli/urls.h"
#include "core/net/rtmp/server.h"
#include "core/net/stream/mounts.h"

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
    std::map<std::pair<uint16_t, std::string>, Seen> current;
    unsigned streams = 0, players = 0;
    uint64_t in = 0, out = 0;
    for (const auto &server : net::RtmpServer::all()) {
        const uint16_t port = server->address().port;
        for (const net::MountInfo &mount : server->mounts()) {
            const auto key = std::pair(port, mount.path);
            const auto found = seen_.find(key);
            const Seen before = found == seen_.end() ? Seen{} : found->second;
            // Without its publisher a stream is only waited for.
            const bool live = mount.claimed ? mount.publishing && !mount.pending : mount.live;
            const Seen after{live, mount.bytes_in, mount.bytes_out};
            // A counter that begins anew counts from zero.
            in += after.bytes_in - (after.bytes_in < before.bytes_in ? 0 : before.bytes_in);
            out += after.bytes_out - (after.bytes_out < before.bytes_out ? 0 : before.bytes_out);
            if (after.live && !before.live)
                output.print(output.green("live   ") + " " + mount.path + "  rtmp://" +
                             reachable(server->address()) + "/" + mount.path);
            if (!after.live && before.live) output.print(output.dim("ended  ") + " " + mount.path);
            streams += after.live;
            players += mount.viewers;
            current[key] = after;
        }
    }
    for (const auto &[key, before] : seen_)
        if (before.live && !current.contains(key))
            output.print(output.dim("ended  ") + " " + key.second);
    seen_ = std::move(current);
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
    unsigned viewers = 0;
    for (const net::MountInfo &mount : net::Mounts::instance().snapshot("hls"))
        viewers += mount.viewers;
    for (const net::MountInfo &mount : net::Mounts::instance().snapshot("http"))
        viewers += mount.viewers;
    output.status((progress.empty() ? "" : progress + " · ") + counted(streams, "stream") + " · " +
                  counted(players, "player") + " · " + counted(viewers, "viewer") + " · in " +
                  std::to_string(std::lround(in_)) + " kbit/s · out " +
                  std::to_string(std::lround(out_)) + " kbit/s · up " +
                  format_uptime((now - started_) / 1'000'000));
}

} // namespace penstock::cli

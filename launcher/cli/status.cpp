// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/status.h"

#include "cli/help.h"
#include "cli/output.h"
#include "cli/urls.h"
#include "description/playable.h"
#include "state/collect.h"

#include <glib.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <vector>

namespace penstock::cli {
namespace {

/// "1 viewer", "2 viewers"
std::string counted(unsigned number, const char *what) {
    return std::to_string(number) + " " + what + (number == 1 ? "" : "s");
}

/// A duration in µs, rounded: "0:01:23"
std::string lasted(int64_t duration) {
    return format_uptime((duration + 500'000) / 1'000'000);
}

/// As many fields as fit; the first in any case.
std::string joined(const std::vector<std::string> &fields, size_t width) {
    std::string out = fields.front();
    for (size_t i = 1; i < fields.size(); ++i) {
        const std::string more = out + " · " + fields[i];
        if (width_of(more) > width) break;
        out = more;
    }
    return out;
}

/// Whether viewers have got media at all. A publisher may be connected without sending any. Of a
/// stream that is not served to viewers nothing is known, so it counts.
bool has_media(const state::Stream &stream) {
    const auto &mounts = stream.mounts;
    return std::none_of(mounts.begin(), mounts.end(),
                        [](const state::Mount *mount) { return mount->is_fed; }) ||
           std::any_of(mounts.begin(), mounts.end(),
                       [](const state::Mount *mount) { return mount->last_media > 0; });
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

/// Prints that a stream begins, pauses or goes on.
void Status::note(const state::Stream &stream, int64_t now) {
    const auto found = seen_.find(stream.name);
    if (stream.is_deserted) {
        // A pipeline that never had a publisher is none that has lost one.
        if (found != seen_.end()) note_off_air(stream.name, found->second, now);
        return;
    }
    if (found == seen_.end()) {
        if (has_media(stream)) note_live(stream, nullptr, now);
        return;
    }
    const Seen before = found->second;
    // A publisher that another one followed within the time between two updates.
    const bool has_changed = !stream.publisher.empty() && before.publisher != stream.publisher;
    if (before.off_since || has_changed) note_live(stream, &before, now);
    note_standby(stream);
}

/// Prints that a stream's publisher has gone, unless another one or a slate follows soon.
void Status::note_off_air(const std::string &name, Seen &seen, int64_t now) const {
    constexpr int64_t soon = 1'250'000; // µs; a slate is known after a second (count_slates())
    if (seen.off_since == 0) seen.off_since = now;
    if (seen.is_off_told || now - seen.off_since < soon) return;
    seen.is_off_told = true;
    Output &output = Output::get();
    output.print(output.yellow("off air") + " " + name + "  " +
                 (seen.publisher.empty() ? "its publisher" : seen.publisher) + " left after " +
                 lasted(seen.off_since - seen.live_since) + "; the stream waits for it");
}

/// Prints that a stream is live, and after what; `before` is nullptr for one that begins.
void Status::note_live(const state::Stream &stream, const Seen *before, int64_t now) {
    Output &output = Output::get();
    std::string line = output.green("live") + "    " + stream.name;
    if (!stream.publisher.empty()) line += "  " + stream.publisher;
    // The one that was on air is held back now, and this line tells so.
    std::string standby;
    if (!before) {
        const state::Mount &first = *stream.mounts.front();
        line += "  " + first.scheme + "://" + reachable(first.address) + "/" + first.path;
    } else if (before->is_off_told) {
        line += stream.publisher.empty() ? "  goes on with a slate"
                                         : "  back after " + lasted(now - before->off_since);
    } else if (before->publisher.empty()) {
        line += "  follows the slate";
    } else if (before->publisher == stream.publisher) {
        line += "  back after " + lasted(now - before->off_since);
    } else if (before->publisher == stream.standby) {
        line += "  follows " + before->publisher + ", which stands by";
        standby = stream.standby;
    } else {
        line += stream.publisher.empty() ? "  goes on with a slate: " : "  follows ";
        line += before->publisher + (stream.publisher.empty() ? " left" : ", which left");
        line +=
            " after " + lasted((before->off_since ? before->off_since : now) - before->live_since);
    }
    output.print(line);
    seen_[stream.name] = {.live_since = now, .publisher = stream.publisher, .standby = standby};
}

/// Prints that a second publisher comes or goes.
void Status::note_standby(const state::Stream &stream) {
    Output &output = Output::get();
    std::string &seen = seen_.at(stream.name).standby;
    if (seen == stream.standby) return;
    const std::string begin = output.dim("standby") + " " + stream.name + "  ";
    if (!seen.empty()) output.print(begin + seen + " left");
    if (!stream.standby.empty())
        output.print(begin + stream.standby + "  stands by behind " + stream.publisher);
    seen = stream.standby;
}

void Status::say_ended(const std::string &name, const Seen &seen, int64_t now,
                       bool with_process) const {
    Output &output = Output::get();
    std::string line = output.dim("ended") + "   " + name;
    if (!seen.publisher.empty()) line += "  " + seen.publisher;
    line += "  after " + lasted((seen.off_since ? seen.off_since : now) - seen.live_since);
    if (seen.off_since && !with_process)
        line += "; no publisher came for " + lasted(now - seen.off_since) + " (grace)";
    output.print(line);
}

/// Warns once of each pipeline that puts out what hardly anything plays.
void Status::check_profiles(int64_t now) {
    constexpr int64_t settled = 1'000'000, longest = 15'000'000; // µs
    std::map<std::string, int64_t> checked;
    supervisor_.each_pipeline([&](const auto &, const supervisor::RunningPipeline &running) {
        const auto before = checked_.find(running.label());
        const int64_t age = now - running.since();
        if (before != checked_.end() && before->second == running.since()) {
            checked.insert(*before);
            return;
        }
        if (!running.pipeline() || age < settled) return;
        const auto profile = description::unplayable_output(running.pipeline());
        if (!profile && age < longest) return;
        checked[running.label()] = running.since();
        if (profile && !profile->empty())
            Output::get().warning(
                running.label() + ": H.264 " + *profile +
                " is played by hardly a browser, phone or TV: encode 4:2:0 with 8 "
                "bits (ffmpeg -pix_fmt yuv420p, `video/x-raw,format=I420 !` in "
                "front of an encoder)");
    });
    checked_ = std::move(checked);
}

void Status::finish() {
    Output::get().status("");
    const int64_t now = g_get_monotonic_time();
    for (const auto &[name, seen] : seen_)
        say_ended(name, seen, now, true);
    seen_.clear();
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
    if (output.is_terminal())
        supervisor_.each_pipeline([&](const auto &, const supervisor::RunningPipeline &running) {
            if (!running.pipeline()) return;
            const std::string key = "pipeline " + running.label();
            const uint64_t before = bytes_[key].out;
            const uint64_t after = state::bytes_sent_elsewhere(running.pipeline());
            out += after - (after < before ? 0 : before);
            bytes[key] = {0, after};
        });
    bytes_ = std::move(bytes);
    std::set<std::string> there;
    unsigned viewers = 0;
    for (const state::Stream &stream : state::streams_of(all.mounts)) {
        viewers += stream.viewers;
        if (!stream.live && !stream.is_deserted) continue;
        there.insert(stream.name);
        note(stream, now);
    }
    for (auto seen = seen_.begin(); seen != seen_.end();) {
        if (there.contains(seen->first)) {
            ++seen;
            continue;
        }
        say_ended(seen->first, seen->second, now, false);
        seen = seen_.erase(seen);
    }
    check_profiles(now);
    const auto live = std::count_if(seen_.begin(), seen_.end(),
                                    [](const auto &seen) { return !seen.second.off_since; });
    if (const double seconds = static_cast<double>(now - last_) / 1e6; seconds > 0.05) {
        const double weight = std::min(1.0, seconds / 4);
        in_ += weight * (static_cast<double>(in) * 8 / 1000 / seconds - in_);
        out_ += weight * (static_cast<double>(out) * 8 / 1000 / seconds - out_);
        last_ = now;
    }
    const std::string progress = progress_.update(supervisor_);
    if (!output.is_terminal()) {
        if (const std::string line = progress_.line_now_and_then(progress); !line.empty())
            output.print(line);
        return;
    }
    std::vector<std::string> fields;
    if (!progress.empty()) fields.push_back(progress);
    fields.push_back(counted(unsigned(live), "stream"));
    fields.push_back(counted(viewers, "viewer"));
    fields.push_back("in " + std::to_string(std::lround(in_)) + " kbit/s");
    fields.push_back("out " + std::to_string(std::lround(out_)) + " kbit/s");
    fields.push_back("up " + format_uptime((now - started_) / 1'000'000));
    output.status(joined(fields, terminal_columns() - 1));
}

} // namespace penstock::cli

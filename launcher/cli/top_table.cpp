// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/top_table.h"

#include "cli/status.h"
#include "protocols/table.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace penstock::cli {
namespace {

using nlohmann::json;

const json *find(const json &list, const json &like, std::initializer_list<const char *> keys) {
    for (const json &item : list)
        if (std::all_of(keys.begin(), keys.end(), [&](const char *key) {
                return item.value(key, json()) == like.value(key, json());
            }))
            return &item;
    return nullptr;
}

void add_rate(json &now, const json &before, double seconds, const char *counter, const char *rate,
              double factor) {
    const double more = now.value(counter, 0.0) - before.value(counter, 0.0);
    // A counter that was reset counts from zero.
    now[rate] = (more < 0 ? now.value(counter, 0.0) : more) * factor / seconds;
}

void add_rates(json &now, const json &before) {
    const double seconds = (now.value("taken-at", 0.0) - before.value("taken-at", 0.0)) / 1e9;
    if (seconds <= 0.01) return;
    for (json &pipeline : now["pipelines"]) {
        const json *old = find(before["pipelines"], pipeline, {"label", "description"});
        if (!old) continue;
        add_rate(pipeline, *old, seconds, "bytes-in", "in-rate", 8);
        add_rate(pipeline, *old, seconds, "bytes-out", "out-rate", 8);
        add_rate(pipeline, *old, seconds, "frames", "fps", 1);
        add_rate(pipeline, *old, seconds, "drops", "drop-rate", 1);
    }
    for (json &mount : now["mounts"]) {
        const json *old = find(before["mounts"], mount, {"address", "path"});
        if (!old) continue;
        add_rate(mount, *old, seconds, "bytes-in", "in-rate", 8);
        add_rate(mount, *old, seconds, "bytes-out", "out-rate", 8);
    }
}

std::string printed(const char *format, double value) {
    char text[64];
    std::snprintf(text, sizeof text, format, value);
    return text;
}

/// "2.51 Mbit/s", "812 kbit/s"; "-" if unknown.
std::string rate_of(const json &item, const char *key) {
    const double rate = item.value(key, -1.0);
    if (rate < 0) return "-";
    if (rate >= 999'500) return printed("%.2f Mbit/s", rate / 1e6);
    return printed("%.0f kbit/s", rate / 1e3);
}

/// The fullest queue: "12 % (queue0)".
std::string fullest(const json &pipeline) {
    double most = -1;
    std::string name;
    for (const json &queue : pipeline.value("queues", json::array()))
        if (queue.value("level", 0.0) > most) {
            most = queue.value("level", 0.0);
            name = queue.value("name", "");
        }
    return most < 0 ? "-" : printed("%.0f %%", most * 100) + (most < 0.005 ? "" : " " + name);
}

/// "off air" without a publisher, else the pipeline's state.
std::string state_of(const json &state, const json &pipeline) {
    for (const json &mount : state["mounts"])
        if (mount.value("path", "") == pipeline.value("label", "") &&
            mount.value("waits-for-publisher", false))
            return "off air";
    return pipeline.value("state", "");
}

/// The address of a publisher of a rule's pipeline, after the peer's name; "-" if there is none.
/// `which`: "publisher", the one on air, or "standby".
std::string publisher_of(const json &state, const json &pipeline, const char *which) {
    for (const json &mount : state["mounts"]) {
        if (mount.value("path", "") != pipeline.value("label", "")) continue;
        const std::string peer = mount.value(which, "");
        if (peer.empty()) continue;
        const size_t space = peer.find(' ');
        return space == peer.npos ? peer : peer.substr(space + 1);
    }
    return "-";
}

/// "12", or "12 (3 slow)" if that many get less than all of the stream.
std::string viewers_of(const json &pipeline) {
    double slow = 0;
    for (const json &element : pipeline.value("elements", json::array()))
        slow += element.value("stats", json::object()).value("slow", 0.0);
    const std::string viewers = std::to_string(pipeline.value("viewers", 0));
    return slow > 0 ? viewers + printed(" (%.0f slow)", slow) : viewers;
}

using Row = std::vector<std::string>;

/// A row for a second publisher.
void add_standby(const json &state, const json &pipeline, std::vector<Row> &rows) {
    const std::string standby = publisher_of(state, pipeline, "standby");
    if (standby != "-")
        rows.push_back({"  publisher", "standby", standby, "-", "-", "-", "-", "-", "-", "-"});
}

/// A row for each destination elsewhere that there is no connection to.
void add_dead(const json &pipeline, std::vector<Row> &rows) {
    for (const json &element : pipeline.value("elements", json::array())) {
        const auto known = protocols::find_element(element.value("factory", ""));
        const json stats = element.value("stats", json::object());
        if (!known || known.use->role != protocols::Role::push || stats.value("peers", 1.0) > 0)
            continue;
        rows.push_back({"  " + element.value("name", ""), "not connected", "-", "-", "-", "-", "-",
                        printed("%.0f", stats.value("drops", 0.0)), "-", "-"});
    }
}

using Widths = std::vector<size_t>;

constexpr size_t gap = 2; ///< columns in front of each cell

Widths widths_of(const std::vector<Row> &rows) {
    Widths widths(rows.front().size(), 0);
    for (const Row &row : rows)
        for (size_t i = 0; i < row.size(); ++i)
            widths[i] = std::max(widths[i], width_of(row[i]));
    return widths;
}

/// The first column that no longer fits behind column 0, if the others begin at `first`.
size_t end_of(const Widths &widths, size_t first, size_t columns) {
    if (columns == 0) return widths.size();
    size_t used = gap + widths[0], end = first;
    while (end < widths.size() && used + gap + widths[end] <= columns)
        used += gap + widths[end++];
    return std::max(end, std::min(first + 1, widths.size()));
}

/// Column 0, which names the row, and those from `first` to before `end`.
void add_columns(const std::vector<Row> &rows, const Widths &widths, size_t first, size_t end,
                 const Output &output, std::string &out) {
    for (const Row &row : rows) {
        std::string line = std::string(gap, ' ') + pad(row[0], first < end ? widths[0] : 0);
        for (size_t i = first; i < end; ++i)
            line += std::string(gap, ' ') + (i + 1 < end ? pad(row[i], widths[i]) : row[i]);
        out += (&row == &rows.front() ? output.dim(line) : line) + "\n";
    }
}

void add_table(const std::vector<Row> &rows, const Output &output, View &view, std::string &out) {
    const Widths widths = widths_of(rows);
    if (view.folds) {
        for (size_t first = 1; first < widths.size();) {
            const size_t end = end_of(widths, first, view.columns);
            add_columns(rows, widths, first, end, output, out);
            first = end;
        }
        return;
    }
    // Scrolling stops at the last column.
    size_t furthest = 1;
    while (end_of(widths, furthest, view.columns) < widths.size())
        ++furthest;
    const size_t first = std::min(1 + view.skipped, furthest);
    const size_t end = end_of(widths, first, view.columns);
    add_columns(rows, widths, first, end, output, out);
    view.furthest = std::max(view.furthest, furthest - 1);
    for (size_t i = 1; i < widths.size(); ++i) {
        const bool is_shown = i >= first && i < end;
        const std::string &name = rows.front()[i];
        if (!is_shown &&
            std::find(view.left_out.begin(), view.left_out.end(), name) == view.left_out.end())
            view.left_out.push_back(name);
    }
}

} // namespace

std::vector<ProcessState> with_rates(std::vector<ProcessState> now,
                                     const std::vector<ProcessState> &before) {
    for (ProcessState &state : now) {
        const auto old = std::find_if(before.begin(), before.end(), [&](const ProcessState &o) {
            return o.process == state.process && o.error.empty();
        });
        if (state.error.empty() && old != before.end()) add_rates(state.value, old->value);
    }
    return now;
}

std::string table_of(const std::vector<ProcessState> &states, const Output &output, View &view) {
    view.left_out.clear();
    view.furthest = 0;
    std::string out;
    for (const ProcessState &state : states) {
        if (!out.empty()) out += "\n";
        std::string names;
        for (const json &name : state.value.value("descriptions", json::array()))
            names += (names.empty() ? "" : ", ") + name.get<std::string>();
        out += output.bold("process " + std::to_string(state.process)) +
               (names.empty() ? "" : "  " + names) + "\n";
        if (!state.error.empty()) {
            out += "  " + output.red(state.error) + "\n";
            continue;
        }
        std::vector<Row> rows = {{"STREAM", "STATE", "PUBLISHER", "VIEWERS", "IN", "OUT", "FPS",
                                  "DROPS", "QUEUE", "UP"}};
        for (const json &pipeline : state.value["pipelines"]) {
            rows.push_back(
                {pipeline.value("label", ""), state_of(state.value, pipeline),
                 publisher_of(state.value, pipeline, "publisher"), viewers_of(pipeline),
                 pipeline.value("bytes-in", 0.0) > 0 ? rate_of(pipeline, "in-rate") : "-",
                 rate_of(pipeline, "out-rate"),
                 pipeline.contains("fps") && pipeline.value("frames", 0.0) > 0
                     ? printed("%.1f", pipeline["fps"].get<double>())
                     : "-",
                 printed("%.0f", pipeline.value("drops", 0.0)), fullest(pipeline),
                 format_uptime(pipeline.value("uptime", int64_t{0}) / 1'000'000'000)});
            add_standby(state.value, pipeline, rows);
            add_dead(pipeline, rows);
        }
        if (rows.size() > 1)
            add_table(rows, output, view, out);
        else
            out += "  " + output.dim("no stream yet") + "\n";
    }
    while (out.ends_with('\n'))
        out.pop_back();
    return out;
}

} // namespace penstock::cli

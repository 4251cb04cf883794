// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/latency_report.h"

#include "cli/output.h"
#include "cli/width.h"
#include "delay/draw.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>

namespace penstock::cli {
namespace {

using delay::in_words;
using delay::Measured;
using nlohmann::json;

constexpr size_t bar_width = 30;

json spread(const latency::Histogram &histogram) {
    if (histogram.count() == 0) return nullptr;
    const auto in_ms = [](int64_t nanoseconds) { return double(nanoseconds) / 1e6; };
    return {{"count", histogram.count()},
            {"p50_ms", in_ms(histogram.percentile(0.5))},
            {"p95_ms", in_ms(histogram.percentile(0.95))},
            {"p99_ms", in_ms(histogram.percentile(0.99))},
            {"min_ms", in_ms(histogram.min())},
            {"max_ms", in_ms(histogram.max())},
            {"mean_ms", in_ms(histogram.mean())},
            {"jitter_ms", in_ms(histogram.jitter())}};
}

json optional_ms(int64_t nanoseconds) {
    return nanoseconds > 0 ? json(double(nanoseconds) / 1e6) : json(nullptr);
}

std::string fps_of(const Measured &measured) {
    char text[32];
    std::snprintf(text, sizeof text, "%.1f fps", measured.fps);
    return text;
}

std::string way_of(const delay::Part &part) {
    return part.from + " → " + part.to;
}

std::string percentiles(const latency::Histogram &histogram) {
    return in_words(histogram.percentile(0.5)) +
           "  (95 %: " + in_words(histogram.percentile(0.95)) +
           ", 99 %: " + in_words(histogram.percentile(0.99)) + ", jitter " +
           in_words(histogram.jitter()) + ")";
}

} // namespace

std::string live_line(const Measured &measured) {
    const auto &values = measured.has_pictures() || !measured.has_hops()
                             ? measured.glass
                             : measured.hops.front().age;
    std::string out = "latency ";
    if (values.count() > 0)
        out += percentiles(values);
    else if (measured.clock > 0)
        out += "clock: the times are impossible";
    else
        out += measured.frames > 0 ? "…" : "waits for the first picture";
    if (measured.frames > 0) out += "  " + fps_of(measured);
    if (measured.lost > 0) out += "  lost " + std::to_string(measured.lost);
    if (measured.unreadable > 0) out += "  unread " + std::to_string(measured.unreadable);
    return out;
}

void print_summary(const delay::Protocol &protocol, const Measured &measured,
                   const Clocks &clocks) {
    Output &output = Output::get();
    const delay::Budget budget = delay::budget_of(protocol, measured);
    size_t names = width_of("glass to decoder"), ways = 0;
    for (const delay::Part &part : budget.parts) {
        names = std::max(names, width_of(part.name));
        ways = std::max(ways, width_of(way_of(part)));
    }
    const auto line = [&](const std::string &name, const std::string &text) {
        output.print("  " + pad(name, names + 2) + text);
    };
    const auto wrapped_line = [&](const std::string &name, const std::string &text) {
        line(name, in_width(text, names + 4));
    };
    const std::string size = measured.width > 0 ? " " + std::to_string(measured.width) + "x" +
                                                      std::to_string(measured.height)
                                                : "";
    line("stream", measured.codec + size + ", " + fps_of(measured) +
                       (measured.keyframe_interval > 0
                            ? ", a keyframe each " + in_words(measured.keyframe_interval)
                            : "") +
                       (measured.is_reordered ? ", B-frames" : "") +
                       (measured.segment > 0 ? ", segments of " + in_words(measured.segment) : ""));
    if (measured.has_pictures()) {
        line(protocol.is_paced ? "glass to glass" : "glass to decoder",
             output.bold(percentiles(measured.glass)));
        line("pictures", std::to_string(measured.read) + " read, " +
                             std::to_string(measured.unreadable) + " unreadable, " +
                             std::to_string(measured.lost) + " lost, " +
                             std::to_string(measured.repeated) + " repeated");
    } else if (measured.has_hops()) {
        line(std::string("from ") + latency::name_of(measured.hops.front().hop),
             output.bold(percentiles(measured.hops.front().age)));
    }
    if (!measured.has_pictures() && !measured.has_hops() && measured.clock > 0)
        line("latency",
             output.bold("clock") + ": impossible times: " + std::to_string(measured.clock));
    wrapped_line("clock", in_words(clocks) + (clocks.offset ? ", which is taken off" : ""));
    if (!clocks.server.empty()) line("", "(right where the source's clock keeps to that server)");
    if (measured.startup >= 0)
        line("first picture",
             "after " + in_words(measured.startup) +
                 (measured.joined >= 0 ? ", " + in_words(measured.joined) + " old" : ""));
    if (!budget.parts.empty()) output.print("where it goes (medians)");
    int64_t whole = 0;
    for (const delay::Part &part : budget.parts)
        whole += part.time;
    for (const delay::Part &part : budget.parts) {
        const double share = whole > 0 ? double(part.time) / double(whole) : 0;
        line(part.name, pad(way_of(part), ways + 2) +
                            pad(part.is_clock ? "clock" : in_words(part.time), 10) +
                            delay::text_bar(share, bar_width));
    }
    for (const std::string &sentence : delay::advice_for(protocol, measured, budget))
        output.print(output.yellow("→ ") + in_width(sentence, 2));
}

json to_json(const delay::Protocol &protocol, const Measured &measured) {
    const delay::Budget budget = delay::budget_of(protocol, measured);
    json hops = json::array(), parts = json::array();
    for (const delay::HopMeasured &hop : measured.hops)
        hops.push_back({{"hop", latency::name_of(hop.hop)},
                        {"age", spread(hop.age)},
                        {"step", spread(hop.step)}});
    for (const delay::Part &part : budget.parts)
        parts.push_back(
            {{"part", part.name},
             {"from", part.from},
             {"to", part.to},
             {"p50_ms", part.is_clock ? json(nullptr) : json(double(part.time) / 1e6)}});
    return {{"protocol", protocol.name},
            {"glass", spread(measured.glass)},
            {"pictures",
             {{"read", measured.read},
              {"unreadable", measured.unreadable},
              {"lost", measured.lost},
              {"repeated", measured.repeated}}},
            {"clock", measured.clock},
            {"startup_ms", optional_ms(measured.startup)},
            {"joined_ms", optional_ms(measured.joined)},
            {"codec", measured.codec},
            {"width", measured.width},
            {"height", measured.height},
            {"fps", measured.fps},
            {"keyframe_interval_ms", optional_ms(measured.keyframe_interval)},
            {"b_frames", measured.is_reordered},
            {"segment_ms", optional_ms(measured.segment)},
            {"hops", std::move(hops)},
            {"budget", std::move(parts)},
            {"advice", delay::advice_for(protocol, measured, budget)}};
}

bool write_file(const std::string &file, const std::string &text) {
    if (file == "-") {
        std::string out = text;
        while (out.ends_with('\n'))
            out.pop_back();
        Output::get().print(out);
        return true;
    }
    std::ofstream out(file, std::ios::binary);
    out << text;
    out.flush();
    if (out) return true;
    Output::get().error("can't write " + file + ": " + std::strerror(errno));
    return false;
}

} // namespace penstock::cli

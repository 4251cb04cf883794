// SPDX-License-Identifier: LGPL-2.1-or-later
// latency URL: receives a stream and prints its latency.
#include "cli/commands.h"
#include "cli/latency_report.h"
#include "cli/output.h"
#include "cli/signals.h"
#include "delay/client.h"
#include "delay/draw.h"
#include "delay/reason.h"
#include "supervisor/main_loop.h"

#include <nlohmann/json.hpp>

namespace penstock::cli {
namespace {

using nlohmann::json;

constexpr guint look_every = 250;     // ms
constexpr int64_t second = 1'000'000; // µs
/// HLS starts with whole segments, so the wait is long.
constexpr int64_t longest_wait = 30 * second;
/// The burst that a joining client receives does not represent later latency.
constexpr int64_t warm_up = second;

const char *no_stamps = "no picture has a stamp that can be read: nothing can be measured. The "
                        "source burns one in with latencystamp (in front of its encoder), or "
                        "latencysei adds one to the encoded stream";

const char *no_clock = "every timestamp is impossible: this machine's clock and the source's "
                       "differ. NTP or PTP on both mends it; --ntp HOST at both ends says how far "
                       "each is off, and --clock-offset takes the difference off";

/// Without a stream: prints the offset of this machine's clock.
int say_clocks(const LatencyOptions &options) {
    Output &output = Output::get();
    Clocks clocks;
    std::string error;
    if (!look_at_clocks(options.ntp, 0, &clocks, &error)) {
        output.error(error);
        return exit_failed;
    }
    if (options.json)
        output.print(to_json(clocks).dump(2, ' ', false, json::error_handler_t::replace));
    else
        output.print("this machine's clock: " + in_words(clocks));
    return exit_ok;
}

} // namespace

int latency(const LatencyOptions &options) {
    Output &output = Output::get();
    std::string error;
    if (!options.tls_ca.empty() && !delay::trust(options.tls_ca, &error)) {
        output.error(error);
        return exit_usage;
    }
    if (options.url.empty()) return say_clocks(options);
    const delay::Protocol *protocol = delay::protocol_of(options.url, &error);
    if (!protocol) {
        output.error(error);
        return exit_usage;
    }
    Clocks clocks;
    if (!look_at_clocks(options.ntp, options.clock_offset, &clocks, &error)) {
        output.error(error);
        return exit_failed;
    }
    const supervisor::MainLoop loop(g_main_loop_new(nullptr, FALSE));
    bool interrupted = false;
    SignalThread signals;
    signals.start({.stop = [&] {
        interrupted = true;
        g_main_loop_quit(loop.get());
    }});
    delay::Client client(*protocol, {.url = options.url,
                                     .warm_up = warm_up * 1000,
                                     .clock_offset = clocks.offset ? clocks.offset->offset : 0});
    if (!client.start(&error)) {
        output.error(error);
        return exit_failed;
    }
    const int64_t started = g_get_monotonic_time();
    const int64_t duration = static_cast<int64_t>(options.seconds * double(second));
    auto look = [&] {
        output.status(live_line(client.measured()));
        const int64_t now = g_get_monotonic_time(), first = client.first_picture();
        const bool is_done = first ? duration > 0 && now >= first + warm_up + duration
                                   : now >= started + longest_wait;
        if (is_done || client.is_over()) g_main_loop_quit(loop.get());
    };
    using Look = decltype(look);
    const guint ticker = g_timeout_add(
        look_every,
        [](gpointer data) -> gboolean {
            (*static_cast<Look *>(data))();
            return G_SOURCE_CONTINUE;
        },
        &look);
    if (!interrupted) g_main_loop_run(loop.get());
    g_source_remove(ticker);
    const delay::Measured measured = client.measured();
    client.stop();
    output.status("");

    if (measured.frames == 0) {
        if (interrupted) return exit_failed;
        output.error(options.url + ": " +
                     delay::why_nothing_came(*protocol, options.url, client.whole_failure()));
        return exit_failed;
    }
    if (!client.failure().empty()) output.warning(options.url + ": " + client.failure());
    const bool is_measured = measured.has_pictures() || measured.has_hops();
    if (options.json) {
        json out = to_json(*protocol, measured);
        out["url"] = options.url;
        out["clocks"] = to_json(clocks);
        output.print(out.dump(2, ' ', false, json::error_handler_t::replace));
    } else {
        output.print(output.bold(options.url));
        print_summary(*protocol, measured, clocks);
    }
    if (!is_measured) output.error(measured.clock == 0 ? no_stamps : no_clock);
    if (!options.plot.empty() &&
        !write_file(options.plot, draw_trace(measured, "Latency of " + options.url)))
        return exit_failed;
    return is_measured ? exit_ok : exit_failed;
}

} // namespace penstock::cli

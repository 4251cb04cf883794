// SPDX-License-Identifier: LGPL-2.1-or-later
// latency URL: receives a stream and prints its latency.
#include "cli/commands.h"
#include "cli/latency_report.h"
#include "cli/output.h"
#include "cli/signals.h"
#include "cli/stamps.h"
#include "delay/client.h"
#include "delay/draw.h"
#include "delay/reason.h"
#include "supervisor/main_loop.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <utility>

namespace penstock::cli {
namespace {

using nlohmann::json;

constexpr guint look_every = 250;     // ms
constexpr int64_t second = 1'000'000; // µs
/// Without a limit (`-t 0`). HLS starts with whole segments, so the wait is long.
constexpr int64_t longest_wait = 30 * second;
/// The burst that a joining client receives does not represent later latency.
constexpr int64_t longest_warm_up = second;
/// After this time without a frame the server is asked why.
constexpr int64_t ask_after = 2 * second;
constexpr int64_t longest_patience = 5 * second;

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

/// A client, and the time that it may take: until the first frame, and from then on.
class Wait {
public:
    Wait(const LatencyOptions &options, const delay::Protocol &protocol, int64_t clock_offset,
         GMainLoop *loop)
        : options_(options), duration_(in_us(options.seconds)), loop_(loop),
          client_(protocol, {.url = options.url,
                             .warm_up = warm_up() * 1000,
                             .clock_offset = clock_offset,
                             .tls_ca = options.tls_ca}),
          reason_(protocol, options.url) {}
    ~Wait() { end(); }
    Wait(const Wait &) = delete;
    Wait &operator=(const Wait &) = delete;

    delay::Client &client() { return client_; }

    void start() {
        started_ = g_get_monotonic_time();
        ticker_ = g_timeout_add(
            look_every,
            [](gpointer self) -> gboolean {
                static_cast<Wait *>(self)->look();
                return G_SOURCE_CONTINUE;
            },
            this);
    }
    void end() {
        if (ticker_) g_source_remove(std::exchange(ticker_, 0));
    }
    /// After a run without a frame.
    std::string why_nothing_came() const {
        const auto found = reason_.answer();
        return (found ? *found
                      : "no frame came within " + std::to_string(limit() / second) +
                            " s, and the server has not answered yet") +
               (client_.is_over() ? "" : " (--wait SECONDS waits longer)");
    }

private:
    static int64_t in_us(double seconds) { return static_cast<int64_t>(seconds * double(second)); }
    int64_t warm_up() const {
        return duration_ > 0 ? std::min(longest_warm_up, duration_ / 4) : longest_warm_up;
    }
    /// The time until the first frame.
    int64_t limit() const {
        if (options_.wait > 0) return in_us(options_.wait);
        return duration_ > 0 ? duration_ : longest_wait;
    }
    void ask(int64_t now) {
        const int64_t left = std::min(longest_patience, started_ + limit() - now);
        reason_.ask(client_.whole_failure(), static_cast<unsigned>(std::max(second, left) / second),
                    client_.is_over() ? 0 : static_cast<unsigned>(limit() / second));
    }
    void look() {
        const int64_t now = g_get_monotonic_time(), first = client_.first_picture();
        if (first) {
            Output::get().status(live_line(client_.measured()));
            const int64_t begin = options_.wait > 0 ? first : started_;
            if (client_.is_over() || (duration_ > 0 && now >= begin + duration_))
                g_main_loop_quit(loop_);
            return;
        }
        const int64_t left = started_ + limit() - now;
        if (left <= 0) return g_main_loop_quit(loop_);
        if (client_.is_over()) {
            if (!std::exchange(knows_failure_, true)) ask(now);
            if (reason_.answer()) g_main_loop_quit(loop_);
            return;
        }
        if (now >= started_ + std::min(ask_after, limit() / 2) && !reason_.is_asked()) {
            ask(now);
            // A terminal shows it below, and how long still.
            if (!Output::get().is_terminal() && !options_.json)
                Output::get().plain_error(waits_for(left));
        }
        Output::get().status(waits_for(left));
    }
    std::string waits_for(int64_t left) const {
        return "waits for the first frame of " + options_.url + ", for " +
               std::to_string((left + second - 1) / second) + " s more";
    }

    const LatencyOptions &options_;
    const int64_t duration_; ///< µs; 0: no limit
    GMainLoop *const loop_;
    delay::Client client_;
    delay::Reason reason_;
    int64_t started_ = 0;
    guint ticker_ = 0;
    bool knows_failure_ = false; ///< the reason was asked for after the failure
};

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
    Wait wait(options, *protocol, clocks.offset ? clocks.offset->offset : 0, loop.get());
    if (!wait.client().start(&error)) {
        output.error(error);
        return exit_failed;
    }
    wait.start();
    if (!interrupted) g_main_loop_run(loop.get());
    wait.end();
    delay::Client &client = wait.client();
    const delay::Measured measured = client.measured();
    client.stop();
    output.status("");

    if (measured.frames == 0) {
        if (interrupted) return exit_failed;
        output.error(options.url + ": " + wait.why_nothing_came());
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
    if (!is_measured) output.error(measured.clock == 0 ? no_stamps(options.url) : no_clock);
    if (!options.plot.empty() &&
        !write_file(options.plot, draw_trace(measured, "Latency of " + options.url)))
        return exit_failed;
    return is_measured ? exit_ok : exit_failed;
}

} // namespace penstock::cli

// SPDX-License-Identifier: LGPL-2.1-or-later
// hls-load: plays an HLS stream thousands of times, by its parts or by its segments, and reports
// how much later the last player has each of them than the first. Publishes the stream over RTMP if
// asked to. Prints a line of JSON per phase: published, window (begins), closed (ends), result.
// With --step it waits for a line on standard input before the players join, and before it ends.
#include "crowd.h"

#include "../../fanout/load/publisher.h"

#include <CLI/CLI.hpp>
#include <csignal>
#include <iostream>
#include <nlohmann/json.hpp>
#include <sys/resource.h>

using namespace load;
using nlohmann::json;

namespace {

constexpr auto patience = std::chrono::seconds(60);
// After the window, for what began in it. Players of whole segments ask once in a target duration.
constexpr auto late_parts = std::chrono::seconds(1), late_segments = std::chrono::seconds(4);

struct Options : CrowdOptions {
    std::string publish;
    double bitrate = 2.15e6, warmup = 4, settle = 5, seconds = 15;
    bool step = false, classic = false;
};

Options parse(int argc, char **argv) {
    Options out;
    out.player.path = "/live/bench/index.m3u8";
    CLI::App app("Plays an HLS stream thousands of times and measures.\n"
                 "Results are JSON on standard output, a line for each phase.",
                 "hls-load");
    app.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
    app.add_option("--play", out.play, "Where the players connect")
        ->required()
        ->type_name("HOST:PORT");
    app.add_option("--path", out.player.path, "The media playlist's path")->capture_default_str();
    app.add_option("--publish", out.publish,
                   "Where to publish live/bench over RTMP; none: nothing is published")
        ->type_name("HOST:PORT");
    app.add_option("--bitrate", out.bitrate, "Bits per second of the publisher, audio included")
        ->check(CLI::Range(3e5, 1e9))
        ->capture_default_str();
    app.add_flag("--classic", out.classic, "Whole segments and no blocking reload");
    app.add_flag("--hints", out.player.uses_hints, "Players ask for what the playlist hints at");
    app.add_flag("--tls", out.tls, "Players use TLS; any certificate will do");
    app.add_flag("--http2", out.http2, "Players use HTTP/2 over TLS");
    app.add_option("--players", out.players, "How many")->check(CLI::Range(1, 100'000));
    app.add_option("--join-rate", out.join_rate, "Players that join in a second")
        ->check(CLI::PositiveNumber)
        ->capture_default_str();
    app.add_option("--warmup", out.warmup, "Seconds from publishing to the first join")
        ->capture_default_str();
    app.add_option("--settle", out.settle, "Seconds from the last join to the window")
        ->capture_default_str();
    app.add_option("--seconds", out.seconds, "Length of the window in which is measured")
        ->check(CLI::PositiveNumber)
        ->capture_default_str();
    app.add_flag("--step", out.step,
                 "Wait for a line on standard input before the players join and before the end");
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError &error) {
        std::exit(app.exit(error) ? 2 : 0);
    }
    if (out.classic) out.player.mode = Player::Mode::classic;
    return out;
}

void say(const json &line) {
    std::cout << line.dump() << std::endl;
}

double cpu_seconds() {
    rusage used{};
    getrusage(RUSAGE_SELF, &used);
    const auto seconds = [](const timeval &time) {
        return double(time.tv_sec) + double(time.tv_usec) / 1e6;
    };
    return seconds(used.ru_utime) + seconds(used.ru_stime);
}

void wait_for_line() {
    std::string line;
    std::getline(std::cin, line);
}

int run(const Options &options) {
    allow_descriptors(options.players * 2 + 64);
    std::unique_ptr<Publishers> publishers;
    if (!options.publish.empty()) {
        Publishers::Settings settings{options.publish, "live", "bench"};
        settings.bits_per_second = options.bitrate;
        publishers = std::make_unique<Publishers>(settings);
        const int64_t end = steady_ns() + std::chrono::nanoseconds(patience).count();
        while (publishers->sending() == 0 && publishers->error().empty() && steady_ns() < end)
            std::this_thread::sleep_for(std::chrono::milliseconds(20));
        if (const std::string error = publishers->error(); !error.empty()) throw Failure(error);
        if (publishers->sending() == 0) throw Failure("the server does not take the publisher");
        std::this_thread::sleep_for(std::chrono::duration<double>(options.warmup));
    }
    say({{"phase", "published"}});
    if (options.step) wait_for_line();

    Crowd crowd(options);
    crowd.join(patience);
    crowd.play(std::chrono::duration<double>(options.settle));
    const double cpu = cpu_seconds();
    const uint64_t bytes = crowd.bytes();
    const int64_t begin = steady_ns();
    say({{"phase", "window"}});
    crowd.play(std::chrono::duration<double>(options.seconds));
    const int64_t end = steady_ns();
    const double used = cpu_seconds() - cpu, seconds = double(end - begin) / 1e9;
    const double mbit = double(crowd.bytes() - bytes) * 8 / 1e6;
    say({{"phase", "closed"}});
    crowd.play(options.classic ? late_segments : late_parts);

    const auto players = crowd.sum();
    const auto sum = crowd.arrivals().sum(begin, end, players.players);
    say({{"phase", "result"},
         {"seconds", seconds},
         {"players", players.players},
         {"started", players.started},
         {"failed", players.failed},
         {"first_error", crowd.first_error()},
         {"media", sum.media},
         {"deliveries", sum.deliveries},
         {"missing", sum.missing},
         {"mbit_per_second", mbit / seconds},
         {"load_cpu", used / seconds},
         {"spread_ms",
          {{"p50", sum.spread.percentile_ms(0.5)},
           {"p95", sum.spread.percentile_ms(0.95)},
           {"max", sum.spread.max_ms()}}}});
    if (options.step) wait_for_line();
    return 0;
}

} // namespace

int main(int argc, char **argv) {
    signal(SIGPIPE, SIG_IGN);
    const Options options = parse(argc, argv);
    try {
        return run(options);
    } catch (const std::exception &error) {
        std::cerr << "hls-load: " << error.what() << "\n";
        return 1;
    }
}

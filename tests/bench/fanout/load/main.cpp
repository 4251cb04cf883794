// SPDX-License-Identifier: LGPL-2.1-or-later
// fanout-load: publishes one or more streams to a live server, plays them thousands of times and
// reports what arrived and how late. Prints a line of JSON per phase: published (with --step it
// waits for a line before viewers join), window (begins), closed (ends), result; with --step the
// viewers then stay until the next line.
#include "crowd.h"
#include "publisher.h"

#include <csignal>
#include <iostream>
#include <nlohmann/json.hpp>
#include <sys/resource.h>

using namespace load;
using nlohmann::json;

namespace {

constexpr auto patience = std::chrono::seconds(60);
constexpr auto late_frames = std::chrono::seconds(1); // after the window, for what was sent in it

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

json describe(const Histogram &times) {
    return {{"count", times.count()},
            {"p50", times.percentile_ms(0.5)},
            {"p95", times.percentile_ms(0.95)},
            {"p99", times.percentile_ms(0.99)},
            {"max", times.max_ms()}};
}

json describe(const Crowd::Sum &sum) {
    return {{"viewers", sum.viewers},  {"started", sum.started},
            {"closed", sum.closed},    {"frames", sum.frames},
            {"gaps", sum.gaps},        {"broken_gaps", sum.broken_gaps},
            {"missing", sum.missing},  {"viewers_with_gaps", sum.with_gaps},
            {"disorder", sum.disorder}};
}

int run(const Options &options) {
    if (options.tls && !Tls::available()) throw Failure("this was built without OpenSSL: no --tls");
    const unsigned all = options.viewers + options.slow + options.stuck + options.beside;
    allow_descriptors(all + uint64_t(options.probe_rate * 5) + options.publishers + 64);
    std::unique_ptr<Publishers> publishers;
    const auto check = [&] {
        if (publishers)
            if (const std::string error = publishers->error(); !error.empty()) throw Failure(error);
    };
    Crowd crowd(options, check);
    if (!options.publish.empty()) {
        Publishers::Settings settings{options.publish, options.app, options.stream};
        settings.count = options.publishers;
        settings.beside = options.beside > 0;
        settings.bits_per_second = options.bitrate;
        publishers = std::make_unique<Publishers>(settings);
        const auto end = Clock::now() + patience;
        while (publishers->sending() < settings.count + settings.beside) {
            crowd.watch(std::chrono::milliseconds(20));
            if (Clock::now() > end) throw Failure("the server does not take the publishers");
        }
    }
    crowd.watch(std::chrono::duration<double>(options.warmup));
    say({{"phase", "published"}});
    if (options.step) crowd.watch_until_told();

    crowd.join(patience);
    crowd.watch(std::chrono::duration<double>(options.settle));
    if (publishers) publishers->take_lateness();
    crowd.open_window();
    const double cpu = cpu_seconds();
    say({{"phase", "window"}});
    crowd.watch(std::chrono::duration<double>(options.seconds));
    const double window = crowd.close_window().count();
    const double used = cpu_seconds() - cpu;
    say({{"phase", "closed"}});
    const json lateness = describe(publishers ? publishers->take_lateness() : Histogram());
    crowd.watch(late_frames);

    const Tally &good = crowd.good();
    json result{{"phase", "result"},
                {"seconds", window},
                {"poll_ms", options.poll_ms},
                {"mbit_per_second", double(good.bytes) * 8 / 1e6 / window},
                {"frames", good.frames},
                {"latency_ms", describe(good.latency)},
                {"first_keyframe_ms", describe(good.first_keyframe)},
                {"good", describe(crowd.sum(Viewer::Kind::good))},
                {"load_cpu", used / window},
                {"publisher_late_ms", lateness},
                {"first_error", crowd.first_error()}};
    if (options.slow) result["slow"] = describe(crowd.sum(Viewer::Kind::slow));
    if (options.stuck) result["stuck"] = describe(crowd.sum(Viewer::Kind::stuck));
    if (options.beside) {
        result["beside"] = describe(crowd.sum(Viewer::Kind::beside));
        result["beside"]["latency_ms"] = describe(crowd.beside().latency);
    }
    if (options.probe_rate > 0)
        result["probes"] = {{"first_keyframe_ms", describe(crowd.probes().first_keyframe)},
                            {"failed", crowd.failed_probes()},
                            {"waiting", crowd.probes_waiting()}};
    say(result);
    if (options.step) crowd.watch_until_told();
    return 0;
}

} // namespace

int main(int argc, char **argv) {
    signal(SIGPIPE, SIG_IGN);
    const Options options = parse_options(argc, argv);
    try {
        return run(options);
    } catch (const std::exception &error) {
        std::cerr << "fanout-load: " << error.what() << "\n";
        return 1;
    }
}

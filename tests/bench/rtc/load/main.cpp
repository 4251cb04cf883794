// SPDX-License-Identifier: LGPL-2.1-or-later
// rtc-load: plays a WebRTC stream thousands of times and reports what arrived and how late.
// Publishes it over RTMP if asked to. With --json it prints a line of JSON per phase: published
// (with --step it waits for a line before viewers join), window (begins), closed (ends), result;
// with --step the viewers then stay until the next line.
#include "crowd.h"
#include "process.h"

#include "../../fanout/load/publisher.h"
#include "../../fanout/load/socket.h"

#include <csignal>
#include <cstdio>
#include <iostream>
#include <nlohmann/json.hpp>

using namespace load;
using nlohmann::json;

namespace {

constexpr auto patience = std::chrono::seconds(60);
constexpr auto late_frames = std::chrono::seconds(1); // after the window, for what was sent in it

void say(const Options &options, const char *phase) {
    if (options.json) std::cout << json{{"phase", phase}}.dump() << std::endl;
}

json describe(const Histogram &times) {
    return {{"count", times.count()},
            {"p50", times.percentile_ms(0.5)},
            {"p95", times.percentile_ms(0.95)},
            {"p99", times.percentile_ms(0.99)},
            {"max", times.max_ms()}};
}

json describe(const Crowd::Sum &sum) {
    return {{"viewers", sum.viewers},
            {"joined", sum.joined},
            {"failed", sum.failed},
            {"ended", sum.ended},
            {"failures", sum.failures},
            {"profiles", sum.profiles},
            {"packets_video", sum.packets_video},
            {"packets_audio", sum.packets_audio},
            {"lost", sum.lost},
            {"lost_audio", sum.lost_audio},
            {"with_losses", sum.with_losses},
            {"gaps", sum.gaps},
            {"duplicates", sum.duplicates},
            {"late", sum.late},
            {"asked", sum.asked},
            {"repaired", sum.repaired},
            {"broken_frames", sum.broken_frames},
            {"missing_frames", sum.missing_frames},
            {"refused", sum.refused},
            {"dropped_here", sum.dropped}};
}

struct Used {
    double seconds = 0, load = 0, server = 0; ///< of the clock, and of CPU
};

json describe(const Options &options, const Crowd &crowd, const Used &used,
              const Histogram &publisher) {
    const Tally &tally = crowd.tally();
    json out{{"phase", "result"},
             {"seconds", used.seconds},
             {"poll_ms", options.poll_ms},
             {"packets", tally.packets},
             {"bytes", tally.bytes},
             {"frames", tally.frames},
             {"packets_per_second", double(tally.packets) / used.seconds},
             {"mbit_per_second", double(tally.bytes) * 8 / 1e6 / used.seconds},
             {"answered_ms", describe(tally.answered)},
             {"connected_ms", describe(tally.connected)},
             {"first_keyframe_ms", describe(tally.first_keyframe)},
             {"latency_ms", describe(tally.latency)},
             {"load_cpu", used.load / used.seconds},
             {"publisher_late_ms", describe(publisher)}};
    out.update(describe(crowd.sum()));
    if (options.pid == 0) return out;
    out["server_cpu"] = used.server / used.seconds;
    if (tally.packets > 0) out["server_us_per_packet"] = used.server * 1e6 / double(tally.packets);
    return out;
}

void print_times(const char *name, const json &times) {
    if (times["count"].get<uint64_t>() == 0) return;
    std::printf("%-22s p50 %.1f  p95 %.1f  p99 %.1f  max %.1f ms\n", name,
                times["p50"].get<double>(), times["p95"].get<double>(), times["p99"].get<double>(),
                times["max"].get<double>());
}

void print(const json &result) {
    const auto number = [&](const char *key) { return result[key].get<unsigned long long>(); };
    const auto real = [&](const char *key) { return result[key].get<double>(); };
    std::printf("viewers                %llu: %llu joined, %llu failed, %llu ended later\n",
                number("viewers"), number("joined"), number("failed"), number("ended"));
    for (const auto &[reason, count] : result["failures"].items())
        std::printf("  %u: %s\n", count.get<unsigned>(), reason.c_str());
    for (const auto &[profile, count] : result["profiles"].items())
        std::printf("  %u with %s\n", count.get<unsigned>(), profile.c_str());
    std::printf("in %.1f s               %llu packets (%.0f/s), %.1f Mbit/s, %llu whole frames\n",
                real("seconds"), number("packets"), real("packets_per_second"),
                real("mbit_per_second"), number("frames"));
    std::printf("packets of video       %llu in all, %llu lost (%llu viewers), %llu repeated, "
                "%llu late; %llu asked for, %llu repaired\n",
                number("packets_video"), number("lost"), number("with_losses"),
                number("duplicates"), number("late"), number("asked"), number("repaired"));
    std::printf("packets of audio       %llu in all, %llu lost\n", number("packets_audio"),
                number("lost_audio"));
    std::printf("                       %llu refused by SRTP, %llu dropped by this kernel\n",
                number("refused"), number("dropped_here"));
    std::printf("frames                 %llu broken, %llu missing\n", number("broken_frames"),
                number("missing_frames"));
    print_times("to the answer", result["answered_ms"]);
    print_times("to the connection", result["connected_ms"]);
    print_times("to the first keyframe", result["first_keyframe_ms"]);
    print_times("latency", result["latency_ms"]);
    print_times("the publisher's delay", result["publisher_late_ms"]);
    std::printf("CPU of this program    %.2f cores\n", real("load_cpu"));
    if (!result.contains("server_cpu")) return;
    std::printf("CPU of the server      %.2f cores", real("server_cpu"));
    if (result.contains("server_us_per_packet"))
        std::printf(", %.2f us a packet", real("server_us_per_packet"));
    std::printf("\n");
}

std::unique_ptr<Publishers> publish(const Options &options) {
    Publishers::Settings settings{options.publish, options.app(), options.stream()};
    settings.bits_per_second = options.bitrate;
    auto out = std::make_unique<Publishers>(settings);
    const auto end = Clock::now() + patience;
    while (out->sending() == 0) {
        if (const std::string error = out->error(); !error.empty()) throw Failure(error);
        if (Clock::now() > end) throw Failure("the server does not take the publisher");
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    std::this_thread::sleep_for(std::chrono::duration<double>(options.warmup));
    return out;
}

int run(const Options &options) {
    allow_descriptors(uint64_t(options.viewers) * 2 + 64);
    std::unique_ptr<Publishers> publishers;
    const auto check = [&] {
        if (publishers)
            if (const std::string error = publishers->error(); !error.empty()) throw Failure(error);
    };
    Crowd crowd(options, check);
    if (!options.publish.empty()) publishers = publish(options);
    say(options, "published");
    if (options.step) crowd.watch_until_told();

    crowd.join(patience);
    crowd.watch(std::chrono::duration<double>(options.settle));
    const auto server_cpu = [&] { return options.pid ? cpu_seconds(options.pid) : 0; };
    if (publishers) publishers->take_lateness();
    Used used;
    const double load_began = own_cpu_seconds(), server_began = server_cpu();
    crowd.open_window();
    say(options, "window");
    crowd.watch(std::chrono::duration<double>(options.seconds));
    used.seconds = crowd.close_window().count();
    used.load = own_cpu_seconds() - load_began;
    used.server = server_cpu() - server_began;
    say(options, "closed");
    const Histogram lateness = publishers ? publishers->take_lateness() : Histogram();
    crowd.watch(late_frames);

    const json result = describe(options, crowd, used, lateness);
    if (options.json)
        std::cout << result.dump() << std::endl;
    else
        print(result);
    if (options.step) crowd.watch_until_told();
    crowd.leave();
    return result["joined"] > 0 ? 0 : 1;
}

} // namespace

int main(int argc, char **argv) {
    signal(SIGPIPE, SIG_IGN);
    const Options options = parse_options(argc, argv);
    try {
        return run(options);
    } catch (const std::exception &error) {
        std::cerr << "rtc-load: " << error.what() << "\n";
        return 1;
    }
}

// SPDX-License-Identifier: LGPL-2.1-or-later
// rtc-room: a room full of participants, some of whom send camera and microphone and speak in turn.
// Prints what the server forwards, how late, and what that costs it.
#include "../load/process.h"
#include "participant.h"

#include "../../fanout/load/socket.h"

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <deque>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>

using namespace room_load;
using nlohmann::json;
using rtc_test::steady_ns;

namespace {

constexpr int64_t ms = 1'000'000, second = 1'000'000'000;
constexpr int64_t audio_interval = 20 * ms, check_interval = 20 * ms;

struct Options {
    std::string url;
    unsigned participants = 100, senders = 16, sample = 5;
    double bitrate = 500'000, frame_rate = 15, rate = 20, turn = 3, settle = 20, seconds = 15;
    int pid = 0;
    bool json = false;
};

Options parse(int argc, char **argv) {
    Options out;
    CLI::App app("Fills a room and measures what that costs its server.", "rtc-room");
    app.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
    app.add_option("--url", out.url, "Where they join")
        ->required()
        ->type_name("http://HOST:PORT/room/NAME/join");
    app.add_option("--participants", out.participants)->check(CLI::Range(1, 100));
    app.add_option("--senders", out.senders, "Those with camera and microphone; the others listen")
        ->check(CLI::Range(0, 100));
    app.add_option("--bitrate", out.bitrate, "Bits per second of a camera")
        ->check(CLI::Range(1e4, 2e7));
    app.add_option("--frame-rate", out.frame_rate, "Of a camera")->check(CLI::Range(1, 60));
    app.add_option("--turn", out.turn, "Seconds for which each speaks")->check(CLI::PositiveNumber);
    app.add_option("--sample", out.sample,
                   "Participants who decrypt everything, by whom latency is measured");
    app.add_option("--rate", out.rate, "Participants that join in a second")
        ->check(CLI::PositiveNumber);
    app.add_option("--settle", out.settle, "Seconds from the last join to the window");
    app.add_option("--seconds", out.seconds, "Length of the window in which is measured")
        ->check(CLI::PositiveNumber);
    app.add_option("--pid", out.pid, "The server, whose CPU time and memory are measured")
        ->check(CLI::PositiveNumber);
    app.add_flag("--json", out.json, "The result as a line of JSON");
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError &error) {
        std::exit(app.exit(error) ? 2 : 0);
    }
    return out;
}

/// Proportional set size in bytes; 0: it is not known.
uint64_t memory_of(int pid) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/smaps_rollup");
    for (std::string line; std::getline(file, line);)
        if (line.starts_with("Pss:")) return std::stoull(line.substr(4)) * 1024;
    return 0;
}

class Meeting {
public:
    explicit Meeting(const Options &options) : options_(options) {
        std::string error;
        context_ = dtls::Context::make({.handshakes = options.participants + 1}, &error);
        if (!context_) throw load::Failure(error);
        settings_.url = rtc_test::HttpUrl::parse(options.url);
        settings_.video_bitrate = options.bitrate;
        settings_.frame_rate = options.frame_rate;
    }

    void join() {
        const int64_t began = steady_ns();
        while (people_.size() < options_.participants) {
            const size_t number = people_.size();
            turn(began + int64_t(double(number) / options_.rate * double(second)));
            const bool sends = number < options_.senders;
            // Those who decrypt are of both kinds.
            const bool is_sample =
                number >= options_.participants - options_.sample || number < options_.sample / 2;
            people_.emplace_back(loop_, context_, settings_, unsigned(number), sends, is_sample,
                                 tally_);
        }
        const int64_t end = steady_ns() + 60 * second;
        const auto is_settled = [](const Participant &one) {
            return one.is_in() || !one.error().empty();
        };
        while (steady_ns() < end && !std::all_of(people_.begin(), people_.end(), is_settled))
            turn(steady_ns() + 20 * ms);
    }
    void go_on(double seconds) { turn(steady_ns() + int64_t(seconds * double(second))); }
    void leave() {
        for (Participant &one : people_)
            one.leave();
        go_on(1);
    }

    Tally &tally() { return tally_; }
    const std::deque<Participant> &people() const { return people_; }

private:
    void turn(int64_t until) {
        do {
            const int64_t due = std::min({until, next_frames_, next_audio_, next_check_});
            loop_.turn(uint64_t(std::max<int64_t>(due, 0) / ms));
            const int64_t now = steady_ns();
            if (now >= next_audio_) send_audio(now);
            if (now >= next_frames_) send_frames(now);
            if (now >= next_check_) {
                next_check_ = now + check_interval;
                for (Participant &one : people_)
                    one.check(now);
            }
        } while (steady_ns() < until);
    }
    void send_audio(int64_t now) {
        next_audio_ = std::max(next_audio_ + audio_interval, now - 5 * audio_interval);
        const auto speaker =
            size_t(double(now / ms) / 1e3 / options_.turn) % std::max(1u, options_.senders);
        for (size_t i = 0; i < people_.size(); ++i)
            if (people_[i].sends()) people_[i].send_audio(i == speaker);
    }
    /// One camera's frame at a time, so that they are spread as they would be.
    void send_frames(int64_t now) {
        const auto interval =
            int64_t(double(second) / options_.frame_rate / double(std::max(1u, options_.senders)));
        next_frames_ = std::max(next_frames_ + interval, now - 5 * interval);
        if (people_.empty()) return;
        Participant &one =
            people_[next_sender_++ %
                    std::min(size_t(options_.senders ? options_.senders : 1), people_.size())];
        if (one.sends()) one.send_frame(now);
    }

    const Options &options_;
    rtc_test::Loop loop_;
    std::shared_ptr<dtls::Context> context_;
    Participant::Settings settings_;
    Tally tally_;
    std::deque<Participant> people_;
    int64_t next_frames_ = 0, next_audio_ = 0, next_check_ = 0;
    size_t next_sender_ = 0;
};

struct Sum {
    unsigned in = 0;
    uint64_t packets = 0, lost = 0, refused = 0, dropped = 0;
    std::map<std::string, unsigned> failures;
};

Sum sum_of(const std::deque<Participant> &people) {
    Sum out;
    for (const Participant &one : people) {
        out.in += one.is_in() && one.error().empty();
        if (!one.error().empty()) ++out.failures[one.error()];
        out.packets += one.packets();
        out.lost += one.lost();
        out.refused += one.refused();
        out.dropped += one.dropped();
    }
    return out;
}

json describe(const load::Histogram &times) {
    return {{"count", times.count()},
            {"p50", times.percentile_ms(0.5)},
            {"p95", times.percentile_ms(0.95)},
            {"p99", times.percentile_ms(0.99)},
            {"max", times.max_ms()}};
}

void print(const json &result) {
    const auto times = [&](const char *name, const char *key) {
        const json &one = result.at(key);
        std::printf("%-24s p50 %.1f  p95 %.1f  p99 %.1f  max %.1f ms\n", name,
                    one["p50"].get<double>(), one["p95"].get<double>(), one["p99"].get<double>(),
                    one["max"].get<double>());
    };
    std::printf("in the room              %u of %u, of whom %u send\n",
                result["in"].get<unsigned>(), result["participants"].get<unsigned>(),
                result["senders"].get<unsigned>());
    for (const auto &[reason, count] : result["failures"].items())
        std::printf("  %u: %s\n", count.get<unsigned>(), reason.c_str());
    std::printf("forwarded                %.0f packets/s, %.1f Mbit/s; %.0f packets/s came\n",
                result["packets_per_second"].get<double>(), result["mbit_per_second"].get<double>(),
                result["sent_per_second"].get<double>());
    std::printf("lost                     %.4f %%; %llu dropped by this kernel, %llu refused\n",
                result["loss"].get<double>() * 100,
                result["dropped_here"].get<unsigned long long>(),
                result["refused"].get<unsigned long long>());
    times("to the welcome", "joined_ms");
    times("latency of video", "latency_ms");
    std::printf("CPU of this program      %.2f cores\n", result["load_cpu"].get<double>());
    if (!result.contains("server_cpu")) return;
    std::printf("CPU of the server        %.2f cores, %.2f us a packet\n",
                result["server_cpu"].get<double>(), result["server_us_per_packet"].get<double>());
    std::printf("memory of the server     %.0f kB a participant\n",
                result["kb_per_participant"].get<double>());
}

int run(const Options &options) {
    load::allow_descriptors(uint64_t(options.participants) * 2 + 64);
    const uint64_t memory = options.pid ? memory_of(options.pid) : 0;
    Meeting meeting(options);
    meeting.join();
    meeting.go_on(options.settle);
    Tally &tally = meeting.tally();
    const auto server_cpu = [&] { return options.pid ? load::cpu_seconds(options.pid) : 0; };
    const double own = load::own_cpu_seconds(), server = server_cpu();
    const Sum before = sum_of(meeting.people());
    const int64_t began = steady_ns();
    tally.is_open = true;
    meeting.go_on(options.seconds);
    tally.is_open = false;
    const double seconds = double(steady_ns() - began) / 1e9;
    const Sum after = sum_of(meeting.people());
    const double used = server_cpu() - server, load_used = load::own_cpu_seconds() - own;
    const auto lost = double(after.lost) - double(before.lost);
    const auto came = double(after.packets - before.packets);
    json result{{"participants", options.participants},
                {"senders", std::min(options.senders, options.participants)},
                {"in", after.in},
                {"failures", after.failures},
                {"packets_per_second", double(tally.packets) / seconds},
                {"mbit_per_second", double(tally.bytes) * 8 / 1e6 / seconds},
                {"sent_per_second", double(tally.sent) / seconds},
                {"loss", came + lost > 0 ? std::max(0.0, lost) / (came + lost) : 0},
                {"dropped_here", after.dropped - before.dropped},
                {"refused", after.refused - before.refused},
                {"joined_ms", describe(tally.joined)},
                {"latency_ms", describe(tally.latency)},
                {"load_cpu", load_used / seconds}};
    if (options.pid) {
        result["server_cpu"] = used / seconds;
        result["server_us_per_packet"] = tally.packets ? used * 1e6 / double(tally.packets) : 0;
        result["kb_per_participant"] =
            (double(memory_of(options.pid)) - double(memory)) / 1e3 / options.participants;
    }
    if (options.json)
        std::cout << result.dump() << std::endl;
    else
        print(result);
    meeting.leave();
    return after.in == options.participants ? 0 : 1;
}

} // namespace

int main(int argc, char **argv) {
    signal(SIGPIPE, SIG_IGN);
    const Options options = parse(argc, argv);
    try {
        return run(options);
    } catch (const std::exception &error) {
        std::cerr << "rtc-room: " << error.what() << "\n";
        return 1;
    }
}

// SPDX-License-Identifier: LGPL-2.1-or-later
// Measures how long a player waits for its first frame: from its play command to the last byte of
// the first video keyframe, on loopback, joining a real-time stream with 2 s GOPs at random
// positions. Also with nginx-rtmp in default configuration, if it is installed.
#include "unit/net_rig.hpp"

#include "bench/server_process.hpp"

#include <algorithm>
#include <cstdio>

using namespace net_test;
using Clock = std::chrono::steady_clock;

namespace {

constexpr int joins = 100;
constexpr unsigned frame_ms = 40, frames_in_gop = 50;
constexpr auto between_joins = std::chrono::milliseconds(97); // all phases of a GOP

flv::Tag picture(uint32_t ms, bool key) {
    const uint32_t size = key ? 40'000 : 5'000;
    std::vector<uint8_t> body(9 + size, 0x55);
    Writer head;
    head.u8(key ? 0x17 : 0x27).u8(1).u24(0).u32(size).u8(key ? 0x65 : 0x41);
    std::ranges::copy(head.view(), body.begin());
    return flv::make_tag(flv::TagType::video, ms, body);
}

/// Publishes 1.3 Mbit/s of video and audio in real time.
class Publisher {
public:
    explicit Publisher(uint16_t port) : peer_(port) {
        peer_.publish("bench");
        if (!peer_.until_said("NetStream.Publish.Start"))
            throw std::runtime_error("the publisher was not accepted");
        thread_ = std::thread([this] { run(); });
    }
    ~Publisher() {
        end_ = true;
        thread_.join();
    }

private:
    void run() {
        peer_.out.set_chunk_size(60000);
        peer_.send(samples::video_config());
        peer_.send(samples::audio_config());
        const auto begin = Clock::now();
        std::vector<uint8_t> sound(402, 0x21);
        sound[0] = 0xAF;
        sound[1] = 1;
        for (uint32_t frame = 0; !end_; ++frame) {
            const uint32_t ms = frame * frame_ms;
            std::this_thread::sleep_until(begin + std::chrono::milliseconds(ms));
            peer_.send(picture(ms, frame % frames_in_gop == 0));
            for (const uint32_t late : {0u, 20u})
                peer_.send(flv::make_tag(flv::TagType::audio, ms + late, sound));
            peer_.read();
        }
    }
    Peer peer_;
    std::atomic<bool> end_{false};
    std::thread thread_;
};

size_t count(const std::string &text, const std::string &what) {
    size_t times = 0;
    for (size_t at = text.find(what); at != text.npos; at = text.find(what, at + 1))
        ++times;
    return times;
}

/// Milliseconds from play to the first keyframe; -1 if none came.
double join(uint16_t port, Clock::time_point when) {
    Peer player(port);
    player.out.handshake().connect("live").call(0, "createStream", 4);
    player.flush();
    if (!player.until([&] { return count(player.said, "_result") == 2; })) return -1;
    std::this_thread::sleep_until(when);
    player.out.call(1, "play", 0, "bench");
    const auto begin = Clock::now();
    player.flush();
    const bool came = player.until([&] {
        return std::ranges::any_of(
            player.tags, [](const flv::Tag &tag) { return tag.kind == flv::TagKind::keyframe; });
    });
    const std::chrono::duration<double, std::milli> took = Clock::now() - begin;
    return came ? took.count() : -1;
}

struct Figures {
    double p50 = 0, p95 = 0, max = 0;
};

Figures measure(const char *name, const std::vector<std::string> &command, uint16_t port,
                const std::filesystem::path &log) {
    bench::Process server(command, log);
    const auto fail = [&](const std::string &why) {
        std::ifstream said(log);
        return std::runtime_error(std::string(name) + ": " + why + "\n" +
                                  std::string(std::istreambuf_iterator<char>(said), {}));
    };
    if (!eventually([&] { return Peer(port).connected(); })) throw fail("it does not listen");
    Publisher publisher(port);
    // After a whole GOP, and a little of the next.
    const auto begin = Clock::now() + std::chrono::milliseconds(frames_in_gop * frame_ms + 500);
    std::vector<double> times(joins);
    std::vector<std::thread> players;
    for (int i = 0; i < joins; ++i) {
        const auto when = begin + i * between_joins;
        std::this_thread::sleep_until(when - std::chrono::milliseconds(500));
        players.emplace_back([&times, i, port, when] { times[size_t(i)] = join(port, when); });
    }
    for (std::thread &player : players)
        player.join();
    std::ranges::sort(times);
    if (times.front() < 0) throw fail("a player got no keyframe");
    const Figures figures{times[joins / 2], times[joins * 95 / 100], times.back()};
    std::printf("%-12s %10.2f %10.2f %10.2f\n", name, figures.p50, figures.p95, figures.max);
    std::fflush(stdout);
    return figures;
}

} // namespace

int main() {
    try {
        const bench::Scratch scratch;
        std::printf("play to first keyframe, %d joins anywhere in GOPs of %u ms; milliseconds\n",
                    joins, frames_in_gop * frame_ms);
        std::printf("%-12s %10s %10s %10s\n", "", "p50", "p95", "max");
        uint16_t port = bench::free_port();
        const Figures ours =
            measure("penstock", bench::penstock_command(port), port, scratch.path / "penstock.log");
        port = bench::free_port();
        const std::vector<std::string> nginx = bench::nginx_command(port, scratch.path);
        if (nginx.empty()) {
            std::printf("nginx-rtmp is not installed (nginx, libnginx-mod-rtmp): no comparison\n");
            return 0;
        }
        const Figures theirs = measure("nginx-rtmp", nginx, port, scratch.path / "nginx.log");
        std::printf("%-12s %9.0fx %9.0fx %9.0fx\n", "ratio", theirs.p50 / ours.p50,
                    theirs.p95 / ours.p95, theirs.max / ours.max);
    } catch (const std::exception &error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
}

// SPDX-License-Identifier: LGPL-2.1-or-later
// What SRT callers cost: the server, beside bare libsrt that sends the same messages to as many.
// Each runs on one core, in turns, with the callers on another. Prints the processor's time for a
// message and how many callers of 2.15 Mbit/s a core would hold, and the ratio of the two.
//   bench-srt [CALLERS [SECONDS [ROUNDS]]]
#include "core/mpegts/muxer.h"
#include "core/net/srt/library.h"
#include "core/net/srt/server.h"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include <netinet/in.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace penstock;
using Clock = std::chrono::steady_clock;

namespace {

constexpr size_t message = 7 * 188;
constexpr int frames_a_second = 25;
constexpr size_t frame_size =
    2'150'000 / 8 / frames_a_second - 500; ///< the packets' headers come on top
constexpr auto frame_time = std::chrono::microseconds(1'000'000 / frames_a_second);

struct Task {
    int callers = 40, seconds = 6;
};

/// What a server process tells the one that started it.
struct Report {
    double cpu = 0;        ///< seconds in the measured time
    uint64_t messages = 0; ///< sent in it
};

double cpu_seconds() {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    const auto seconds = [](const timeval &time) {
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
    };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

void run_on(int core) {
    const long cores = ::sysconf(_SC_NPROCESSORS_ONLN);
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(core % cores, &set);
    ::sched_setaffinity(0, sizeof set, &set);
}

/// Frames of a stream: a keyframe a second.
class Frames {
public:
    Frames() { muxer_.set_tracks({{mpegts::StreamType::h264, 0x100, {}}}); }
    const std::vector<uint8_t> &next() {
        frame_.clear();
        const bool is_key = count_ % frames_a_second == 0;
        muxer_.write_tables(frame_);
        mpegts::AccessUnit unit;
        unit.pts = unit.dts = 90'000 + count_++ * 90'000 / frames_a_second;
        unit.random_access = is_key;
        const ByteView payload(payload_);
        unit.pieces = {&payload, 1};
        muxer_.write(0, unit, frame_);
        return frame_;
    }

private:
    mpegts::Muxer muxer_;
    std::vector<uint8_t> payload_ = std::vector<uint8_t>(frame_size, 0x55), frame_;
    uint64_t count_ = 0;
};

/// Calls `send` with each frame when it is due, and measures the last `task.seconds`.
template <class Ready, class Send>
Report pace(const Task &task, Ready is_ready, Send send) {
    Frames frames;
    auto due = Clock::now();
    size_t size = 0;
    const auto next = [&] {
        const std::vector<uint8_t> &frame = frames.next();
        size = frame.size();
        send(frame);
        due += frame_time;
        std::this_thread::sleep_until(due);
    };
    while (!is_ready())
        next();
    for (int i = 0; i < 2 * frames_a_second; ++i)
        next();
    Report report;
    report.cpu = -cpu_seconds();
    for (int i = 0; i < task.seconds * frames_a_second; ++i) {
        next();
        report.messages += static_cast<uint64_t>(task.callers) * ((size + message - 1) / message);
    }
    report.cpu += cpu_seconds();
    return report;
}

/// `tell`: where the port is written, as soon as it is known.
Report serve(const Task &task, int tell) {
    std::string error;
    const auto server = net::SrtServer::open({"127.0.0.1", 0}, &error);
    if (!server) return {};
    const auto feed = server->feed("live/cam", {.history = {.keep = 10'000'000'000}}, {}, &error);
    const uint16_t port = server->address().port;
    if (::write(tell, &port, sizeof port) != sizeof port) return {};
    return pace(
        task, [&] { return feed->stats().viewers >= unsigned(task.callers); },
        [&](const std::vector<uint8_t> &frame) { feed->push(ByteView(frame)); });
}

/// The least that a server of SRT can do: it accepts, and sends.
Report send_barely(const Task &task, int tell) {
    net::start_srt(nullptr);
    const SRTSOCKET listener = srt_create_socket();
    const int32_t no = 0, flight = 8192;
    srt_setsockflag(listener, SRTO_RCVSYN, &no, sizeof no);
    srt_setsockflag(listener, SRTO_SNDSYN, &no, sizeof no);
    srt_setsockflag(listener, SRTO_FC, &flight, sizeof flight);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    srt_bind(listener, reinterpret_cast<sockaddr *>(&address), sizeof address);
    srt_listen(listener, 256);
    int size = sizeof address;
    srt_getsockname(listener, reinterpret_cast<sockaddr *>(&address), &size);
    const uint16_t port = ntohs(address.sin_port);
    if (::write(tell, &port, sizeof port) != sizeof port) return {};
    std::vector<SRTSOCKET> callers;
    const auto accept_all = [&] {
        SRTSOCKET caller;
        while ((caller = srt_accept(listener, nullptr, nullptr)) != SRT_INVALID_SOCK)
            callers.push_back(caller);
        return callers.size() >= static_cast<size_t>(task.callers);
    };
    return pace(task, accept_all, [&](const std::vector<uint8_t> &frame) {
        for (const SRTSOCKET caller : callers)
            for (size_t at = 0; at < frame.size(); at += message)
                srt_sendmsg2(caller, reinterpret_cast<const char *>(frame.data()) + at,
                             static_cast<int>(std::min(message, frame.size() - at)), nullptr);
    });
}

/// Connects callers and reads what comes until the connections end.
void call(const Task &task, uint16_t port) {
    net::start_srt(nullptr);
    const std::string id = "read:live/cam";
    const int epoll = srt_epoll_create();
    const int32_t flight = 2048, no = 0;
    for (int i = 0; i < task.callers; ++i) {
        const SRTSOCKET caller = srt_create_socket();
        srt_setsockflag(caller, SRTO_STREAMID, id.data(), static_cast<int>(id.size()));
        srt_setsockflag(caller, SRTO_FC, &flight, sizeof flight);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        if (srt_connect(caller, reinterpret_cast<sockaddr *>(&address), sizeof address) != 0)
            std::fprintf(stderr, "caller %d: %s\n", i, srt_getlasterror_str());
        srt_setsockflag(caller, SRTO_RCVSYN, &no, sizeof no);
        const int events = SRT_EPOLL_IN | SRT_EPOLL_ERR;
        srt_epoll_add_usock(epoll, caller, &events);
    }
    char buffer[1500];
    std::vector<SRT_EPOLL_EVENT> ready(256);
    for (int left = task.callers; left > 0;) {
        const int count =
            srt_epoll_uwait(epoll, ready.data(), static_cast<int>(ready.size()), 1000);
        for (int i = 0; i < count; ++i) {
            const SRTSOCKET caller = ready[static_cast<size_t>(i)].fd;
            while (srt_recvmsg(caller, buffer, sizeof buffer) > 0) {
            }
            if (srt_getsockstate(caller) <= SRTS_CONNECTED) continue;
            srt_epoll_remove_usock(epoll, caller);
            --left;
        }
    }
}

Report measure(const Task &task, Report (*role)(const Task &, int)) {
    int port_pipe[2], report_pipe[2];
    if (::pipe(port_pipe) != 0 || ::pipe(report_pipe) != 0) return {};
    const pid_t server = ::fork();
    if (server == 0) {
        run_on(0);
        const Report report = role(task, port_pipe[1]);
        const bool is_told = ::write(report_pipe[1], &report, sizeof report) == sizeof report;
        ::_exit(is_told ? 0 : 1);
    }
    uint16_t port = 0;
    const bool has_port = ::read(port_pipe[0], &port, sizeof port) == sizeof port;
    const pid_t callers = has_port ? ::fork() : -1;
    if (callers == 0) {
        run_on(1);
        call(task, port);
        ::_exit(0);
    }
    Report report;
    if (!has_port || ::read(report_pipe[0], &report, sizeof report) != sizeof report) report = {};
    ::waitpid(server, nullptr, 0);
    if (callers > 0) {
        ::kill(callers, SIGTERM);
        ::waitpid(callers, nullptr, 0);
    }
    for (const int pipe : {port_pipe[0], port_pipe[1], report_pipe[0], report_pipe[1]})
        ::close(pipe);
    return report;
}

} // namespace

int main(int argc, char **argv) {
    Task task;
    if (argc > 1) task.callers = std::atoi(argv[1]);
    if (argc > 2) task.seconds = std::atoi(argv[2]);
    const int rounds = argc > 3 ? std::atoi(argv[3]) : 3;
    Report of_server, of_floor;
    for (int round = 0; round < rounds; ++round) {
        for (const bool is_floor : {false, true}) {
            const Report report = measure(task, is_floor ? send_barely : serve);
            if (report.messages == 0) return 1;
            Report &sum = is_floor ? of_floor : of_server;
            sum.cpu += report.cpu;
            sum.messages += report.messages;
        }
    }
    const auto per_message = [](const Report &report) {
        return report.cpu * 1e6 / static_cast<double>(report.messages);
    };
    const double a_second = frames_a_second * 9.0; // messages for each caller
    for (const auto &[name, report] : {std::pair("penstock", of_server), {"bare libsrt", of_floor}})
        std::printf("%-12s %6.2f us a message, %5.0f callers a core\n", name, per_message(report),
                    1e6 / (per_message(report) * a_second));
    std::printf("callers held, of those of bare libsrt: %.2f\n",
                per_message(of_floor) / per_message(of_server));
    return 0;
}

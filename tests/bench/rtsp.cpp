// SPDX-License-Identifier: LGPL-2.1-or-later
// What a viewer of RTSP costs beside one of RTMP, of the same stream in one run: µs of the server's
// CPU time for a viewer and second, and for a megabit that is sent to it. RTSP by UDP is compared
// with a floor, too: the same datagrams sent with UDP_SEGMENT by a bare loop. The viewers are in
// another process, which only reads. bench-rtsp [VIEWERS] [SECONDS]
#include "core/net/loop/loop_count.h"
#include "core/net/rtmp/server.h"
#include "core/net/rtsp/server.h"
#include "core/rtsp/play/maker.h"
#include "core/rtsp/reader.h"

#include "flv_samples.hpp"
#include "unit/rtmp_client.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <netinet/udp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace penstock;

namespace {

constexpr int frame_ms = 40, gop = 50, rounds = 3;
constexpr size_t key_size = 60'000, frame_size = 11'000; // 2.5 Mbit/s

void require(bool done, const char *what) {
    if (!done) throw std::runtime_error(what + std::string(": ") + std::strerror(errno));
}

double cpu_us() {
    rusage used{};
    getrusage(RUSAGE_SELF, &used);
    const auto us = [](const timeval &time) {
        return double(time.tv_sec) * 1e6 + double(time.tv_usec);
    };
    return us(used.ru_utime) + us(used.ru_stime);
}

flv::Tag frame(uint32_t number) {
    const bool key = number % gop == 0;
    const size_t size = key ? key_size : frame_size;
    std::vector<uint8_t> body{uint8_t(key ? 0x17 : 0x27),
                              1,
                              0,
                              0,
                              0,
                              0,
                              uint8_t(size >> 16),
                              uint8_t(size >> 8),
                              uint8_t(size),
                              uint8_t(key ? 0x65 : 0x41)};
    body.resize(body.size() + size - 1, uint8_t(number));
    return flv::make_tag(flv::TagType::video, number * frame_ms, body);
}

sockaddr_in address_of(uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

/// A UDP socket with a port of the system's choice.
int datagram_socket(uint16_t &port) {
    const int socket = ::socket(AF_INET, SOCK_DGRAM, 0);
    sockaddr_in address = address_of(0);
    socklen_t size = sizeof address;
    require(::bind(socket, reinterpret_cast<sockaddr *>(&address), size) == 0, "bind");
    ::getsockname(socket, reinterpret_cast<sockaddr *>(&address), &size);
    port = ntohs(address.sin_port);
    return socket;
}

int connect_to(uint16_t port) {
    const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
    const sockaddr_in address = address_of(port);
    require(::connect(socket, reinterpret_cast<const sockaddr *>(&address), sizeof address) == 0,
            "connect");
    return socket;
}

enum class Kind { rtmp, interleaved, udp, floor };

/// The viewers' process: connects them all, says so, and reads until it is killed.
class Viewers {
public:
    Viewers(Kind kind, uint16_t port, size_t count) {
        int ready[2];
        require(::pipe(ready) == 0, "pipe");
        child_ = ::fork();
        require(child_ >= 0, "fork");
        if (child_ == 0) run(kind, port, count, ready[1]);
        ::close(ready[1]);
        ports_.resize(count);
        size_t got = 0;
        char *const bytes = reinterpret_cast<char *>(ports_.data());
        while (got < count * sizeof(uint16_t)) {
            const ssize_t size = ::read(ready[0], bytes + got, count * sizeof(uint16_t) - got);
            require(size > 0, "the viewers have ended");
            got += size_t(size);
        }
        ::close(ready[0]);
    }
    ~Viewers() {
        ::kill(child_, SIGKILL);
        ::waitpid(child_, nullptr, 0);
    }
    /// At which they receive datagrams.
    const std::vector<uint16_t> &ports() const { return ports_; }

private:
    static void ask(int socket, const std::string &text) {
        require(::send(socket, text.data(), text.size(), 0) > 0, "send");
        char answer[4096];
        const ssize_t size = ::recv(socket, answer, sizeof answer - 1, 0);
        require(size > 12 && std::string_view(answer, 12) == "RTSP/1.0 200", "a refusal");
    }
    static void begin(Kind kind, uint16_t port, uint16_t media, int socket) {
        if (kind == Kind::rtmp) {
            rtmp_test::Client client;
            client.handshake().connect("live").play("cam");
            const auto bytes = client.out.take();
            require(::send(socket, bytes.data(), bytes.size(), 0) > 0, "send");
            return;
        }
        const std::string url = "rtsp://127.0.0.1:" + std::to_string(port) + "/live/cam";
        const std::string way = kind == Kind::udp
                                    ? "RTP/AVP;unicast;client_port=" + std::to_string(media) + "-" +
                                          std::to_string(media)
                                    : "RTP/AVP/TCP;unicast;interleaved=0-1";
        ask(socket,
            "SETUP " + url + "/trackID=0 RTSP/1.0\r\nCSeq: 1\r\nTransport: " + way + "\r\n\r\n");
        ask(socket, "PLAY " + url + " RTSP/1.0\r\nCSeq: 2\r\n\r\n");
    }
    [[noreturn]] static void run(Kind kind, uint16_t port, size_t count, int ready) {
        const int poll = ::epoll_create1(0);
        std::vector<uint16_t> ports(count);
        for (size_t i = 0; i < count; ++i) {
            const bool has_datagrams = kind == Kind::udp || kind == Kind::floor;
            const int media = has_datagrams ? datagram_socket(ports[i]) : connect_to(port);
            if (kind == Kind::udp)
                begin(kind, port, ports[i], connect_to(port));
            else if (kind != Kind::floor)
                begin(kind, port, 0, media);
            epoll_event event{EPOLLIN, {.fd = media}};
            require(::epoll_ctl(poll, EPOLL_CTL_ADD, media, &event) == 0, "epoll_ctl");
        }
        require(::write(ready, ports.data(), count * sizeof(uint16_t)) > 0, "write");
        static char buffer[256 << 10];
        for (epoll_event events[64];;) {
            const int some = ::epoll_wait(poll, events, 64, -1);
            for (int i = 0; i < some; ++i)
                while (::recv(events[i].data.fd, buffer, sizeof buffer, MSG_DONTWAIT) > 0) {
                }
        }
    }
    pid_t child_;
    std::vector<uint16_t> ports_;
};

struct Cost {
    double us = 0;       ///< of CPU time for a viewer and second
    double megabits = 0; ///< that a viewer got in a second
    double per_megabit() const { return us / megabits; }
};

/// Calls `push` with each frame in real time, and `sent` before and after for the bytes.
Cost measure(size_t viewers, double seconds, const std::function<void(const flv::Tag &)> &push,
             const std::function<uint64_t()> &sent) {
    using Clock = std::chrono::steady_clock;
    static uint32_t number = 0;
    const auto play = [&](double length) {
        const auto begin = Clock::now();
        for (int i = 0; i * frame_ms < length * 1000; ++i, ++number) {
            push(frame(number));
            std::this_thread::sleep_until(begin + std::chrono::milliseconds((i + 1) * frame_ms));
        }
    };
    play(1);
    const uint64_t bytes = sent();
    const double cpu = cpu_us();
    play(seconds);
    Cost cost;
    cost.us = (cpu_us() - cpu) / seconds / double(viewers);
    cost.megabits = double(sent() - bytes) * 8 / 1e6 / seconds / double(viewers);
    return cost;
}

/// Sends what RTSP's viewers get, without a server.
class Floor {
public:
    explicit Floor(const std::vector<uint16_t> &ports) {
        uint16_t own = 0;
        socket_ = datagram_socket(own);
        for (const uint16_t port : ports)
            to_.push_back(address_of(port));
        (void)maker_.make(samples::video_config(), 0);
    }
    ~Floor() { ::close(socket_); }
    void push(const flv::Tag &tag) {
        const auto packet = maker_.make(tag, tag.timestamp);
        std::vector<iovec> parts;
        packet->each_rtp([&](ByteView rtp) {
            parts.push_back({const_cast<uint8_t *>(rtp.data()), rtp.size()});
        });
        for (const sockaddr_in &to : to_)
            for (size_t at = 0; at < parts.size();) {
                size_t count = 1;
                while (at + count < parts.size() && count < 48 &&
                       parts[at + count].iov_len <= parts[at].iov_len)
                    if (parts[at + count++].iov_len < parts[at].iov_len) break;
                send(to, &parts[at], count);
                at += count;
            }
    }
    uint64_t sent() const { return sent_; }

private:
    void send(const sockaddr_in &to, iovec *parts, size_t count) {
        alignas(cmsghdr) char control[CMSG_SPACE(sizeof(uint16_t))] = {};
        msghdr message{};
        message.msg_name = const_cast<sockaddr_in *>(&to);
        message.msg_namelen = sizeof to;
        message.msg_iov = parts;
        message.msg_iovlen = count;
        if (count > 1) {
            message.msg_control = control;
            message.msg_controllen = sizeof control;
            cmsghdr *const head = CMSG_FIRSTHDR(&message);
            head->cmsg_level = IPPROTO_UDP;
            head->cmsg_type = UDP_SEGMENT;
            head->cmsg_len = CMSG_LEN(sizeof(uint16_t));
            const auto size = uint16_t(parts[0].iov_len);
            std::memcpy(CMSG_DATA(head), &size, sizeof size);
        }
        const ssize_t size = ::sendmsg(socket_, &message, MSG_DONTWAIT);
        if (size > 0) sent_ += uint64_t(size);
    }
    rtsp::PlayMaker maker_{1, 1};
    int socket_;
    std::vector<sockaddr_in> to_;
    uint64_t sent_ = 0;
};

template <class Server>
Cost measure_server(Server &server, Kind kind, size_t viewers, double seconds) {
    std::string error;
    auto feed = server.feed("live/cam", {.ending = {std::chrono::nanoseconds(0), {}}}, &error);
    if (!feed) throw std::runtime_error(error);
    feed->push(samples::video_config());
    feed->push(frame(0));
    // Without audio the tracks are known when media have come for a second.
    std::this_thread::sleep_for(std::chrono::milliseconds(1100));
    feed->push(frame(0));
    const Viewers crowd(kind, server.address().port, viewers);
    return measure(
        viewers, seconds, [&](const flv::Tag &tag) { feed->push(tag); },
        [&] { return feed->stats().bytes_out; });
}

Cost median(std::vector<Cost> &costs) {
    std::sort(costs.begin(), costs.end(),
              [](const Cost &a, const Cost &b) { return a.per_megabit() < b.per_megabit(); });
    return costs[costs.size() / 2];
}

} // namespace

int main(int argc, char **argv) {
    const size_t viewers = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 100;
    const double seconds = argc > 2 ? std::strtod(argv[2], nullptr) : 4;
    net::want_loops(1); // as many threads as the floor has
    std::vector<Cost> costs[4];
    for (int round = 0; round < rounds; ++round) {
        std::string error;
        const auto rtmp = net::RtmpServer::open({"127.0.0.1", 0}, &error);
        const auto rtsp = net::RtspServer::open({"127.0.0.1", 0}, {}, &error);
        if (!rtmp || !rtsp) throw std::runtime_error(error);
        costs[0].push_back(measure_server(*rtmp, Kind::rtmp, viewers, seconds));
        costs[1].push_back(measure_server(*rtsp, Kind::interleaved, viewers, seconds));
        costs[2].push_back(measure_server(*rtsp, Kind::udp, viewers, seconds));
        const Viewers crowd(Kind::floor, 0, viewers);
        Floor floor(crowd.ports());
        costs[3].push_back(measure(
            viewers, seconds, [&](const flv::Tag &tag) { floor.push(tag); },
            [&] { return floor.sent(); }));
    }
    const char *const names[] = {"RTMP", "RTSP interleaved", "RTSP by UDP", "UDP_SEGMENT floor"};
    Cost found[4];
    for (int i = 0; i < 4; ++i) {
        found[i] = median(costs[i]);
        std::printf("%-18s %7.1f us/s a viewer, %5.2f Mbit/s, %6.1f us a Mbit\n", names[i],
                    found[i].us, found[i].megabits, found[i].per_megabit());
    }
    std::printf("interleaved / RTMP   %.2f\nUDP / floor          %.2f\n",
                found[1].per_megabit() / found[0].per_megabit(),
                found[2].per_megabit() / found[3].per_megabit());
}

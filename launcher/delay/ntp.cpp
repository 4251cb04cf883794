// SPDX-License-Identifier: LGPL-2.1-or-later
#include "delay/ntp.h"

#include "core/bytes/reader.h"
#include "core/net/loop/address.h"

#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <ctime>
#include <memory>
#include <random>
#include <thread>

namespace penstock::delay {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr int64_t billion = 1'000'000'000;
constexpr int64_t from_1900_to_1970 = 2'208'988'800;
/// Servers may reject clients that query more often within a short time.
constexpr int questions = 4;
constexpr milliseconds between(200), patience(1000);

/// The difference of two times, in nanoseconds.
int64_t span_of(NtpTime from, NtpTime to) {
    const auto difference = static_cast<int64_t>(to - from);
    return (difference >> 32) * billion +
           static_cast<int64_t>((static_cast<uint64_t>(difference & 0xFFFFFFFF) * billion) >> 32);
}

NtpTime ntp_now() {
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME, &now);
    return to_ntp(now.tv_sec * billion + now.tv_nsec);
}

class Socket {
public:
    explicit Socket(int fd) : fd_(fd) {}
    ~Socket() {
        if (fd_ >= 0) ::close(fd_);
    }
    Socket(Socket &&other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Socket(const Socket &) = delete;
    Socket &operator=(const Socket &) = delete;
    int fd() const { return fd_; }

private:
    int fd_;
};

/// The socket is connected, so that only the server's datagrams are received.
std::optional<Socket> connect_to(const std::string &server, std::string *error) {
    std::string host = server, port = "123";
    if (const auto address = net::parse_address(server); address && address->port != 0) {
        host = address->host;
        port = std::to_string(address->port);
    }
    addrinfo hints{}, *found = nullptr;
    hints.ai_socktype = SOCK_DGRAM;
    if (const int failed = ::getaddrinfo(host.c_str(), port.c_str(), &hints, &found)) {
        *error = ::gai_strerror(failed);
        return std::nullopt;
    }
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> list(found, &::freeaddrinfo);
    for (const addrinfo *at = found; at; at = at->ai_next) {
        Socket out(::socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC, at->ai_protocol));
        if (out.fd() >= 0 && ::connect(out.fd(), at->ai_addr, at->ai_addrlen) == 0) return out;
        *error = std::strerror(errno);
    }
    return std::nullopt;
}

/// Sends one query and waits for its answer, ignoring other datagrams.
std::optional<ClockOffset> ask_once(int fd, NtpTime cookie, std::string *error) {
    const auto request = ntp_request(cookie);
    const NtpTime sent = ntp_now();
    if (::send(fd, request.data(), request.size(), 0) < 0) {
        *error = std::strerror(errno);
        return std::nullopt;
    }
    *error = "it does not answer";
    const auto end = steady_clock::now() + patience;
    for (;;) {
        const auto left =
            std::chrono::duration_cast<milliseconds>(end - steady_clock::now()).count();
        pollfd ready{fd, POLLIN, 0};
        if (left <= 0 || ::poll(&ready, 1, static_cast<int>(left)) <= 0) return std::nullopt;
        std::array<uint8_t, 512> answer{};
        const ssize_t size = ::recv(fd, answer.data(), answer.size(), 0);
        const NtpTime received = ntp_now();
        if (size < 0) {
            *error = std::strerror(errno);
            return std::nullopt;
        }
        if (const auto out = ntp_answer({answer.data(), static_cast<size_t>(size)}, cookie, sent,
                                        received, error))
            return out;
    }
}

} // namespace

NtpTime to_ntp(int64_t utc) {
    const int64_t seconds = utc / billion, rest = utc % billion;
    return static_cast<uint64_t>(seconds + from_1900_to_1970) << 32 |
           ((static_cast<uint64_t>(rest) << 32) / billion);
}

std::array<uint8_t, ntp_size> ntp_request(NtpTime cookie) {
    std::array<uint8_t, ntp_size> out{};
    out[0] = 4 << 3 | 3; // version 4, client mode
    for (size_t i = 0; i < 8; ++i)
        out[40 + i] = static_cast<uint8_t>(cookie >> (56 - 8 * i));
    return out;
}

std::optional<ClockOffset> ntp_answer(std::span<const uint8_t> answer, NtpTime cookie, NtpTime sent,
                                      NtpTime received, std::string *error) {
    constexpr unsigned server = 4, unsynchronised = 3, furthest = 15;
    const auto refuse = [&](const std::string &why) {
        *error = why;
        return std::nullopt;
    };
    Reader r(ByteView(answer.data(), answer.size()));
    const unsigned head = r.u8(), stratum = r.u8();
    r.skip(2); // poll interval and precision
    const uint32_t root_delay = r.u32(), root_dispersion = r.u32();
    const ByteView id = r.take(4);
    r.skip(8); // reference timestamp
    const NtpTime origin = r.u64(), arrived = r.u64(), answered = r.u64();
    if (r.failed() || (head & 7) != server || origin != cookie)
        return refuse("what it answers is no answer of NTP");
    if (stratum == 0) {
        std::string code;
        for (const uint8_t c : id)
            if (c >= 'A' && c <= 'Z') code += static_cast<char>(c);
        return refuse("it refuses to say the time (" + code + ")");
    }
    if (head >> 6 == unsynchronised || stratum > furthest || arrived == 0 || answered == 0)
        return refuse("its own clock is not synchronised");
    const int64_t there = span_of(arrived, answered), round = span_of(sent, received);
    if (there < 0 || there > round) return refuse("the times in its answer can't be");
    // Both are 16.16 fixed-point seconds.
    const auto in_ns = [](uint32_t fixed) {
        return static_cast<int64_t>((uint64_t(fixed) * billion) >> 16);
    };
    ClockOffset out;
    out.offset = (span_of(arrived, sent) + span_of(answered, received)) / 2;
    out.error = (round - there) / 2 + in_ns(root_delay) / 2 + in_ns(root_dispersion);
    return out;
}

std::optional<ClockOffset> ask_ntp(const std::string &server, std::string *error) {
    const auto socket = connect_to(server, error);
    if (!socket) return std::nullopt;
    std::random_device random;
    std::optional<ClockOffset> best;
    for (int i = 0; i < questions; ++i) {
        if (i > 0) std::this_thread::sleep_for(between);
        const NtpTime cookie = static_cast<NtpTime>(random()) << 32 | random();
        const auto one = ask_once(socket->fd(), cookie, error);
        // One retry if the first query fails; stop if a later one does.
        if (!one && (best || i > 0)) break;
        if (one && (!best || one->error < best->error)) best = one;
    }
    return best;
}

} // namespace penstock::delay

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "onvif/discovery.h"

#include <glib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <set>

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace penstock::onvif {
namespace {

constexpr uint16_t discovery_port = 3702;
constexpr const char *group = "239.255.255.250";
constexpr size_t max_datagram = 65'536;
constexpr size_t max_interfaces = 64;
constexpr int resend_after = 250; // ms: a probe is a datagram, and may be lost

/// A socket that is closed by itself.
class Socket {
public:
    explicit Socket(int fd) : fd_(fd) {}
    Socket(Socket &&other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Socket &operator=(Socket &&) = delete;
    ~Socket() {
        if (fd_ >= 0) ::close(fd_);
    }
    int get() const { return fd_; }

private:
    int fd_;
};

/// A socket that sends to the group from an address.
int open_at(const in_addr &address) {
    const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return -1;
    sockaddr_in local{};
    local.sin_family = AF_INET;
    local.sin_addr = address;
    const unsigned char ttl = 1;
    ::setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &address, sizeof address);
    ::setsockopt(fd, IPPROTO_IP, IP_MULTICAST_TTL, &ttl, sizeof ttl);
    if (::bind(fd, reinterpret_cast<sockaddr *>(&local), sizeof local) == 0) return fd;
    ::close(fd);
    return -1;
}

std::vector<Socket> open_all(const std::string &interface, std::string *error) {
    std::vector<Socket> out;
    ifaddrs *list = nullptr;
    if (::getifaddrs(&list) != 0) {
        *error = std::string("the interfaces can't be listed: ") + std::strerror(errno);
        return out;
    }
    const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> keep(list, ::freeifaddrs);
    for (const ifaddrs *one = list; one && out.size() < max_interfaces; one = one->ifa_next) {
        if (!one->ifa_addr || one->ifa_addr->sa_family != AF_INET || !(one->ifa_flags & IFF_UP))
            continue;
        // Loopback only where it is named.
        if (interface.empty() ? (one->ifa_flags & IFF_LOOPBACK) != 0 : interface != one->ifa_name)
            continue;
        sockaddr_in address;
        std::memcpy(&address, one->ifa_addr, sizeof address);
        if (const int fd = open_at(address.sin_addr); fd >= 0) out.emplace_back(fd);
    }
    if (out.empty())
        *error = interface.empty() ? "no network interface with an IPv4 address is up"
                                   : "there is no interface '" + interface +
                                         "' with an IPv4 address that is up: `ip -br addr` lists "
                                         "them";
    return out;
}

void send_probe(const Socket &socket, const std::string &text) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(discovery_port);
    ::inet_pton(AF_INET, group, &to.sin_addr);
    (void)::sendto(socket.get(), text.data(), text.size(), 0, reinterpret_cast<sockaddr *>(&to),
                   sizeof to);
}

/// A datagram's size, or -1; and the IP address it came from.
ssize_t receive(int fd, std::vector<char> &buffer, std::string &sender) {
    sockaddr_in from{};
    socklen_t length = sizeof from;
    const ssize_t size = ::recvfrom(fd, buffer.data(), buffer.size(), 0,
                                    reinterpret_cast<sockaddr *>(&from), &length);
    char text[INET_ADDRSTRLEN] = "";
    ::inet_ntop(AF_INET, &from.sin_addr, text, sizeof text);
    sender = text;
    return size;
}

} // namespace

std::vector<Found> discover(const std::string &interface, double seconds, std::string *error) {
    const auto sockets = open_all(interface, error);
    if (sockets.empty()) return {};
    const std::unique_ptr<char, decltype(&g_free)> id(g_uuid_string_random(), g_free);
    const std::string text = probe(id.get());
    const gint64 begin = g_get_monotonic_time();
    const gint64 end = begin + gint64(seconds * G_USEC_PER_SEC);
    std::vector<pollfd> waiting;
    for (const Socket &socket : sockets) {
        send_probe(socket, text);
        waiting.push_back({socket.get(), POLLIN, 0});
    }
    std::vector<Found> out;
    std::set<std::string> seen;
    std::vector<char> buffer(max_datagram);
    std::string sender;
    bool again = false;
    for (gint64 now = begin; now < end; now = g_get_monotonic_time()) {
        if (!again && now - begin >= gint64(resend_after) * 1000) {
            again = true;
            for (const Socket &socket : sockets)
                send_probe(socket, text);
        }
        const auto left = static_cast<int>((end - now) / 1000 + 1);
        if (::poll(waiting.data(), waiting.size(), again ? left : std::min(left, resend_after)) <
                0 &&
            errno != EINTR)
            break;
        for (pollfd &one : waiting) {
            const ssize_t size = one.revents ? receive(one.fd, buffer, sender) : -1;
            if (size <= 0) continue;
            const std::string_view answer(buffer.data(), static_cast<size_t>(size));
            for (Found &found : read_probe_matches(answer, id.get(), sender)) {
                const std::string key = found.id.empty() ? found.addresses.front() : found.id;
                if (out.size() < max_devices && seen.insert(key).second)
                    out.push_back(std::move(found));
            }
        }
    }
    return out;
}

} // namespace penstock::onvif

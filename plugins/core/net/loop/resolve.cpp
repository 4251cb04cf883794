// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/loop/resolve.h"

#include "core/net/loop/thread.h"

#include <boost/asio/post.hpp>

#include <cstring>

#include <netdb.h>
#include <netinet/in.h>

namespace penstock::net {
namespace {

constexpr size_t max_addresses = 8;

int look_up(const std::string &host, uint16_t port, int flags, Resolved &out) {
    addrinfo hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = flags | AI_NUMERICSERV;
    addrinfo *found = nullptr;
    const int error = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
    if (error != 0) return error;
    for (const addrinfo *each = found; each && out.addresses.size() < max_addresses;
         each = each->ai_next) {
        if (each->ai_addrlen > sizeof(sockaddr_storage)) continue;
        SocketAddress address;
        std::memcpy(&address.storage, each->ai_addr, each->ai_addrlen);
        address.size = each->ai_addrlen;
        out.addresses.push_back(address);
    }
    ::freeaddrinfo(found);
    return 0;
}

/// Of an IPv4 address in host byte order. RFC 1122, 1918, 3927, 6598.
Reach reach_of_v4(uint32_t address) {
    const auto is_in = [address](uint32_t network, int bits) {
        return (address ^ network) >> (32 - bits) == 0;
    };
    if (is_in(0x7F000000, 8) || is_in(0, 8)) return Reach::machine;
    const bool is_private = is_in(0x0A000000, 8) || is_in(0xAC100000, 12) ||
                            is_in(0xC0A80000, 16) || is_in(0xA9FE0000, 16) || is_in(0x64400000, 10);
    return is_private ? Reach::network : Reach::world;
}

} // namespace

Reach reach_of(const SocketAddress &address) {
    if (address.family() == AF_INET) {
        sockaddr_in v4{};
        std::memcpy(&v4, &address.storage, sizeof v4);
        return reach_of_v4(ntohl(v4.sin_addr.s_addr));
    }
    if (address.family() != AF_INET6) return Reach::machine;
    sockaddr_in6 v6{};
    std::memcpy(&v6, &address.storage, sizeof v6);
    const in6_addr &bytes = v6.sin6_addr;
    if (IN6_IS_ADDR_V4MAPPED(&bytes)) {
        uint32_t v4;
        std::memcpy(&v4, &bytes.s6_addr[12], sizeof v4);
        return reach_of_v4(ntohl(v4));
    }
    if (IN6_IS_ADDR_LOOPBACK(&bytes) || IN6_IS_ADDR_UNSPECIFIED(&bytes)) return Reach::machine;
    const bool is_unique_local = (bytes.s6_addr[0] & 0xFE) == 0xFC; // RFC 4193
    return is_unique_local || IN6_IS_ADDR_LINKLOCAL(&bytes) ? Reach::network : Reach::world;
}

void resolve(std::shared_ptr<Loops> loops, size_t loop, const std::string &host, uint16_t port,
             std::function<void(Resolved)> done) {
    const auto answer = [](const std::shared_ptr<Loops> &on, size_t index,
                           std::function<void(Resolved)> call, Resolved &&result) {
        boost::asio::post(on->at(index),
                          [call = std::move(call), result = std::move(result)]() mutable {
                              call(std::move(result));
                          });
    };
    Resolved numeric;
    if (look_up(host, port, AI_NUMERICHOST, numeric) == 0)
        return answer(loops, loop, std::move(done), std::move(numeric));
    std::string reason;
    std::thread thread = start_thread(
        [=] {
            Resolved found;
            if (const int error = look_up(host, port, AI_ADDRCONFIG, found); error != 0)
                found.error = "the name '" + host + "' can't be resolved: " + gai_strerror(error);
            answer(loops, loop, done, std::move(found));
        },
        &reason);
    if (thread.joinable()) return thread.detach();
    answer(loops, loop, std::move(done),
           {{}, "the name '" + host + "' can't be resolved: " + reason});
}

} // namespace penstock::net

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

} // namespace

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

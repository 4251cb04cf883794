// SPDX-License-Identifier: LGPL-2.1-or-later
// Connections to a server on loopback. Include it before check.hpp.
#pragma once

#include <string>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace penstock_test {

struct Connection {
    int socket;
    bool connected;
    std::string name; ///< its own address, as in the server's log
};

/// Connects to 127.0.0.1. `receive_buffer`: bytes that the kernel keeps; 0: its default. `host`:
/// its own address, 127.0.0.x.
inline Connection connect_to(uint16_t port, int receive_buffer = 0,
                             const char *host = "127.0.0.1") {
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (receive_buffer)
        setsockopt(socket, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    inet_pton(AF_INET, host, &address.sin_addr);
    ::bind(socket, reinterpret_cast<sockaddr *>(&address), sizeof address);
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const bool connected =
        ::connect(socket, reinterpret_cast<sockaddr *>(&address), sizeof address) == 0;
    socklen_t size = sizeof address;
    getsockname(socket, reinterpret_cast<sockaddr *>(&address), &size);
    return {socket, connected, std::string(host) + ":" + std::to_string(ntohs(address.sin_port))};
}

} // namespace penstock_test

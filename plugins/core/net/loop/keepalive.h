// SPDX-License-Identifier: LGPL-2.1-or-later
// TCP keepalive: detects peers that vanished without closing.
#pragma once

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace penstock::net {

/// Enables keepalive on a TCP socket. A vanished peer is detected 25 s after its last packet.
inline void keep_alive(int socket) {
    const auto set = [socket](int level, int name, int value) {
        ::setsockopt(socket, level, name, &value, sizeof value);
    };
    set(SOL_SOCKET, SO_KEEPALIVE, 1);
    set(IPPROTO_TCP, TCP_KEEPIDLE, 10);
    set(IPPROTO_TCP, TCP_KEEPINTVL, 5);
    set(IPPROTO_TCP, TCP_KEEPCNT, 3);
}

} // namespace penstock::net

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "socket.h"

#include "tls.h"

#include <arpa/inet.h>
#include <cerrno>
#include <cstring>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>

namespace load {

Failure system_failure(const std::string &what) {
    return Failure(what + ": " + std::strerror(errno));
}

sockaddr_in parse_address(const std::string &text) {
    sockaddr_in out{};
    out.sin_family = AF_INET;
    const size_t colon = text.rfind(':');
    try {
        if (colon != text.npos &&
            inet_pton(AF_INET, text.substr(0, colon).c_str(), &out.sin_addr) == 1) {
            const int port = std::stoi(text.substr(colon + 1));
            if (port > 0 && port < 65536) {
                out.sin_port = htons(uint16_t(port));
                return out;
            }
        }
    } catch (const std::logic_error &) {
    }
    throw Failure("'" + text + "' is no address: give one as 127.0.0.1:1935");
}

Descriptor connect_to(const sockaddr_in &address) {
    Descriptor out(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!out) throw system_failure("socket");
    const int on = 1;
    setsockopt(out.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(out.get(), reinterpret_cast<const sockaddr *>(&address), sizeof address) < 0 &&
        errno != EINPROGRESS)
        throw system_failure("connect");
    return out;
}

bool flush(int fd, Buffer &out, Tls *tls) {
    size_t sent = 0;
    while (sent < out.size()) {
        const size_t left = out.size() - sent;
        const ssize_t n = tls ? tls->send(out.data() + sent, left)
                              : send(fd, out.data() + sent, left, MSG_NOSIGNAL);
        if (n < 0 && (errno == EAGAIN || errno == ENOTCONN)) break;
        if (n < 0 || (tls && n == 0)) return false;
        sent += size_t(n);
    }
    out.erase(0, sent);
    if (out.empty() && out.capacity() > 4096) out = {};
    return true;
}

void allow_descriptors(uint64_t wanted) {
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur >= wanted) return;
    const rlim_t had = limit.rlim_max;
    limit = {wanted, std::max<rlim_t>(wanted, had)};
    if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
        throw Failure("this needs " + std::to_string(wanted) + " open files and may have " +
                      std::to_string(had) + ": be root, or raise `ulimit -Hn`");
}

} // namespace load

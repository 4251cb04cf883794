// SPDX-License-Identifier: LGPL-2.1-or-later
// libsrt in this process: its start, its errors, its addresses.
#pragma once

#include "core/net/loop/resolve.h"

#include <cstdint>
#include <string>
#include <vector>

#include <srt/srt.h>

struct sockaddr;

namespace penstock::net {

/// Starts libsrt, once for the process; false and `error` if it can't be. It is never stopped: the
/// elements of other plugins may use it, too. Thread-safe.
bool start_srt(std::string *error);

/// The newest error of libsrt on this thread, for people: without its "Operation not supported: "
/// and the like. `system_error` gets the system's, if that was the cause.
std::string srt_error_text(int *system_error = nullptr);

/// Why the other end, or this one, has refused a handshake, for people.
std::string srt_refusal_text(int reason);
/// Whether that will be so at the next attempt, too: a wrong passphrase, an unknown stream.
bool is_lasting_refusal(int reason);

/// "127.0.0.1:53412", "[2001:db8::1]:53412"; IPv4 behind an IPv6 socket as IPv4.
std::string endpoint_text(const sockaddr *address);

/// Sets an option of a socket; false if libsrt refuses it.
template <class Value>
bool set_srt(SRTSOCKET socket, SRT_SOCKOPT option, Value value) {
    return srt_setsockflag(socket, option, &value, sizeof value) == 0;
}
bool set_srt(SRTSOCKET socket, SRT_SOCKOPT option, const std::string &text);

/// An open socket; closed on destruction.
class SrtSocket {
public:
    SrtSocket() = default;
    explicit SrtSocket(SRTSOCKET socket) : socket_(socket) {}
    ~SrtSocket() { close(); }
    SrtSocket(SrtSocket &&other) noexcept : socket_(other.release()) {}
    SrtSocket &operator=(SrtSocket &&other) noexcept {
        if (this == &other) return *this;
        close();
        socket_ = other.release();
        return *this;
    }
    SRTSOCKET get() const { return socket_; }
    explicit operator bool() const { return socket_ != SRT_INVALID_SOCK; }
    SRTSOCKET release() {
        const SRTSOCKET socket = socket_;
        socket_ = SRT_INVALID_SOCK;
        return socket;
    }
    void close() {
        if (socket_ != SRT_INVALID_SOCK) srt_close(release());
    }

private:
    SRTSOCKET socket_ = SRT_INVALID_SOCK;
};

/// Addresses to bind to; empty `host`: every interface, IPv6 first, which takes IPv4 as well. May
/// take seconds for a name: must not be called on a network loop. Empty on failure, with `error`.
std::vector<SocketAddress> own_addresses(const std::string &host, uint16_t port,
                                         std::string *error);

} // namespace penstock::net

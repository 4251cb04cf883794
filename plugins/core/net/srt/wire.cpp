// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/srt/wire.h"

#include <algorithm>
#include <cerrno>

#include <srt/srt.h>

namespace penstock::net {

size_t srt_window(const SrtNetwork &network) {
    constexpr size_t largest = 4096;
    constexpr double acknowledge_ms = 20; // until an acknowledgement is sent, and then some
    const double per_ms = network.rate / 8 / srt_message / 1000;
    const double wanted = 2 * per_ms * (network.rtt_ms + acknowledge_ms);
    return std::clamp(static_cast<size_t>(wanted), srt_first_window, largest);
}

size_t srt_unacknowledged(int socket) {
    int32_t messages = 0;
    int size = sizeof messages;
    if (srt_getsockflag(socket, SRTO_SNDDATA, &messages, &size) != 0) return 0;
    return messages > 0 ? static_cast<size_t>(messages) : 0;
}

ssize_t SrtWire::write(const iovec *parts, int count) {
    const size_t held = srt_unacknowledged(socket_);
    size_t room = window_ > held ? window_ - held : 0;
    ssize_t sent = 0;
    for (int i = 0; i < count && room > 0; ++i, --room) {
        const int size = static_cast<int>(parts[i].iov_len);
        if (srt_sendmsg2(socket_, static_cast<const char *>(parts[i].iov_base), size, nullptr) ==
            size) {
            sent += size;
            continue;
        }
        if (srt_getlasterror(nullptr) == SRT_EASYNCSND) break;
        if (sent > 0) return sent;
        errno = ECONNRESET;
        return -1;
    }
    if (sent > 0 || count == 0) return sent;
    errno = EAGAIN;
    return -1;
}

} // namespace penstock::net

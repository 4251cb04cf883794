// SPDX-License-Identifier: LGPL-2.1-or-later
// Sends a gather list over SRT, each part as a message, as long as little is unacknowledged.
#pragma once

#include "core/fanout/outlet.h"
#include "core/net/srt/network.h"

#include <cstddef>

namespace penstock::net {

/// Bytes of a message: seven transport stream packets.
inline constexpr size_t srt_message = 7 * 188;

/// Messages that libsrt holds for the other end before anything is known of the network.
inline constexpr size_t srt_first_window = 192;
/// How many it may hold: of a healthy connection it holds a round trip's worth.
size_t srt_window(const SrtNetwork &network);

/// The parts are no larger than a message, so a message is never cut.
class SrtWire final : public fanout::Wire {
public:
    /// `window`: messages that libsrt may hold for the peer. What is newer stays in the ring, where
    /// a viewer that is too slow skips it.
    SrtWire(int socket, size_t window) : socket_(socket), window_(window) {}
    /// The number of bytes in whole messages; -1 and EAGAIN while the window is full, or another
    /// errno if the connection has ended.
    ssize_t write(const iovec *parts, int count) override;

private:
    const int socket_;
    const size_t window_;
};

/// Messages that libsrt holds for the peer, unacknowledged or unsent.
size_t srt_unacknowledged(int socket);

} // namespace penstock::net

// SPDX-License-Identifier: LGPL-2.1-or-later
// Packets of RTP that leave for one peer at once: encrypted one behind the other, and sent in as
// few calls of the system as their sizes allow (UDP_SEGMENT).
#pragma once

#include "core/net/rtc/way.h"
#include "core/srtp/sender.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace penstock::net {

/// One at a time on a thread, whose buffer it uses. Packets of one call have one size, of which the
/// last may be smaller.
class Segments {
public:
    /// Bytes of a call; more are not taken by the system.
    static constexpr size_t most_bytes = 60'000;

    Segments(srtp::Sender &sender, const RtcWay &way, UdpSocket &socket)
        : sender_(sender), way_(way), socket_(socket), buffer_(buffer()) {}
    Segments(const Segments &) = delete;
    Segments &operator=(const Segments &) = delete;
    ~Segments() { flush(); }

    /// False: SRTP refuses it.
    bool add(ByteView header, std::span<const ByteView> payload);
    bool add(ByteView header, ByteView payload) { return add(header, {&payload, 1}); }
    /// Sends what is there.
    void flush();

    size_t bytes() const { return bytes_; } ///< of what was added, as it is sent
    size_t sent() const { return sent_; }   ///< bytes that have left
    /// The way takes nothing more for now: what did not leave is lost.
    bool is_full() const { return is_full_; }

private:
    using Buffer = std::array<uint8_t, 64 << 10>;
    static Buffer &buffer();

    srtp::Sender &sender_;
    const RtcWay &way_;
    UdpSocket &socket_;
    Buffer &buffer_;
    size_t begin_ = 0, end_ = 0, segment_ = 0; ///< what has not been sent, and the packets' size
    size_t bytes_ = 0, sent_ = 0;
    bool is_full_ = false;
};

} // namespace penstock::net

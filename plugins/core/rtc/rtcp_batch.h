// SPDX-License-Identifier: LGPL-2.1-or-later
// Puts RTCP packets into datagrams. RFC 3550, 6.1 (compound packets); RFC 5506 (reduced size).
#pragma once

#include "core/bytes/writer.h"
#include "core/rtp/rtcp.h"

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace penstock::rtc {

/// Not thread-safe.
class RtcpBatch {
public:
    /// Bytes of a datagram, unless a single packet is longer.
    static constexpr size_t most = 1'200;

    using Send = std::function<void(ByteView datagram)>;

    /// `reduced`: datagrams may begin with any packet; otherwise those that do not begin with a
    /// report get an empty one of `ssrc`, and its CNAME.
    RtcpBatch(uint32_t ssrc, std::string cname, bool reduced, Send send)
        : ssrc_(ssrc), cname_(std::move(cname)), reduced_(reduced), send_(std::move(send)) {}

    void add(const rtp::rtcp::Packet &packet);
    /// A report of the blocks, of which `rtcp::max_items` count, with the CNAME.
    void add_report(std::vector<rtp::rtcp::ReportBlock> blocks);
    /// Sends what is there.
    void flush();

private:
    void begin();

    const uint32_t ssrc_;
    const std::string cname_;
    const bool reduced_;
    const Send send_;
    Writer datagram_, packet_;
};

} // namespace penstock::rtc

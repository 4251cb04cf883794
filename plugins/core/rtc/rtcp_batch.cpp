// SPDX-License-Identifier: LGPL-2.1-or-later
// Fills datagrams with RTCP.
#include "core/rtc/rtcp_batch.h"

namespace penstock::rtc {

namespace rtcp = rtp::rtcp;

void RtcpBatch::begin() {
    if (reduced_) return;
    rtcp::write(rtcp::ReceiverReport{ssrc_, {}}, datagram_);
    rtcp::write(rtcp::SourceDescription{{{ssrc_, cname_}}}, datagram_);
}

void RtcpBatch::add(const rtcp::Packet &packet) {
    packet_.vector().clear();
    if (!rtcp::write(packet, packet_)) return;
    if (datagram_.size() + packet_.size() > most) flush();
    if (datagram_.size() == 0) begin();
    datagram_.bytes(packet_.view());
}

void RtcpBatch::add_report(std::vector<rtcp::ReportBlock> blocks) {
    if (blocks.size() > rtcp::max_items) blocks.resize(rtcp::max_items);
    flush();
    rtcp::write(rtcp::ReceiverReport{ssrc_, std::move(blocks)}, datagram_);
    rtcp::write(rtcp::SourceDescription{{{ssrc_, cname_}}}, datagram_);
}

void RtcpBatch::flush() {
    if (datagram_.size() == 0) return;
    send_(datagram_.view());
    datagram_.vector().clear();
}

} // namespace penstock::rtc

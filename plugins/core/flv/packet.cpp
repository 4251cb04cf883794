// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/flv/packet.h"

namespace penstock::flv {

std::shared_ptr<fanout::Packet> make_packet(const Tag &tag, uint32_t timestamp) {
    auto packet = fanout::new_packet();
    packet->payload = tag.bytes;
    packet->time = timestamp;
    const size_t body = tag.bytes.size() - header_size - trailer_size;
    packet->headers.resize(header_size);
    write_header(packet->headers.data(), tag.type, static_cast<uint32_t>(body), timestamp);
    packet->pieces = {ByteView(packet->headers.data(), header_size),
                      tag.bytes.view().subspan(header_size)};
    packet->seal(true);
    return packet;
}

} // namespace penstock::flv

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/sctp/guard.h"

#include "core/bytes/reader.h"

#include <algorithm>

namespace penstock::sctp {
namespace {

/// RFC 9260, RFC 3758 and RFC 6525. AUTH, ASCONF, PKTDROP, ECN and interleaved messages are not
/// negotiated.
enum Chunk : uint8_t {
    data = 0,
    init = 1,
    init_ack = 2,
    sack = 3,
    heartbeat = 4,
    heartbeat_ack = 5,
    abort_ = 6,
    shutdown = 7,
    shutdown_ack = 8,
    error = 9,
    cookie_echo = 10,
    cookie_ack = 11,
    shutdown_complete = 14,
    reconfig = 130,
    forward_tsn = 192
};

/// Bytes of an acknowledgement without gaps, and of one gap.
constexpr unsigned sack_size = 16, gap_size = 4;

bool is_known(uint8_t type) {
    return type <= cookie_ack || type == shutdown_complete || type == reconfig ||
           type == forward_tsn;
}

} // namespace

bool Guard::has_room(uint64_t now_ms) {
    constexpr uint64_t one = 1000, all = uint64_t(max_burst) * one;
    // So many thousandths come in a millisecond as packets in a second.
    const uint64_t passed = std::min<uint64_t>(now_ms - std::min(tokens_at_ms_, now_ms), all);
    tokens_ = std::min(tokens_ + passed * max_rate, all);
    tokens_at_ms_ = std::max(tokens_at_ms_, now_ms);
    if (tokens_ < one) return false;
    tokens_ -= one;
    return true;
}

/// Whether it is whole chunks, of known types and not too many.
bool Guard::is_sound(ByteView packet) {
    Reader reader(packet);
    const uint16_t source = reader.u16(), destination = reader.u16();
    reader.skip(8); // verification tag and checksum, in whose place DTLS has proven the packet
    if (reader.failed() || source != source_ || destination != destination_) return false;
    unsigned chunks = 0, control = 0, gaps = 0;
    bool has_init = false;
    while (reader.remaining() > 0) {
        const uint8_t type = reader.u8();
        reader.skip(1); // flags
        const uint16_t length = reader.u16();
        if (reader.failed() || length < chunk_header_size || !is_known(type)) return false;
        reader.skip(length - chunk_header_size);
        if (reader.failed()) return false;
        reader.skip(std::min<size_t>(reader.remaining(), (4 - length % 4) % 4));
        has_init = has_init || type == init;
        if (type == sack && length > sack_size) gaps += (length - sack_size) / gap_size;
        if (gaps > max_gaps) return false;
        if (++chunks > max_chunks) return false;
        if (type != data && ++control > max_control_chunks) return false;
    }
    if (!has_init) return chunks > 0;
    return chunks == 1 && !is_established_ && inits_++ < max_inits;
}

bool Guard::admits(ByteView packet, uint64_t now_ms) {
    return has_room(now_ms) && is_sound(packet);
}

} // namespace penstock::sctp

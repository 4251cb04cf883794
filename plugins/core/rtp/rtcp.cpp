// SPDX-License-Identifier: LGPL-2.1-or-later
// RTCP datagrams: the chain of packets, and the header of each. RFC 3550, 6.4 and A.2.
#include "core/rtp/rtcp.h"

#include "core/rtp/rtcp_body.h"

namespace penstock::rtp::rtcp {
namespace {

constexpr uint8_t version = 2;

enum class Outcome { taken, skipped, malformed };

template <class Kind>
Outcome take(Reader in, size_t count, Compound &compound) {
    Kind packet;
    if (!read(in, count, packet)) return Outcome::malformed;
    compound.packets.emplace_back(std::move(packet));
    return Outcome::taken;
}

/// Feedback of an application begins with 8 bytes of SSRCs and a name; only REMB is known.
bool is_estimate(ByteView body) {
    Reader in(body);
    in.skip(8);
    return in.u32() == estimate_name;
}

/// How many packets a TransportFeedback says that it tells of.
size_t statuses_of(ByteView body) {
    Reader in(body);
    in.skip(10);
    return in.u16();
}

/// `statuses`: those of the datagram up to now.
Outcome take_body(uint8_t type, size_t count, ByteView body, size_t &statuses, Compound &compound) {
    const Reader in(body);
    switch (type) {
    case type_sender_report:
        return take<SenderReport>(in, count, compound);
    case type_receiver_report:
        return take<ReceiverReport>(in, count, compound);
    case type_description:
        return take<SourceDescription>(in, count, compound);
    case type_goodbye:
        return take<Goodbye>(in, count, compound);
    case type_transport:
        if (count == format_nack) return take<Nack>(in, count, compound);
        if (count != format_transport_feedback) return Outcome::skipped;
        if (statuses_of(body) > max_statuses - statuses) return Outcome::malformed;
        statuses += statuses_of(body);
        return take<TransportFeedback>(in, count, compound);
    case type_payload:
        if (count == format_picture_loss) return take<PictureLoss>(in, count, compound);
        if (count == format_intra_request) return take<FullIntraRequest>(in, count, compound);
        if (count == format_application && is_estimate(body))
            return take<ReceiverEstimate>(in, count, compound);
        return Outcome::skipped;
    default:
        return Outcome::skipped;
    }
}

/// One packet, from its header on.
Result parse_one(Reader &in, size_t &statuses, Compound &compound) {
    const uint8_t first = in.u8(), type = in.u8();
    ByteView body = in.take(size_t(in.u16()) * 4);
    if (in.failed()) return Result::error("an RTCP packet is cut off");
    if (first >> 6 != version) return Result::error("not RTCP version 2");
    if (first & 0x20) {
        const size_t padding = body.empty() ? 0 : body.back();
        if (padding == 0 || padding > body.size())
            return Result::error("RTCP padding is longer than the packet");
        body = body.first(body.size() - padding);
    }
    switch (take_body(type, first & 0x1Fu, body, statuses, compound)) {
    case Outcome::skipped:
        ++compound.skipped;
        break;
    case Outcome::malformed:
        ++compound.malformed;
        break;
    case Outcome::taken:
        break;
    }
    return Result::ok();
}

} // namespace

Result parse(ByteView datagram, Compound &compound) {
    compound = Compound();
    if (datagram.empty()) return Result::error("an RTCP datagram is empty");
    Reader in(datagram);
    size_t statuses = 0;
    for (size_t count = 0; in.remaining() > 0 && count < max_packets; ++count) {
        const Result result = parse_one(in, statuses, compound);
        if (result.is_ok()) continue;
        compound = Compound();
        return result;
    }
    return Result::ok();
}

bool write(const Packet &packet, Writer &out) {
    std::vector<uint8_t> &bytes = out.vector();
    const size_t begin = bytes.size();
    out.u32(0);
    const std::optional<Head> head =
        std::visit([&](const auto &kind) { return write_body(kind, out); }, packet);
    const size_t words = (bytes.size() - begin) / 4 - 1;
    if (!head || words > 0xFFFF) {
        bytes.resize(begin);
        return false;
    }
    bytes[begin] = static_cast<uint8_t>(version << 6 | head->count);
    bytes[begin + 1] = head->type;
    bytes[begin + 2] = static_cast<uint8_t>(words >> 8);
    bytes[begin + 3] = static_cast<uint8_t>(words);
    return true;
}

} // namespace penstock::rtp::rtcp

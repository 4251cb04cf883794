// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/sctp/dcep.h"

#include "core/bytes/reader.h"
#include "core/bytes/writer.h"
#include "core/sctp/data_channels.h"

namespace penstock::sctp {
namespace {

constexpr uint8_t ack_type = 2, open_type = 3;
constexpr uint8_t unordered = 0x80; // of a channel's type; the rest is Reliability::Kind

std::string text_of(ByteView bytes) {
    return {bytes.begin(), bytes.end()};
}

} // namespace

Result parse(ByteView message, Control &out) {
    Reader reader(message);
    const uint8_t type = reader.u8();
    if (!reader.failed() && type == ack_type) {
        out = {};
        return Result::ok();
    }
    if (reader.failed() || type != open_type)
        return Result::error("it is neither an opening nor an acknowledgement of a data channel");
    Open open;
    const uint8_t channel = reader.u8();
    const uint8_t kind = channel & uint8_t(~unordered);
    if (!reader.failed() && kind > uint8_t(Reliability::Kind::lifetime))
        return Result::error("unknown type of data channel: " + std::to_string(channel));
    open.reliability.kind = Reliability::Kind(kind);
    open.reliability.is_ordered = (channel & unordered) == 0;
    open.priority = reader.u16();
    const uint32_t limit = reader.u32();
    if (kind != 0) open.reliability.limit = limit;
    const uint16_t label = reader.u16(), protocol = reader.u16();
    if (!reader.failed() && (label > max_label || protocol > max_label))
        return Result::error("a data channel's label or protocol is longer than " +
                             std::to_string(max_label) + " bytes");
    open.label = text_of(reader.take(label));
    open.protocol = text_of(reader.take(protocol));
    if (reader.failed() || reader.remaining() > 0)
        return Result::error("the opening of a data channel has another length than it says");
    out = {true, std::move(open)};
    return Result::ok();
}

std::vector<uint8_t> write(const Open &open) {
    const Reliability &how = open.reliability;
    Writer out;
    out.u8(open_type).u8(uint8_t(how.kind) | (how.is_ordered ? 0 : unordered)).u16(open.priority);
    out.u32(how.kind == Reliability::Kind::reliable ? 0 : how.limit);
    out.u16(open.label.size()).u16(open.protocol.size()).text(open.label).text(open.protocol);
    return out.take();
}

std::vector<uint8_t> write_ack() {
    return {ack_type};
}

} // namespace penstock::sctp

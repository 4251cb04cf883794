// SPDX-License-Identifier: LGPL-2.1-or-later
// Parses STUN messages and checks their integrity.
#include "core/stun/message.h"

#include "core/bytes/reader.h"

#include <algorithm>

namespace penstock::stun {
namespace {

constexpr size_t attribute_header = 4;
constexpr size_t integrity_size = attribute_header + sizeof(Digest);
constexpr size_t fingerprint_size = attribute_header + 4;
constexpr uint16_t first_optional = 0x8000;

constexpr std::array<uint32_t, 256> make_crc_table() {
    std::array<uint32_t, 256> table{};
    for (uint32_t i = 0; i < table.size(); ++i) {
        uint32_t value = i;
        for (int bit = 0; bit < 8; ++bit)
            value = value & 1 ? value >> 1 ^ 0xEDB88320 : value >> 1;
        table[i] = value;
    }
    return table;
}
constexpr auto crc_table = make_crc_table();

std::string_view text_of(ByteView bytes) {
    return {reinterpret_cast<const char *>(bytes.data()), bytes.size()};
}

/// RFC 8489, figure 3: the two bits of the class are between those of the method.
Class class_of(uint16_t type) {
    return static_cast<Class>((type >> 4 & 1) | (type >> 7 & 2));
}
uint16_t method_of(uint16_t type) {
    return static_cast<uint16_t>((type & 0x000F) | (type >> 1 & 0x0070) | (type >> 2 & 0x0F80));
}

/// XOR-MAPPED-ADDRESS; `header` is the message's.
bool parse_mapped(ByteView value, ByteView header, TransportAddress &out) {
    Reader r(value);
    r.skip(1);
    const uint8_t family = r.u8();
    out.port = static_cast<uint16_t>(r.u16() ^ magic_cookie >> 16);
    out.is_v6 = family == 2;
    if ((family != 1 && family != 2) || r.remaining() != out.size()) return false;
    for (size_t i = 0; i < out.size(); ++i)
        out.bytes[i] = r.u8() ^ header[4 + i]; // with the cookie and the transaction behind it
    return true;
}

bool parse_error_code(ByteView value, ErrorCode &out) {
    Reader r(value);
    r.skip(2);
    const unsigned hundreds = r.u8() & 7, rest = r.u8();
    if (r.failed() || hundreds < 3 || hundreds > 6 || rest > 99) return false;
    out = {static_cast<uint16_t>(hundreds * 100 + rest), text_of(r.rest())};
    return true;
}

/// Sets an attribute that has not occurred before.
template <class T>
void set(std::optional<T> &to, const T &value) {
    if (!to) to = value;
}

/// Takes one attribute in front of MESSAGE-INTEGRITY. False: its value is wrong.
bool take_attribute(uint16_t type, ByteView value, ByteView header, Message &m) {
    Reader r(value);
    switch (type) {
    case attribute_username:
        set(m.username, text_of(value));
        return value.size() <= max_username;
    case attribute_priority:
        set(m.priority, r.u32());
        return value.size() == 4;
    case attribute_use_candidate:
        m.use_candidate = true;
        return value.empty();
    case attribute_controlled:
        set(m.controlled, r.u64());
        return value.size() == 8;
    case attribute_controlling:
        set(m.controlling, r.u64());
        return value.size() == 8;
    case attribute_xor_mapped_address: {
        TransportAddress address;
        if (!parse_mapped(value, header, address)) return false;
        set(m.mapped, address);
        return true;
    }
    case attribute_error_code: {
        ErrorCode code;
        if (!parse_error_code(value, code)) return false;
        set(m.error, code);
        return true;
    }
    case attribute_unknown:
        while (r.remaining() >= 2)
            m.unknown_there.add(r.u16());
        return true;
    case attribute_software:
        set(m.software, text_of(value));
        return true;
    case attribute_mapped_address:
    case attribute_realm:
    case attribute_nonce:
    case attribute_integrity_sha256:
        return true; // known, but not used with ICE
    default:
        if (type < first_optional) m.unknown.add(type);
        return true;
    }
}

bool is_fingerprint(ByteView datagram, uint32_t value) {
    const ByteView before = datagram.first(datagram.size() - fingerprint_size);
    return (crc32(before) ^ fingerprint_mask) == value;
}

std::string size_error(uint16_t type, size_t size) {
    return "a STUN attribute, " + std::to_string(type) + ", has a wrong value of " +
           std::to_string(size) + " bytes";
}

} // namespace

uint32_t crc32(ByteView bytes) {
    uint32_t value = 0xFFFFFFFF;
    for (const uint8_t byte : bytes)
        value = crc_table[(value ^ byte) & 0xFF] ^ value >> 8;
    return ~value;
}

Result parse(ByteView datagram, Message &message) {
    if (datagram.size() > max_message) return Result::error("a STUN message above 2048 bytes");
    Reader r(datagram);
    const uint16_t type = r.u16();
    const size_t length = r.u16();
    const uint32_t cookie = r.u32();
    const ByteView transaction = r.take(sizeof(TransactionId));
    if (r.failed()) return Result::error("a STUN message without a whole header");
    if (type >= 0x4000 || cookie != magic_cookie) return Result::error("no STUN message");
    if (length != r.remaining() || length % 4 != 0)
        return Result::error("a STUN message whose length is not what its header says");
    Message out;
    out.kind = class_of(type);
    out.method = method_of(type);
    std::copy(transaction.begin(), transaction.end(), out.transaction.begin());
    const ByteView header = datagram.first(header_size);
    while (r.remaining() > 0) {
        const size_t offset = r.position();
        const uint16_t attribute = r.u16();
        const size_t size = r.u16();
        const ByteView value = r.take(size);
        r.skip((4 - size % 4) % 4);
        if (r.failed()) return Result::error("a STUN attribute that exceeds its message");
        if (attribute == attribute_fingerprint) {
            if (size != 4 || r.remaining() > 0 || !is_fingerprint(datagram, Reader(value).u32()))
                return Result::error("a STUN message with a wrong fingerprint");
            out.has_fingerprint = true;
        } else if (out.integrity_offset > 0) {
            continue; // not protected
        } else if (attribute == attribute_integrity) {
            if (size != sizeof(Digest)) return Result::error(size_error(attribute, size));
            out.integrity_offset = offset;
        } else if (!take_attribute(attribute, value, header, out)) {
            return Result::error(size_error(attribute, size));
        }
    }
    message = out;
    return Result::ok();
}

bool has_integrity(ByteView datagram, const Message &message, std::string_view password,
                   Hmac hmac) {
    const size_t offset = message.integrity_offset;
    if (offset < header_size || offset + integrity_size > datagram.size()) return false;
    // The digest is over a header whose length ends with the digest itself (RFC 8489, section
    // 14.5).
    std::array<uint8_t, header_size> header;
    std::copy_n(datagram.begin(), header_size, header.begin());
    const size_t length = offset + integrity_size - header_size;
    header[2] = static_cast<uint8_t>(length >> 8);
    header[3] = static_cast<uint8_t>(length);
    const ByteView key(reinterpret_cast<const uint8_t *>(password.data()), password.size());
    const Digest right = hmac(key, header, datagram.subspan(header_size, offset - header_size));
    const ByteView given = datagram.subspan(offset + attribute_header, sizeof(Digest));
    uint8_t difference = 0;
    for (size_t i = 0; i < right.size(); ++i)
        difference = static_cast<uint8_t>(difference | (right[i] ^ given[i]));
    return difference == 0;
}

} // namespace penstock::stun

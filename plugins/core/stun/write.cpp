// SPDX-License-Identifier: LGPL-2.1-or-later
// Writes STUN messages.
#include "core/stun/message.h"

#include "core/bytes/writer.h"

#include <algorithm>

namespace penstock::stun {
namespace {

constexpr size_t max_text = 127;
constexpr size_t attribute_header = 4;

/// RFC 8489, figure 3: the two bits of the class are between those of the method.
uint16_t type_of(Class kind, uint16_t method) {
    const unsigned bits = static_cast<unsigned>(kind), all = method;
    return static_cast<uint16_t>((all & 0x000F) | (all & 0x0070) << 1 | (all & 0x0F80) << 2 |
                                 (bits & 1) << 4 | (bits & 2) << 7);
}

ByteView bytes_of(std::string_view text) {
    return {reinterpret_cast<const uint8_t *>(text.data()), text.size()};
}

} // namespace

MessageWriter::MessageWriter(Class kind, const TransactionId &transaction, uint16_t method) {
    Writer w;
    w.u16(type_of(kind, method)).u16(0).u32(magic_cookie).bytes(transaction);
    bytes_ = w.take();
    bytes_.reserve(128);
}

void MessageWriter::attribute(uint16_t type, ByteView value) {
    Writer w;
    w.u16(type).u16(value.size());
    bytes_.insert(bytes_.end(), w.view().begin(), w.view().end());
    bytes_.insert(bytes_.end(), value.begin(), value.end());
    bytes_.resize((bytes_.size() + 3) / 4 * 4);
}

void MessageWriter::text(uint16_t type, std::string_view value, size_t limit) {
    attribute(type, bytes_of(value.substr(0, limit)));
}

void MessageWriter::number(uint16_t type, uint64_t value, int size) {
    Writer w;
    if (size == 4)
        w.u32(value);
    else
        w.u64(value);
    attribute(type, w.view());
}

MessageWriter &MessageWriter::username(std::string_view value) {
    text(attribute_username, value, max_username);
    return *this;
}

MessageWriter &MessageWriter::priority(uint32_t value) {
    number(attribute_priority, value, 4);
    return *this;
}

MessageWriter &MessageWriter::use_candidate() {
    attribute(attribute_use_candidate, {});
    return *this;
}

MessageWriter &MessageWriter::controlling(uint64_t tie_breaker) {
    number(attribute_controlling, tie_breaker, 8);
    return *this;
}

MessageWriter &MessageWriter::controlled(uint64_t tie_breaker) {
    number(attribute_controlled, tie_breaker, 8);
    return *this;
}

MessageWriter &MessageWriter::mapped(const TransportAddress &address) {
    Writer w;
    w.u8(0).u8(address.is_v6 ? 2 : 1).u16(address.port ^ magic_cookie >> 16);
    for (size_t i = 0; i < address.size(); ++i)
        w.u8(address.bytes[i] ^ bytes_[4 + i]); // with the cookie and the transaction behind it
    attribute(attribute_xor_mapped_address, w.view());
    return *this;
}

MessageWriter &MessageWriter::error(uint16_t code, std::string_view reason) {
    Writer w;
    w.u16(0).u8(code / 100).u8(code % 100).text(reason.substr(0, max_text));
    attribute(attribute_error_code, w.view());
    return *this;
}

MessageWriter &MessageWriter::unknown(const AttributeTypes &types) {
    Writer w;
    for (const uint16_t type : types)
        w.u16(type);
    attribute(attribute_unknown, w.view());
    return *this;
}

MessageWriter &MessageWriter::software(std::string_view value) {
    text(attribute_software, value, max_text);
    return *this;
}

void MessageWriter::set_length(size_t size) {
    bytes_[2] = static_cast<uint8_t>((size - header_size) >> 8);
    bytes_[3] = static_cast<uint8_t>(size - header_size);
}

std::vector<uint8_t> MessageWriter::finish() {
    set_length(bytes_.size() + attribute_header + 4);
    number(attribute_fingerprint, crc32(bytes_) ^ fingerprint_mask, 4);
    return std::move(bytes_);
}

std::vector<uint8_t> MessageWriter::finish(std::string_view password, Hmac hmac) {
    set_length(bytes_.size() + attribute_header + sizeof(Digest));
    const ByteView so_far = bytes_;
    attribute(attribute_integrity,
              hmac(bytes_of(password), so_far.first(header_size), so_far.subspan(header_size)));
    return finish();
}

} // namespace penstock::stun

// SPDX-License-Identifier: LGPL-2.1-or-later
// STUN messages: Binding as ICE uses it. RFC 8489, with the attributes of RFC 8445 section 16.1.
// Thread-safe.
#pragma once

#include "core/bytes/bytes.h"
#include "core/bytes/result.h"
#include "core/stun/address.h"

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace penstock::stun {

inline constexpr size_t header_size = 20;
/// Bytes; longer messages are errors. A check of ICE has less than 200.
inline constexpr size_t max_message = 2048;
inline constexpr size_t max_username = 513; ///< bytes: two fragments of 256 and a colon
inline constexpr uint32_t magic_cookie = 0x2112A442;
inline constexpr uint32_t fingerprint_mask = 0x5354554E; ///< XORed with the CRC of FINGERPRINT
inline constexpr uint16_t method_binding = 0x001;

/// HMAC-SHA1 (RFC 2104) of `first` and, behind it, `second`. Given from outside, because this layer
/// has no cryptography of its own.
using Digest = std::array<uint8_t, 20>;
using Hmac = Digest (*)(ByteView key, ByteView first, ByteView second);

using TransactionId = std::array<uint8_t, 12>;

enum class Class : uint8_t { request = 0, indication = 1, success = 2, error = 3 };

/// Attribute types (RFC 8489, section 18.3; RFC 8445, section 16.1). From 0x8000 on, a receiver may
/// ignore them.
enum AttributeType : uint16_t {
    attribute_mapped_address = 0x0001,
    attribute_username = 0x0006,
    attribute_integrity = 0x0008,
    attribute_error_code = 0x0009,
    attribute_unknown = 0x000A,
    attribute_realm = 0x0014,
    attribute_nonce = 0x0015,
    attribute_integrity_sha256 = 0x001C,
    attribute_xor_mapped_address = 0x0020,
    attribute_priority = 0x0024,
    attribute_use_candidate = 0x0025,
    attribute_software = 0x8022,
    attribute_fingerprint = 0x8028,
    attribute_controlled = 0x8029,
    attribute_controlling = 0x802A,
};

enum ErrorNumber : uint16_t {
    error_bad_request = 400,
    error_unauthenticated = 401,
    error_unknown_attribute = 420,
    error_role_conflict = 487,
    error_server = 500,
};

/// Types of attributes; those that do not fit are left out.
class AttributeTypes {
public:
    static constexpr size_t max = 8;
    void add(uint16_t type) {
        if (count_ < max) types_[count_++] = type;
    }
    bool empty() const { return count_ == 0; }
    size_t size() const { return count_; }
    const uint16_t *begin() const { return types_.data(); }
    const uint16_t *end() const { return types_.data() + count_; }

private:
    std::array<uint16_t, max> types_{};
    size_t count_ = 0;
};

struct ErrorCode {
    uint16_t code = 0; ///< 300 to 699
    std::string_view reason;
};

/// A parsed message. Its texts are views into the datagram.
struct Message {
    Class kind = Class::request;
    uint16_t method = method_binding; ///< 12 bits
    TransactionId transaction{};
    std::optional<std::string_view> username; ///< "receiver's fragment:sender's fragment"
    std::optional<uint32_t> priority;
    bool use_candidate = false;
    std::optional<uint64_t> controlling, controlled; ///< tie-breakers
    std::optional<TransportAddress> mapped;          ///< XOR-MAPPED-ADDRESS
    std::optional<ErrorCode> error;
    AttributeTypes unknown_there; ///< UNKNOWN-ATTRIBUTES: what the sender of an error did not know
    std::optional<std::string_view> software;
    /// What is not known here and may not be ignored (RFC 8489, section 6.3.1).
    AttributeTypes unknown;
    size_t integrity_offset = 0; ///< of MESSAGE-INTEGRITY in the datagram; 0: there is none
    bool has_fingerprint = false;
};

/// Parses a datagram that is one message. Errors: shorter or longer than its header says, no magic
/// cookie, above `max_message`, an attribute that exceeds the message or has a wrong size, a
/// FINGERPRINT that is wrong or not last. Of an attribute that occurs twice the first counts; what
/// is behind MESSAGE-INTEGRITY is ignored, except for FINGERPRINT. On error `message` is unchanged.
Result parse(ByteView datagram, Message &message);

/// Whether MESSAGE-INTEGRITY is there and right for the password (short-term credentials, RFC 8489
/// section 9.1). `message` was parsed from `datagram`. Takes the same time whatever the digest is.
bool has_integrity(ByteView datagram, const Message &message, std::string_view password, Hmac hmac);

/// Writes one message: attributes in the order of the calls, then finish().
class MessageWriter {
public:
    MessageWriter(Class kind, const TransactionId &transaction, uint16_t method = method_binding);

    /// At most `max_username` bytes; the rest is cut off.
    MessageWriter &username(std::string_view text);
    MessageWriter &priority(uint32_t value);
    MessageWriter &use_candidate();
    MessageWriter &controlling(uint64_t tie_breaker);
    MessageWriter &controlled(uint64_t tie_breaker);
    MessageWriter &mapped(const TransportAddress &address);
    /// `code`: 300 to 699. The reason has at most 127 characters; the rest is cut off.
    MessageWriter &error(uint16_t code, std::string_view reason);
    MessageWriter &unknown(const AttributeTypes &types);
    /// At most 127 characters; the rest is cut off.
    MessageWriter &software(std::string_view text);

    /// Ends the message with FINGERPRINT.
    std::vector<uint8_t> finish();
    /// Ends it with MESSAGE-INTEGRITY and FINGERPRINT.
    std::vector<uint8_t> finish(std::string_view password, Hmac hmac);

private:
    void attribute(uint16_t type, ByteView value);
    void text(uint16_t type, std::string_view value, size_t limit);
    void number(uint16_t type, uint64_t value, int size);
    void set_length(size_t size);

    std::vector<uint8_t> bytes_;
};

/// CRC-32 (ISO/IEC 13239, as in Ethernet and zip) of the bytes.
uint32_t crc32(ByteView bytes);

} // namespace penstock::stun

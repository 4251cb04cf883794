// SPDX-License-Identifier: LGPL-2.1-or-later
// The messages by which data channels are opened: the Data Channel Establishment Protocol
// (RFC 8832). Thread-safe.
#pragma once

#include "core/bytes/bytes.h"
#include "core/bytes/result.h"

#include <cstdint>
#include <string>
#include <vector>

namespace penstock::sctp {

/// What a message is, as SCTP tells (RFC 8831, section 8).
enum class Ppid : uint32_t {
    control = 50, ///< DCEP
    text = 51,
    binary = 53,
    empty_text = 56, ///< SCTP has no empty messages: one byte, which is ignored
    empty_binary = 57
};

/// What is sent again, and for how long.
struct Reliability {
    enum class Kind : uint8_t { reliable = 0, retransmissions = 1, lifetime = 2 };
    Kind kind = Kind::reliable;
    uint32_t limit = 0; ///< retransmissions, or ms; 0 if it is reliable
    bool is_ordered = true;
    bool operator==(const Reliability &) const = default;
};

/// DATA_CHANNEL_OPEN. Neither text is checked for UTF-8.
struct Open {
    Reliability reliability;
    uint16_t priority = 256; ///< normal (RFC 8831, section 6.4)
    std::string label, protocol;
    bool operator==(const Open &) const = default;
};

/// DATA_CHANNEL_OPEN or DATA_CHANNEL_ACK.
struct Control {
    bool is_open = false; ///< false: it is an acknowledgement
    Open open;
};

/// Errors: it is neither; an unknown type of channel; lengths that are not those of the message;
/// a label or a protocol longer than max_label. On error `out` is unchanged.
Result parse(ByteView message, Control &out);

std::vector<uint8_t> write(const Open &open);
std::vector<uint8_t> write_ack();

} // namespace penstock::sctp

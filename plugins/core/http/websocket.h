// SPDX-License-Identifier: LGPL-2.1-or-later
// Parses the frames of a WebSocket client (RFC 6455). A server that sends media only needs to
// answer control frames.
#pragma once

#include "core/bytes/bytes.h"
#include "core/bytes/result.h"

#include <array>
#include <vector>

namespace penstock::http {

enum class Opcode : uint8_t {
    continuation = 0,
    text = 1,
    binary = 2,
    close = 8,
    ping = 9,
    pong = 10
};

inline constexpr size_t max_control_payload = 125;

/// Close codes, RFC 6455 7.4.1.
namespace close_code {
inline constexpr uint16_t normal = 1000, going_away = 1001, protocol_error = 1002,
                          policy_violation = 1008;
} // namespace close_code

/// Builds a server's control frame: final, unmasked. The payload is truncated at
/// max_control_payload.
std::vector<uint8_t> control_frame(Opcode opcode, ByteView payload);
std::vector<uint8_t> close_frame(uint16_t code, std::string_view reason = {});

/// Parses a client's frames from a byte stream cut anywhere. Data frames are validated and dropped.
class FrameReader {
public:
    class Handler {
    public:
        virtual ~Handler() = default;
        virtual void on_ping(ByteView payload) = 0;
        /// The last event; later input is ignored. `code` 0: the frame had none.
        virtual void on_close(uint16_t code) = 0;
    };
    /// Maximum size of a message with all its fragments; bytes.
    static constexpr size_t max_message = 64 << 10;

    /// After an error nothing more may be fed.
    Result feed(ByteView input, Handler &handler);

private:
    Result begin_frame();
    Result end_control(Handler &handler);
    size_t head_needed() const;
    bool is_control() const { return opcode_ >= 8; }

    std::array<uint8_t, 14> head_{};
    std::array<uint8_t, max_control_payload> control_{};
    uint8_t head_size_ = 0, control_size_ = 0, opcode_ = 0;
    bool in_payload_ = false, in_message_ = false, closed_ = false;
    uint64_t left_ = 0;    ///< remaining bytes of the frame's payload
    uint64_t message_ = 0; ///< bytes of the message so far
};

} // namespace penstock::http

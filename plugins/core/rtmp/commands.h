// SPDX-License-Identifier: LGPL-2.1-or-later
// A peer's commands and our own, which also are a server's answers. Adobe RTMP specification 1.0,
// section 7.
#pragma once

#include "core/amf/value.h"

namespace penstock::rtmp {

/// Name, transaction id and arguments; the first argument is the command object.
struct Command {
    std::string name;
    double transaction = 0; ///< 0: no answer is expected
    std::vector<amf::Value> arguments;

    /// The text of an argument; empty if it is absent or not a string.
    std::string_view text(size_t index) const;
    bool boolean(size_t index) const;
};

/// Parses the AMF0 body of a command message. A missing transaction id becomes 0.
Result parse_command(ByteView body, Command &out);

/// Writes our own messages as consecutive chunks.
class Answers {
public:
    /// Chunk size in bytes, until set_chunk_size() announces another.
    uint32_t chunk_size = 128;

    /// A protocol control message with a 32-bit body: acknowledgement, window, chunk size.
    void control(uint8_t type, uint32_t value);
    void set_peer_bandwidth(uint32_t window);
    /// Announces the chunk size of all later messages.
    void set_chunk_size(uint32_t size);
    void user_control(uint16_t event, uint32_t value);
    /// A user control message with a longer body: the event type and its data.
    void user_control_body(ByteView body);
    void command(uint32_t stream_id, std::initializer_list<amf::Value> values);
    /// A data message on the stream, as sent to players.
    void data(uint32_t stream_id, std::initializer_list<amf::Value> values);
    /// The answer to connect, with the server's capabilities.
    void connected(double transaction);
    /// onStatus with level "status" or "error".
    void status(uint32_t stream_id, std::string_view level, std::string_view code,
                std::string_view description);

    size_t size() const { return out_.size(); }
    std::vector<uint8_t> take() { return out_.take(); }
    bool empty() const { return out_.size() == 0; }
    /// The buffer, for the handshake, which has no chunks.
    std::vector<uint8_t> &raw() { return out_.vector(); }

private:
    void message(uint8_t chunk_stream, uint8_t type, uint32_t stream_id, ByteView body);
    Writer out_;
};

} // namespace penstock::rtmp

// SPDX-License-Identifier: LGPL-2.1-or-later
// Assembles messages from RTMP chunks. Adobe RTMP specification 1.0, section 5.3.
#pragma once

#include "core/bytes/result.h"
#include "core/rtmp/message.h"
#include "core/rtmp/server_session.h"

#include <array>
#include <functional>
#include <vector>

namespace penstock::rtmp {

/// Accepts bytes in pieces of any size and passes on complete messages. Set Chunk Size and Abort
/// are applied here and also passed on. Memory use grows with the received bytes, never with a
/// length that was only announced.
class ChunkReader {
public:
    /// Receives messages in order of completion; an error ends feed().
    using OnMessage = std::function<Result(Message &&)>;
    /// Called when a data message was dropped because it exceeds the size limit of commands.
    using OnLeftOut = std::function<void(uint32_t size)>;

    ChunkReader(const Limits &limits, OnMessage on_message, OnLeftOut on_left_out = {})
        : limits_(limits), on_message_(std::move(on_message)),
          on_left_out_(std::move(on_left_out)) {}

    /// Consumes all of `input`. After an error nothing more may be fed.
    Result feed(ByteView input);

    /// Whether this peer may currently send media; otherwise its messages are limited like
    /// commands. Data messages (metadata) of a peer that may are dropped if they are too large.
    void allow_media(bool yes) { media_allowed_ = yes; }
    uint32_t chunk_size() const { return chunk_size_; }
    /// Bytes of all incomplete messages.
    size_t in_flight() const { return in_flight_; }
    /// Bytes allocated for them: at most twice the received bytes, plus a small block per stream.
    size_t memory() const;

private:
    /// State of a chunk stream on which its next chunk depends.
    struct Stream {
        uint32_t id = 0;
        uint32_t timestamp = 0; ///< of the current message; absolute, ms
        uint32_t field = 0;     ///< timestamp or delta as written in the last header
        bool extended = false;  ///< the last header had an extended timestamp
        uint32_t length = 0;
        uint8_t type = 0;
        uint32_t message_stream = 0;
        bool receiving = false;      ///< between a message's first chunk and its last
        bool left_out = false;       ///< the payload is dropped
        uint32_t received = 0;       ///< bytes of the body received so far
        std::vector<uint8_t> framed; ///< space for the FLV header, then the body received so far
    };

    size_t header_need() const;
    Result begin_chunk();
    Result begin_message(Stream &stream);
    Result take_payload(ByteView &input);
    Result keep_payload(Stream &stream, ByteView payload);
    Result finish_message(Stream &stream);
    Result obey(const Message &message);
    size_t find(uint32_t id) const;

    const Limits limits_;
    OnMessage on_message_;
    OnLeftOut on_left_out_;
    std::vector<Stream> streams_;
    uint32_t chunk_size_ = 128;
    size_t in_flight_ = 0;
    std::array<uint8_t, 18> head_{}; ///< size of the longest chunk header: 3 + 11 + 4
    size_t head_size_ = 0;
    bool in_payload_ = false;
    bool media_allowed_ = true;
    size_t current_ = 0;      ///< index of the chunk stream whose payload is being read
    uint32_t chunk_left_ = 0; ///< bytes of that payload still to come
};

} // namespace penstock::rtmp

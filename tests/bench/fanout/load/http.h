// SPDX-License-Identifier: LGPL-2.1-or-later
// A viewer of FLV without I/O: over HTTP (chunked or until the connection ends), WebSocket, or
// plain TCP as used by the floor.
#pragma once

#include "rtmp.h"

namespace load {

/// Finds the tags of an FLV stream; keeps only the first bytes of each.
class FlvReader {
public:
    bool feed(const uint8_t *data, size_t size, TagSink &sink);

private:
    uint8_t head_[13];                        ///< header of the file, then of each tag
    size_t head_have_ = 0, head_wanted_ = 13; ///< 11 after the file header
    uint8_t body_[stamp_reach];
    size_t body_size_ = 0, body_have_ = 0; ///< PreviousTagSize counts as part of the body
    bool in_body_ = false;
};

class HttpSession {
public:
    enum class Framing { bare, http, websocket };

    HttpSession(Framing framing, std::string address, std::string path);

    void start(Buffer &out);
    bool feed(const uint8_t *data, size_t size, Buffer &out, TagSink &sink);
    const std::string &error() const { return error_; }

private:
    enum class State { response, chunk_line, chunk_end, frame_header, control, body };

    bool fail(std::string why);
    bool take_response(const uint8_t *&data, const uint8_t *end);
    bool take_chunk_line(const uint8_t *&data, const uint8_t *end);
    bool take_frame_header(const uint8_t *&data, const uint8_t *end);
    bool take_control(const uint8_t *&data, const uint8_t *end, Buffer &out);
    bool take_body(const uint8_t *&data, const uint8_t *end, TagSink &sink);

    Framing framing_;
    std::string address_, path_, error_;
    State state_;
    bool endless_ = false; ///< the body ends with the connection
    uint64_t left_ = 0;    ///< remaining bytes of the chunk or frame
    std::string text_;     ///< protocol text, not media
    FlvReader flv_;
};

} // namespace load

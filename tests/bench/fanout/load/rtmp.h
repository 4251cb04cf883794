// SPDX-License-Identifier: LGPL-2.1-or-later
// An RTMP client without I/O: plays or publishes one stream and parses only what it needs. Keeps
// only the first bytes of media messages.
#pragma once

#include "media.h"

#include <vector>

namespace load {

/// Receives incoming tags.
class TagSink {
public:
    /// Called for each complete tag; `head` is the beginning of its body.
    virtual void tag(TagType type, const uint8_t *head, size_t head_size) = 0;

protected:
    ~TagSink() = default;
};

class RtmpSession {
public:
    enum class Role { play, publish };

    /// `address` is host:port.
    RtmpSession(Role role, std::string address, std::string app, std::string name);

    /// Appends the client's first bytes.
    void start(Buffer &out);
    /// Processes bytes from the server and appends responses to `out`. Returns false if the server
    /// violates the protocol or refuses; see error().
    bool feed(const uint8_t *data, size_t size, Buffer &out, TagSink &sink);
    const std::string &error() const { return error_; }
    /// The server has sent NetStream.Publish.Start.
    bool publishing() const { return publishing_; }
    void send_tag(Buffer &out, const Tag &tag) const;

private:
    struct Message {
        uint32_t id = 0; ///< chunk stream id
        uint32_t length = 0, received = 0;
        uint8_t type = 0;
        bool extended = false;
        std::string head;
    };
    enum class State { handshake, header, payload };

    bool fail(std::string why);
    bool take_handshake(const uint8_t *&data, const uint8_t *end, Buffer &out);
    bool take_header(const uint8_t *&data, const uint8_t *end);
    bool take_payload(const uint8_t *&data, const uint8_t *end, Buffer &out, TagSink &sink);
    size_t header_size() const;
    Message &message(uint32_t id);
    bool finish(Buffer &out, TagSink &sink);
    bool command(Buffer &out);
    void say(Buffer &out, uint8_t csid, uint8_t type, uint32_t stream, std::string_view body,
             uint32_t ms = 0) const;

    Role role_;
    std::string address_, app_, name_, error_;
    State state_ = State::handshake;
    uint32_t handshake_left_ = 1 + 2 * 1536;
    uint8_t header_[18];
    uint32_t header_have_ = 0;
    uint32_t chunk_size_ = 128, chunk_left_ = 0;
    uint32_t window_ = 0;
    uint64_t bytes_in_ = 0, acknowledged_ = 0;
    std::vector<Message> messages_;
    size_t current_ = 0;
    std::string peer_random_; ///< S1, until it is returned as C2
    bool publishing_ = false;
};

} // namespace load

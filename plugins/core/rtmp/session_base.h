// SPDX-License-Identifier: LGPL-2.1-or-later
// What both sides of a connection do with the messages behind the handshake: protocol control,
// acknowledgements, aggregates, metadata. Shared by the server's session and the client's.
#pragma once

#include "core/amf/value.h"
#include "core/flv/tag.h"
#include "core/rtmp/chunk_reader.h"
#include "core/rtmp/commands.h"
#include "core/rtmp/message.h"
#include "core/rtmp/server_session.h"

#include <cstdint>
#include <string>
#include <vector>

namespace penstock::rtmp {

/// Bytes: our Window Acknowledgement Size and Set Peer Bandwidth.
inline constexpr uint32_t our_window = 2'500'000;

class SessionBase {
public:
    Answers answers;

protected:
    /// `peer` names the other side in errors: "the server".
    SessionBase(const Limits &limits, const char *peer);
    virtual ~SessionBase() = default;
    // The chunk reader calls back.
    SessionBase(const SessionBase &) = delete;
    SessionBase &operator=(const SessionBase &) = delete;

    /// Counts bytes from the peer, those of the handshake included.
    void count(ByteView input) { received_ += input.size(); }
    /// Acknowledges what was counted, when the peer wants it. An error if the peer reads nothing.
    Result acknowledge();
    /// At most ten are passed on.
    void warn(const std::string &text);

    /// Messages of all types but commands, media and data are handled here.
    virtual Result on_message(Message &&message);
    virtual Result on_command(ByteView body, uint32_t message_stream) = 0;
    virtual Result on_media(Message &&message) = 0;
    virtual Result on_data(Message &&message) = 0;
    /// Of user control messages; pings are answered already.
    virtual Result on_user_event(uint16_t, uint32_t) { return Result::ok(); }
    virtual void pass_warning(const std::string &text) = 0;

    /// Reads a data message; false, and a warning, if it is malformed or has no name.
    bool read_data(const Message &message, std::vector<amf::Value> &values);
    /// Makes the FLV script tag of a data message that read_data() has read: "@setDataFrame" is
    /// removed, AMF3 is written as AMF0. nullopt if nothing is left of it.
    std::optional<flv::Tag> data_tag(Message &&message, const std::vector<amf::Value> &values);

    const Limits limits;
    ChunkReader chunks;

private:
    Result on_user_control(ByteView body);
    Result on_aggregate(const Message &message);
    Result on_amf3_command(const Message &message);

    const char *const peer_;
    uint64_t received_ = 0, acknowledged_ = 0; ///< bytes
    uint32_t peer_window_ = our_window; ///< bytes after which the peer wants an acknowledgement
    unsigned warnings_ = 0;
};

} // namespace penstock::rtmp

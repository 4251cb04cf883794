// SPDX-License-Identifier: LGPL-2.1-or-later
// Takes apart the bytes of an RTSP connection, of either side: requests, responses and interleaved
// frames. The same for HTTP's requests and responses, with which a tunnel begins.
#pragma once

#include "core/bytes/bytes.h"
#include "core/bytes/result.h"
#include "core/rtsp/message.h"

#include <cstdint>
#include <string>
#include <vector>

namespace penstock::rtsp {

/// What is longer is an error, in bytes and fields.
inline constexpr size_t max_line = 8 << 10;
inline constexpr size_t max_head = 32 << 10;
inline constexpr size_t max_fields = 64;
inline constexpr size_t max_body = 256 << 10;

/// Keeps what is incomplete: at most a head and a body of the sizes above, or a frame of 64 KiB.
/// Not thread-safe.
class MessageReader {
public:
    class Handler {
    public:
        virtual ~Handler() = default;
        /// Each returns whether to read on. After false the rest is kept for resume().
        virtual bool on_request(Request &&request) = 0;
        virtual bool on_response(Response &&response) = 0;
        /// `payload` is a packet of RTP or RTCP, without '$', channel and length; it is valid
        /// during the call.
        virtual bool on_interleaved(uint8_t channel, ByteView payload) = 0;
    };
    explicit MessageReader(Handler &handler) : handler_(handler) {}

    /// Takes the next bytes, split anywhere. Errors, after which it must not be used: a limit above
    /// is exceeded, a first line that is of neither a request nor a response, a header line
    /// without a colon, a control character, a Content-Length that is no number.
    Result feed(ByteView bytes);
    /// Goes on with what was kept, after a handler returned false.
    Result resume() { return feed({}); }
    /// Takes what was kept after feed(), which belongs to another protocol from here on.
    std::vector<uint8_t> take_rest();
    /// Whether a handler returned false, and resume() was not called since.
    bool is_paused() const { return paused_; }

private:
    /// Takes one message or frame; returns the bytes used, 0: more are needed.
    size_t take(ByteView bytes, Result &result);
    size_t take_frame(ByteView bytes);
    size_t take_message(ByteView bytes, Result &result);

    Handler &handler_;
    std::vector<uint8_t> kept_;
    size_t searched_ = 0; ///< of kept_, where no head ends
    size_t awaited_ = 0;  ///< bytes of the message whose head is known; 0: unknown
    bool paused_ = false;
};

/// Parses a whole message: its head with the empty line, and no body. Errors as those of
/// MessageReader. Sets either of them, and `is_request`.
Result parse_head(std::string_view head, Request &request, Response &response, bool &is_request);

} // namespace penstock::rtsp

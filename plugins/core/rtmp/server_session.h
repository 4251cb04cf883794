// SPDX-License-Identifier: LGPL-2.1-or-later
// The server side of an RTMP connection without I/O: received bytes in, events and bytes to send
// out.
// Adobe RTMP specification 1.0.
#pragma once

#include "core/bytes/result.h"
#include "core/flv/tag.h"
#include "core/rtmp/capabilities.h"
#include "core/rtmp/handshake_digest.h"

#include <memory>
#include <string>

namespace penstock::rtmp {

/// Limits on a peer's requests. Exceeding one closes the connection, except that a publisher's
/// metadata over max_command_size is dropped.
struct Limits {
    /// The largest chunk size in bytes that a peer may set; the default is the specification's
    /// limit (5.4.1). No memory is reserved for it. 0 is always rejected.
    uint32_t max_chunk_size = 0x7FFFFFFF;
    uint32_t max_message_size = 8 << 20;  ///< bytes of a publisher's media message
    uint32_t max_command_size = 64 << 10; ///< bytes of a command or data message
    uint32_t max_in_flight = 16 << 20;    ///< bytes of a publisher's incomplete messages
    unsigned max_chunk_streams = 32;      ///< distinct chunk stream ids
};

/// A request to publish or play. The path is `app/name`, from the app of the connect command and
/// the stream name of the publish or play command, both without their queries.
struct StreamRequest {
    std::string path;  ///< "live/cam"; unchecked network input, validate before use
    std::string query; ///< "key=…&x=…" of the name or the app; never log it
    bool publish = false;
};

/// Why a request is refused; determines the onStatus code. Publishers based on librtmp (OBS) know
/// these three of Publish only; at others, such as Publish.Failed, they wait for ever.
enum class Refusal {
    bad_name,     ///< NetStream.Publish.BadName: in use or invalid
    not_found,    ///< NetStream.Play.StreamNotFound
    unauthorized, ///< NetStream.Publish.Denied or NetStream.Play.Failed
    failed,       ///< NetStream.Publish.Rejected or NetStream.Play.Failed
};

class ServerSession {
public:
    /// Receives a session's events during feed(). May call the session's methods but must not
    /// destroy it.
    class Handler {
    public:
        virtual ~Handler() = default;
        /// A peer requests to publish or play. Answer with accept() or refuse(), now or later.
        virtual void on_request(const StreamRequest &request) = 0;
        /// A media or metadata message of an accepted publisher, framed as an FLV tag.
        /// @setDataFrame is removed from metadata. Timestamps are the publisher's own.
        virtual void on_tag(flv::Tag &&tag) = 0;
        /// The pending or accepted publish or play has ended (deleteStream, closeStream,
        /// FCUnpublish, another play). The connection may send another request.
        virtual void on_stop() = 0;
        /// A peer's mistake that does not end the connection, for the log. Called at most ten times
        /// per session.
        virtual void on_warning(const std::string &) {}
    };

    /// With `hmac`, clients that ask for the complex handshake get it.
    explicit ServerSession(Handler &handler, Limits limits = {}, Hmac hmac = nullptr);
    ~ServerSession();

    /// Processes all of `input`. After an error, whose reason is readable, the connection must be
    /// closed.
    Result feed(ByteView input);
    /// Returns the bytes to send (handshake, answers, acknowledgements) and empties the buffer.
    std::vector<uint8_t> take_output();
    bool has_output() const;

    /// Accepts the pending request. Media that a publisher sent earlier (up to one message's limit)
    /// is passed to on_tag() by the next feed(), whose input may be empty. A publisher is sent
    /// Publish.Start now, and onFCPublish if it asked for that: not before. A player is sent Stream
    /// Begin, Play.Reset and Play.Start; the fan-out then sends media in chunks of out_chunk_size
    /// on message stream 1.
    void accept();
    void refuse(Refusal why, std::string_view description);
    /// Tells an accepted player that the stream has ended (Play.UnpublishNotify, StreamEOF,
    /// Play.Stop); it stays connected. Players based on ffmpeg or librtmp, and rtmp2src, end then:
    /// to keep them during a publisher's pause, call this only when the stream is given up.
    void notify_unpublished();
    /// Tells an accepted publisher that it will be disconnected, and why: `bad_name` if another has
    /// its name now, `failed` otherwise (shutdown).
    void notify_kicked(Refusal why, std::string_view description);

    /// Asks a peer that announced caps_ex::reconnect to connect again and to leave this connection
    /// when it is ready to; the session goes on until then. `tc_url`: where to, absolute or
    /// relative; empty: the same. Returns false for other peers, who are told nothing.
    bool request_reconnect(std::string_view tc_url, std::string_view description);
    /// Tells an accepted player why it gets nothing (NetStream.Play.Failed), before its end.
    void notify_unplayable(std::string_view description);

    /// The capabilities that the peer announced in its connect command.
    const Capabilities &capabilities() const;
    /// The peer's own description (flashVer, type) for the log; at most 64 printable characters.
    const std::string &client_name() const;

    /// Chunk size in bytes of everything after the connect answer.
    static constexpr uint32_t out_chunk_size = 65536;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

} // namespace penstock::rtmp

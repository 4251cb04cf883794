// SPDX-License-Identifier: LGPL-2.1-or-later
// The server's side of one RTMP connection, sans I/O: bytes in, events out, bytes to send.
// Adobe RTMP specification 1.0.
#pragma once

#include "core/bytes/result.h"
#include "core/flv/tag.h"

#include <memory>
#include <string>

namespace penstock::rtmp {

/// Bounds on what a peer may ask of us. Everything past them closes the connection, except that
/// a publisher's metadata over max_command_size is left out.
struct Limits {
    /// Bytes; the largest that a peer may set, and the specification's own bound (5.4.1). No
    /// memory is reserved for it. 0 is refused.
    uint32_t max_chunk_size = 0x7FFFFFFF;
    uint32_t max_message_size = 8 << 20;  ///< bytes of one media message of a publisher
    uint32_t max_command_size = 64 << 10; ///< bytes of one command or data message
    uint32_t max_in_flight = 16 << 20;    ///< bytes of a publisher's partly received messages
    unsigned max_chunk_streams = 32;      ///< distinct chunk stream ids
};

/// What a peer asked to publish or play: `app/name`, from the connect command's app and the
/// publish or play command's stream name, each without its query.
struct StreamRequest {
    std::string path;  ///< "live/cam"; raw from the network: check before use
    std::string query; ///< "key=…&x=…" of the name or the app; never log it
    bool publish = false;
};

/// Why a request is refused; becomes the onStatus code.
enum class Refusal {
    bad_name,     ///< NetStream.Publish.BadName: in use or not a legal name
    not_found,    ///< NetStream.Play.StreamNotFound
    unauthorized, ///< NetStream.Publish.Denied or NetStream.Play.Failed
    failed,       ///< NetStream.Publish.Failed or NetStream.Play.Failed
};

class ServerSession {
public:
    /// Receives a session's events from within feed(). It may call the session's methods, but
    /// must not destroy it.
    class Handler {
    public:
        virtual ~Handler() = default;
        /// A peer asks to publish or play; answer with accept() or refuse(), now or later.
        virtual void on_request(const StreamRequest &request) = 0;
        /// A media or metadata message of an accepted publisher, framed as an FLV tag.
        /// @setDataFrame is taken off metadata. Timestamps are the publisher's own.
        virtual void on_tag(flv::Tag &&tag) = 0;
        /// The pending or accepted publish or play ended (deleteStream, closeStream, FCUnpublish,
        /// another play); the connection may ask again.
        virtual void on_stop() = 0;
        /// Something the peer did wrong that does not cost it the connection; for the log. At
        /// most ten times for each session.
        virtual void on_warning(const std::string &) {}
    };

    explicit ServerSession(Handler &handler, Limits limits = {});
    ~ServerSession();

    /// Takes what arrived. After an error the connection must be closed; its reason says why.
    /// Stops consuming nothing: all of `input` is always taken.
    Result feed(ByteView input);
    /// Bytes to send now (handshake, answers, acknowledgements); empties the buffer.
    std::vector<uint8_t> take_output();
    bool has_output() const;

    /// Accepts the pending request. What a publisher sent before that (at most one message's
    /// limit) reaches on_tag() in the next feed(), whose input may be empty. For a player the
    /// answer is Stream Begin, Play.Reset and Play.Start; media follows from the fan-out, chunked
    /// with out_chunk_size on stream 1.
    void accept();
    void refuse(Refusal why, std::string_view description);
    /// Tells an accepted player that the stream ended (StreamEOF, Play.UnpublishNotify); it stays
    /// connected. Players built on ffmpeg or librtmp and rtmp2src end themselves then: to keep
    /// them through a publisher's pause, say nothing until the stream is given up.
    void notify_unpublished();
    /// Tells an accepted publisher that it is cut off (takeover, shutdown), before the close.
    void notify_kicked(std::string_view description);

    /// What the peer calls itself (flashVer, type), for the log; at most 64 printable characters.
    const std::string &client_name() const;

    /// Chunk size of everything the server sends after the connect answer, in bytes.
    static constexpr uint32_t out_chunk_size = 65536;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

} // namespace penstock::rtmp

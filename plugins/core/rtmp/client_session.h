// SPDX-License-Identifier: LGPL-2.1-or-later
// The client side of an RTMP connection without I/O: received bytes in, events and bytes to send
// out. It publishes to a server or plays from it.
// Adobe RTMP specification 1.0; Enhanced RTMP v2 for the capabilities in connect.
#pragma once

#include "core/bytes/result.h"
#include "core/flv/tag.h"
#include "core/rtmp/server_session.h"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::rtmp {

/// A client's request to a server.
struct ClientRequest {
    bool publish = true;
    std::string app;    ///< "live2?backup=1": with the query
    std::string tc_url; ///< "rtmp://host:port/app"
    std::string name;   ///< the stream's name or key, with its query; never log it
};

/// Why a session has ended.
enum class ClientEnd {
    none,    ///< it has not
    broken,  ///< the server does not keep to the protocol
    refused, ///< the server refuses the key, the name or the application
    in_use,  ///< the server refuses because the name is being published already
    missing, ///< nobody publishes the stream that is to be played
    stopped, ///< the server ended the stream after it had started
};

/// A server's request to connect again. Enhanced RTMP v2, "Reconnect Request".
struct ReconnectRequest {
    std::string tc_url; ///< where to: see redirect_client(); empty: the same server
    std::string said;   ///< the server's description, for a message; printable
};

class ClientSession {
public:
    /// Receives a session's events during feed(). Must not destroy the session.
    class Handler {
    public:
        virtual ~Handler() = default;
        /// The server has accepted: media may be sent (Publish.Start), or will come (Play.Start or
        /// the first media).
        virtual void on_started() = 0;
        /// A media or metadata message for a player, framed as an FLV tag, with the server's
        /// timestamps.
        virtual void on_tag(flv::Tag &&tag) = 0;
        /// The server asks the client to connect again. It serves on meanwhile.
        virtual void on_reconnect(const ReconnectRequest &) {}
        /// An oddity that does not end the connection, for the log. At most ten per session.
        virtual void on_warning(const std::string &) {}
    };

    /// C0 and C1 are in take_output() at once.
    ClientSession(Handler &handler, ClientRequest request, Limits limits = {});
    ~ClientSession();

    /// Processes all of `input`. After an error, whose reason is readable and does not contain the
    /// stream's name, the connection must be closed; end() tells the kind.
    Result feed(ByteView input);
    ClientEnd end() const;
    /// Returns the bytes to send (handshake, commands, acknowledgements) and empties the buffer.
    std::vector<uint8_t> take_output();
    bool has_output() const;

    /// Whether the server has accepted and the session has not ended.
    bool has_started() const;
    /// The awaited event, for messages about a timeout: "the handshake", "the answer to publish".
    std::string_view waits_for() const;
    /// Whether publish or play was sent and not answered.
    bool is_asking() const;

    /// The message stream for a publisher's media, in chunks of out_chunk_size.
    uint32_t stream_id() const;
    /// Ends a publish or play in order: FCUnpublish and deleteStream.
    void finish();

    /// Chunk size in bytes of media; the one that OBS uses with all platforms.
    static constexpr uint32_t out_chunk_size = 4096;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

/// Returns the body of an onMetaData tag as a publisher sends it: "@setDataFrame" before it, and
/// `framerate` as its first property (some servers look only there). The remaining properties keep
/// their order. Other script tags are returned with "@setDataFrame" unless they have it.
std::vector<uint8_t> publisher_metadata(ByteView body);

} // namespace penstock::rtmp

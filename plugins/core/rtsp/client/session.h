// SPDX-License-Identifier: LGPL-2.1-or-later
// A client's side of a session of RTSP 1.0 (RFC 2326) that plays: OPTIONS, DESCRIBE, SETUP, PLAY,
// and keeping it alive. Bytes in, bytes and packets out. No sockets, no clock.
#pragma once

#include "core/bytes/result.h"
#include "core/rtsp/client/media.h"
#include "core/rtsp/client_authentication.h"
#include "core/rtsp/reader.h"
#include "core/rtsp/transport.h"
#include "core/rtsp/url.h"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace penstock::rtsp {

/// How RTP comes: within the connection, or as datagrams.
enum class Lower : uint8_t { tcp, udp, multicast };
std::string_view to_string(Lower lower);

/// Why a session has ended.
enum class ClientEnd : uint8_t {
    failed,      ///< see the reason; it may be otherwise next time
    refused,     ///< the server does not accept the user or password, or asks for them
    redirected,  ///< to ClientSession::next_url()
    unsupported, ///< the server accepts none of the protocols
};

struct ClientSessionOptions {
    Url url;                                     ///< with user and password, if there are
    std::vector<Lower> protocols = {Lower::tcp}; ///< in the order in which they are tried
    size_t first_protocol = 0;                   ///< of them
    Hashes hashes;
    Random random = nullptr;
};

/// Takes what cameras answer as well as it can: other CSeq, no Session, no Content-Base, channels
/// that were not asked for, a Transport that is missing. One request is under way at a time. Not
/// thread-safe.
class ClientSession final : private MessageReader::Handler {
public:
    class Handler {
    public:
        virtual ~Handler() = default;
        /// The tracks that will be set up. Before any other call.
        virtual void on_tracks(const std::vector<ClientTrack> &tracks) = 0;
        /// Opens two ports for datagrams of the track; empty: that is impossible.
        virtual std::optional<PortPair> open_ports(size_t track) = 0;
        /// Where the server sends from; ports are 0 if it does not tell. `source` is empty, or an
        /// address as text.
        virtual void on_server_ports(size_t track, const std::string &source, PortPair ports) = 0;
        /// Receives a group; false: that is impossible.
        virtual bool join(size_t track, const sdp::MulticastGroup &group) = 0;
        /// The server has answered PLAY.
        virtual void on_playing() = 0;
        /// An interleaved packet; the view ends with the call.
        virtual void on_packet(size_t track, bool is_rtcp, ByteView packet) = 0;
        virtual void on_oddity(const std::string &text) = 0;
    };

    ClientSession(ClientSessionOptions options, Handler &handler);

    /// Queues the first request.
    void start(int64_t now_ms);
    /// Takes what has arrived. Errors: the session has ended; end() tells how.
    Result feed(ByteView bytes, int64_t now_ms);
    /// Keeps the session alive.
    void check(int64_t now_ms);
    /// Queues a datagram of RTCP for the track, where RTP is interleaved.
    void send_report(size_t track, ByteView datagram);
    /// Queues TEARDOWN.
    void finish();
    /// What is to be sent.
    std::vector<uint8_t> take_output() { return std::exchange(output_, {}); }

    bool has_started() const { return step_ == Step::playing; }
    ClientEnd end() const { return end_; }
    const std::optional<Url> &next_url() const { return next_; }
    /// The protocol that is used, or tried, as an index of the options' list.
    size_t protocol() const { return protocol_; }
    Lower lower() const { return options_.protocols[protocol_]; }
    /// The request whose answer is awaited, for a message.
    std::string waits_for() const;

private:
    enum class Step : uint8_t { options, describe, setup, play, playing };
    struct Channels {
        uint16_t rtp = 0, rtcp = 1;
    };

    bool on_request(Request &&request) override;
    bool on_response(Response &&response) override;
    bool on_interleaved(uint8_t channel, ByteView payload) override;

    Request request(Method method, const std::string &uri) const;
    void send(Request request);
    void send_describe();
    void send_setup();
    void send_play(bool with_range);
    void send_keepalive();
    void take_options(const Response &response);
    void take_description(const Response &response);
    void take_setup(const Response &response);
    void take_keepalive(const Response &response);
    void take_session(const Response &response);
    bool take_multicast(const Transport &transport);
    void redirect(const std::string &location);
    void next_protocol(const std::string &why);
    void stop(ClientEnd end, const std::string &reason);
    std::string refusal(const Response &response) const;

    const ClientSessionOptions options_;
    Handler &handler_;
    ClientAuthentication authentication_;
    MessageReader reader_;
    Step step_ = Step::options;
    std::vector<uint8_t> output_;
    std::optional<Request> pending_; ///< the request that is under way
    uint32_t cseq_ = 0, pending_cseq_ = 0;
    int64_t now_ms_ = 0, sent_ms_ = 0, keepalive_ms_ = 25'000;
    std::string base_, aggregate_, session_;
    bool has_get_parameter_ = true;
    bool ranged_ = false; ///< the PLAY under way has a Range
    std::vector<ClientTrack> tracks_;
    std::vector<Channels> channels_;
    size_t setup_ = 0; ///< the track that is set up
    size_t protocol_ = 0;
    std::optional<PortPair> ports_; ///< of the track that is set up
    bool stopped_ = false;
    std::string reason_;
    ClientEnd end_ = ClientEnd::failed;
    std::optional<Url> next_;
};

} // namespace penstock::rtsp

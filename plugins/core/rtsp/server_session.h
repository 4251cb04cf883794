// SPDX-License-Identifier: LGPL-2.1-or-later
// The server's side of one RTSP connection: reads requests, knows which are valid when, and writes
// the answers. RFC 2326, section 10 and appendix A.2. No sockets, no clock.
#pragma once

#include "core/rtsp/digest.h"
#include "core/rtsp/fields.h"
#include "core/rtsp/message.h"
#include "core/rtsp/reader.h"
#include "core/rtsp/transport.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::rtsp {

/// What a request's URL names.
struct Target {
    std::string path;            ///< percent-decoded, without slashes at its ends; unchecked
    std::string query;           ///< as written
    std::optional<size_t> track; ///< of a URL that describe() gave
    std::string base;            ///< the URL as written, without query and track
};
/// Reads "rtsp://host/live/cam/trackID=1", "/live/cam?key=1" and so on.
Target parse_target(std::string_view uri);

/// Not thread-safe.
class ServerSession : private MessageReader::Handler {
public:
    static constexpr unsigned timeout_s = 60; ///< that clients are told

    /// Each request that one of the first group tells of is answered by one call of those below, at
    /// once or later; nothing is read until then.
    class Handler {
    public:
        virtual ~Handler() = default;
        virtual void on_describe(const Request &request, const Target &target) = 0;
        /// `request.body` is a session description.
        virtual void on_announce(const Request &request, const Target &target) = 0;
        /// `track`: its number; of what was announced, the place in its description.
        virtual void on_setup(const Request &request, const Target &target, size_t track,
                              const std::vector<Transport> &transports) = 0;
        virtual void on_play(const Request &request) = 0;
        virtual void on_pause() = 0;
        virtual void on_record(const Request &request) = 0;
        // They need no answer.
        virtual void on_teardown() = 0;  ///< the session has ended; another one may follow
        virtual void on_keepalive() = 0; ///< with every request
        /// False: nothing more is read until resume().
        virtual bool on_interleaved(uint8_t channel, ByteView payload) = 0;
        /// An HTTP request, with which a tunnel begins. What follows is that of take_rest().
        virtual void on_http(const Request &request) = 0;
    };

    /// `server`: of the header, as "Penstock/1.0".
    ServerSession(Handler &handler, std::string server, Random random);

    /// Takes the next bytes; see MessageReader::feed(). Answers are in take_output().
    Result feed(ByteView bytes);
    /// Reads on, after an answer or when on_interleaved() had returned false.
    Result resume();
    std::vector<uint8_t> take_rest() { return reader_.take_rest(); }

    bool has_output() const { return !output_.empty(); }
    std::vector<uint8_t> take_output() { return std::exchange(output_, {}); }

    // --- answers to the request that is pending ------------------------------------------------
    bool is_pending() const { return pending_.has_value(); }
    void accept_describe(const std::string &sdp, const std::string &content_base);
    /// `controls`: those of the description's streams, in order.
    void accept_announce(std::vector<std::string> controls);
    void accept_setup(const Transport &transport);
    void accept_play(const std::vector<RtpInfo> &streams);
    void accept_pause();
    void accept_record();
    /// Any status but 200. `headers` are added.
    void refuse(unsigned status, Headers headers = {}, std::string_view reason = {});

    enum class State : uint8_t { init, ready, playing, recording };
    State state() const { return state_; }
    /// Whether something was announced, for recording.
    bool is_announced() const { return !controls_.empty(); }
    /// "mpv", "Lavf60.3.100"; printable; empty: it did not say.
    const std::string &client_name() const { return client_; }
    /// Ends the session from this side.
    void reset();

private:
    bool on_request(Request &&request) override;
    bool on_response(Response &&) override { return true; }
    bool on_interleaved(uint8_t channel, ByteView payload) override {
        return handler_.on_interleaved(channel, payload);
    }
    void dispatch(const Request &request);
    void setup(const Request &request);
    std::optional<size_t> announced_track(const std::string &uri) const;
    bool has_session() const { return state_ != State::init; }
    Response response() const;
    void send(Response &&response);
    void answer(unsigned status);

    Handler &handler_;
    const std::string server_;
    const Random random_;
    MessageReader reader_;
    std::vector<uint8_t> output_;
    std::optional<std::string> pending_; ///< CSeq, as it came
    std::string session_;                ///< id; empty: there is none
    std::string client_;
    std::string announced_; ///< URL
    std::vector<std::string> controls_;
    State state_ = State::init;
};

} // namespace penstock::rtsp

// SPDX-License-Identifier: LGPL-2.1-or-later
// The HTTP side of a client of WHIP (RFC 9725) or WHEP (draft-ietf-wish-whep): offers, answers, and
// the end of a session. No GStreamer.
#pragma once

#include "core/net/rtc/server.h"
#include "rtc/http_call.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace penstock::rtc {

/// Why an attempt failed.
struct Failure {
    std::string reason;
    bool refused = false;  ///< the server does not accept the token
    uint64_t retry_ms = 0; ///< the server asks to be left alone for this long
};

/// Used by one thread, which its functions block; `cancel` ends all but leave().
class WhipClient {
public:
    /// `tls` is for https; nullptr: there is no such URL.
    WhipClient(http::Url endpoint, std::string token, std::shared_ptr<net::TlsClient> tls,
               GCancellable *cancel);

    /// The STUN and TURN servers that the server offers in an answer to OPTIONS. Empty if it offers
    /// none, or does not answer.
    std::vector<net::IceServer> ask_ice_servers();
    /// From where the server can be reached, as far as is known.
    net::Reach reach() const { return reach_; }
    /// Sends the offer and returns the answer. nullopt: `failure` says why.
    std::optional<std::string> offer(const std::string &sdp, Failure &failure);
    /// Ends the session that offer() began, if there is one. Takes two seconds at most.
    void leave();

private:
    std::optional<HttpReply> follow(HttpCall call, uint64_t timeout_ms, http::Url &at,
                                    Failure &failure);

    const http::Url endpoint_;
    const std::string token_;
    const std::shared_ptr<net::TlsClient> tls_;
    GCancellable *const cancel_;
    std::optional<http::Url> session_; ///< that of DELETE
    net::Reach reach_ = net::Reach::world;
};

/// Says a status other than that of success in words, with the first line of the server's text.
Failure failure_of(const HttpReply &reply, bool has_token);

} // namespace penstock::rtc

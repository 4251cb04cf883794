// SPDX-License-Identifier: LGPL-2.1-or-later
// WHIP and WHEP as HTTP (RFC 9725; draft-ietf-wish-whep): publishers POST an offer to
// "/live/cam/whip", viewers to "/live/cam/whep", and get the answer and their session's URL, to
// which they send PATCH and DELETE. RtcPeers does what they ask for.
#pragma once

#include "core/net/http/server.h"
#include "core/net/rtc/peers.h"

#include <cstddef>
#include <memory>
#include <string>
#include <utility>

namespace penstock::net {

/// Serves the endpoints of an HTTP server until it is destroyed. Requests in progress are still
/// answered then.
///
/// Sessions come from offers in `application/sdp` of at most 64 KiB; RtcPeers gets them with a
/// PeerInfo whose path is that of the endpoint ("live/cam/whip"), which may have a publisher's key
/// in place of a name: it is never logged. The client's bearer token is there, too, as
/// take_bearer_token() says. Whoever knows a session's URL may change and end it.
class RtcEndpoint {
public:
    static constexpr size_t max_body = 64 << 10; ///< bytes of an offer or fragment
    /// Bytes of an offer to join a room, whose slots are up to 27 sections.
    static constexpr size_t max_join_body = 256 << 10;
    /// Offers that are being answered; further ones get a 503.
    static constexpr size_t max_pending = 2000, max_pending_per_host = 64;

    /// On failure returns nullptr and sets `error` to the reason: the server has WHIP or WHEP
    /// already. Holds `peers` weakly; without them every request gets a 503. Keeps the server open.
    static std::unique_ptr<RtcEndpoint> open(const std::shared_ptr<HttpServer> &server,
                                             const std::shared_ptr<RtcPeers> &peers,
                                             std::string *error);

private:
    using Registered = std::unique_ptr<HttpRegistration>;
    RtcEndpoint(Registered whip, Registered whep, Registered join)
        : whip_(std::move(whip)), whep_(std::move(whep)), join_(std::move(join)) {}

    const Registered whip_, whep_, join_;
};

} // namespace penstock::net

// SPDX-License-Identifier: LGPL-2.1-or-later
// The interface between WHIP's and WHEP's requests and the sessions that they make, change and end.
#pragma once

#include "core/net/http/response.h"
#include "core/net/stream/peer.h"
#include "core/sdp/fragment.h"
#include "core/sdp/offer.h"

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace penstock::net {

/// The outcome of an offer.
struct RtcCreated {
    unsigned status = 201;    ///< else one of HTTP's for errors
    std::string text;         ///< 201: the answer; otherwise the reason, for people
    std::string id;           ///< 201: of the session; [A-Za-z0-9_-], and nobody can guess it
    std::string etag;         ///< 201: of the ICE session, with its quotes
    unsigned retry_after = 0; ///< of an error that passes; seconds; 0: not said
};

/// The outcome of a PATCH.
struct RtcPatched {
    unsigned status = 204; ///< 200: ICE was restarted; 404, 412 or another for errors
    std::string text;      ///< 200: the fragment; of errors the reason
    std::string etag;      ///< 200: the new one
};

/// Thread-safe; called on network loops, where it returns at once, and where its last reference may
/// end.
class RtcPeers {
public:
    virtual ~RtcPeers() = default;

    /// A new session for an offer: one that publishes at `peer.path`, or one that plays it
    /// (`peer.publish`). `peer` has no id yet. `done` is called once, on any thread, at once or
    /// within seconds: the HTTP side has no deadline, and OBS waits for eight. Dropped without a
    /// call, it answers with a 503; until then the client counts as one that waits. Returns what
    /// gives the session up if the client leaves before `done` is called, or nullptr; a 201 that
    /// comes nevertheless is undone by remove().
    using Created = std::function<void(RtcCreated)>;
    virtual std::function<void()> create(PeerInfo peer, sdp::Offer offer, Created done) = 0;
    /// Candidates or an ICE restart for session `id` of the endpoint `path`. `if_match`: the ETag
    /// that the request demands, not checked in any way; "*" (without quotes) is any, and demands a
    /// restart. `done` is as in create().
    using Patched = std::function<void(RtcPatched)>;
    virtual void patch(const std::string &path, const std::string &id, const std::string &if_match,
                       sdp::Fragment fragment, Patched done) = 0;
    /// Ends session `id` of the endpoint `path`, which is the path that its peer asked for,
    /// whatever it was renamed to. Both are unchecked network input. False if there is none.
    virtual bool remove(const std::string &path, const std::string &id) = 0;
    /// The values of Link headers that name STUN and TURN servers.
    virtual std::vector<std::string> links() const = 0;
    /// Whether publishers, or viewers, are served at this path at all, or may be.
    virtual bool takes(const std::string &path, bool publish) const = 0;
};

} // namespace penstock::net

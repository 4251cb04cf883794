// SPDX-License-Identifier: LGPL-2.1-or-later
// WebRTC at an HTTP listener: publishers (WHIP, RFC 9725) and viewers (WHEP) ask there, and their
// media goes over one UDP port. No GStreamer, and no Boost in this header.
#pragma once

#include "core/net/loop/address.h"
#include "core/net/rtc/room.h"
#include "core/net/stream/flv_stream.h"
#include "core/net/stream/mount.h"
#include "core/net/stream/path_rules.h"
#include "core/net/tls/files.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace penstock::net {

/// A STUN or TURN server that peers are told of (RFC 9725, section 4.6).
struct IceServer {
    std::string url;                  ///< "turn:turn.example.org:3478?transport=udp", "stun:…"
    std::string username, credential; ///< of TURN; empty: none
    bool operator==(const IceServer &) const = default;
};

struct RtcOptions {
    /// The UDP port of the media; servers of the same port share it.
    Address udp{"", 8189};
    /// IP addresses by which peers reach the port, in the order of preference; empty: those of the
    /// machine's interfaces.
    std::vector<std::string> announce{};
    std::vector<IceServer> ice_servers{};
    bool operator==(const RtcOptions &) const = default;
};

/// Paths have no leading slash, and are those of the endpoints: "live/cam/whip", "live/cam/whep".
class RtcServer {
public:
    virtual ~RtcServer() = default;
    /// Returns the server at this HTTP address, opening it and its listeners if needed; it closes
    /// when its last owner releases it. On failure returns nullptr and sets `error` to the reason
    /// and a remedy: a port is in use, the certificate is unusable, or the address is open with
    /// other options.
    static std::shared_ptr<RtcServer> open(const Address &http, const TlsFiles &tls,
                                           const RtcOptions &options, std::string *error);
    /// The open server at this HTTP address; nullptr if there is none.
    static std::shared_ptr<RtcServer> find(const Address &http);
    static std::vector<std::shared_ptr<RtcServer>> all();

    /// The HTTP address, including the port.
    virtual Address address() const = 0;
    /// That of the media.
    virtual Address udp_address() const = 0;
    virtual const TlsFiles &tls() const = 0;
    /// "https" or "http"
    const char *scheme() const { return tls().empty() ? "http" : "https"; }
    virtual const RtcOptions &options() const = 0;

    /// Takes the publisher of `path`, now or whenever one comes. nullptr if another receiver has
    /// the path. The receiver must outlive the claim.
    virtual std::unique_ptr<PublishClaim> claim(const std::string &path, TagReceiver &receiver,
                                                const ClaimOptions &options,
                                                std::string *error) = 0;
    /// Feeds the viewers of `path`. nullptr if another producer has the path.
    virtual std::unique_ptr<PlayFeed> feed(const std::string &path, const PlayFeedOptions &options,
                                           std::string *error) = 0;
    /// Opens the room at `path`, "room/standup/join", or shares the one that is open, whose options
    /// stay. The receiver must outlive the claim. nullptr: too many rooms are open.
    virtual std::unique_ptr<RoomClaim> room(const std::string &path, RoomReceiver &receiver,
                                            const RoomOptions &options, std::string *error) = 0;
    /// Whether the room at `path` is open, and somebody is in it whose media can be read here: not
    /// encrypted end to end.
    virtual bool is_room_readable(const std::string &path) const = 0;
    /// Whether somebody is in it, or waits for it to open.
    virtual bool is_room_wanted(const std::string &path) const = 0;
    /// The rules and watchers of the HTTP listener, which count for WHIP and WHEP, too.
    virtual PathRules &rules() = 0;
    /// Those of this listener.
    virtual std::vector<MountInfo> mounts() const = 0;
    /// Turns away the publisher that waits on `path` for a receiver, and says why.
    virtual void refuse(const std::string &path, const std::string &reason) = 0;
    /// The same, because the name belongs to a publisher elsewhere.
    virtual void refuse_busy(const std::string &path) = 0;
};

} // namespace penstock::net

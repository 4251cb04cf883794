// SPDX-License-Identifier: LGPL-2.1-or-later
// RTSP listeners of the process and the mounts on them: what outlives a pipeline. No GStreamer,
// and no Boost in this header.
#pragma once

#include "core/net/loop/address.h"
#include "core/net/stream/flv_stream.h"
#include "core/net/stream/mount.h"
#include "core/net/stream/path_rules.h"
#include "core/net/tls/files.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace penstock::net {

/// The limits of peers. All users of an address must request the same.
struct RtspLimits {
    uint64_t request_ms = 10'000;  ///< from connect, or the last answer, to a request to play
    uint64_t claim_ms = 5'000;     ///< from ANNOUNCE to a receiver that takes it
    uint64_t authorize_ms = 5'000; ///< from a question to its answer
    uint64_t media_ms = 10'000;    ///< DESCRIBE waits this long for a stream that begins
    uint64_t answers_ms = 30'000;  ///< a peer that plays nothing and reads no answers is closed
    uint64_t wait_ms = 60'000;     ///< a player waits this long at most for the first media
    uint64_t silence_ms = 75'000;  ///< of a player by UDP: the session's timeout, and some
    size_t connections = 12'000;
    size_t connections_per_host = 10'000;
    size_t silent = 4'000;          ///< connections that have not published or played yet
    size_t silent_per_host = 1'000; ///< of one host
    unsigned questions = 32;        ///< of one connection, about paths: it then is closed
    bool operator==(const RtspLimits &) const = default;
};

/// How a listener is reached. All who share an address have to ask for the same.
struct RtspOptions {
    TlsFiles tls;          ///< empty: no TLS
    bool tls_only = false; ///< peers without TLS are refused (rtsps://)
    bool udp = true;       ///< players and publishers may ask for UDP
    /// The port of RTP by UDP, which is even; that of RTCP is the next one. 0: any two.
    uint16_t udp_port = 0;
    bool operator==(const RtspOptions &) const = default;
};

class RtspServer {
public:
    virtual ~RtspServer() = default;
    /// See HttpServer::open().
    static std::shared_ptr<RtspServer> open(const Address &address, const RtspOptions &options,
                                            std::string *error, const RtspLimits &limits = {});
    /// The open server at this address; nullptr if there is none.
    static std::shared_ptr<RtspServer> find(const Address &address);
    static std::vector<std::shared_ptr<RtspServer>> all();

    virtual Address address() const = 0;
    virtual const RtspOptions &options() const = 0;
    /// Of its URLs: "rtsps" if it takes peers with TLS only, otherwise "rtsp".
    const char *scheme() const { return options().tls_only ? "rtsps" : "rtsp"; }
    /// Takes the publisher of `path`, now or whenever one comes. nullptr if another receiver has
    /// the path. The receiver must outlive the claim.
    virtual std::unique_ptr<PublishClaim> claim(const std::string &path, TagReceiver &receiver,
                                                const ClaimOptions &options,
                                                std::string *error) = 0;
    /// Feeds the players of `path`. nullptr if another producer has the path.
    virtual std::unique_ptr<PlayFeed> feed(const std::string &path, const PlayFeedOptions &options,
                                           std::string *error) = 0;
    /// Players of `path`, which is fed, may receive it by multicast: from this address and port on,
    /// which is even, with two ports for each track. Empty: they may not. False, and `error`, if
    /// the address is none of a group.
    virtual bool set_multicast(const std::string &path, const std::string &address, uint16_t port,
                               uint8_t ttl, std::string *error) = 0;
    /// Watchers, and the rules whose publishers and players are admitted. Pass the server to
    /// PathRules::add(), to keep it open.
    virtual PathRules &rules() = 0;
    virtual std::vector<MountInfo> mounts() const = 0;
    /// Turns away the publisher that waits on `path` for a receiver, and says why.
    virtual void refuse(const std::string &path, const std::string &reason) = 0;
    /// The same, because the name belongs to a publisher elsewhere.
    virtual void refuse_busy(const std::string &path) = 0;
};

} // namespace penstock::net

// SPDX-License-Identifier: LGPL-2.1-or-later
// RTMP listeners of the process and the mounts on them: what outlives a pipeline. No GStreamer,
// and no Boost in this header.
#pragma once

#include "core/net/loop/address.h"
#include "core/net/stream/flv_stream.h"
#include "core/net/stream/mount.h"
#include "core/net/stream/path_rules.h"
#include "core/net/tls/files.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace penstock::net {

/// The limits of peers. All users of an address must request the same.
struct RtmpLimits {
    uint64_t handshake_ms = 10'000; ///< from connect to publish or play
    uint64_t claim_ms = 5'000;      ///< from publish to a receiver that takes it
    uint64_t authorize_ms = 5'000;  ///< from a question to its answer
    uint64_t answers_ms = 30'000;   ///< a peer that plays nothing and reads no answers is closed
    uint64_t farewell_ms = 5'000;   ///< for a publisher that is refused or ended to close by itself
    uint64_t wait_ms = 60'000;      ///< a player waits this long at most for the first media
    size_t waiting_per_host = 128;  ///< players of one host that wait for a first producer
    size_t connections = 12'000;
    size_t connections_per_host = 10'000;
    size_t silent = 4'000;          ///< connections that have not published or played yet
    size_t silent_per_host = 1'000; ///< of one host
    unsigned requests = 16;         ///< of one connection, to publish or play: it then is closed
    bool operator==(const RtmpLimits &) const = default;
};

/// Whether a listener speaks TLS. All who share an address have to ask for the same.
struct RtmpTls {
    TlsFiles files;    ///< empty: it does not
    bool only = false; ///< peers without TLS are refused (rtmps://); false: they are taken as well
    bool operator==(const RtmpTls &) const = default;
};

class RtmpServer {
public:
    virtual ~RtmpServer() = default;
    /// See HttpServer::open().
    static std::shared_ptr<RtmpServer> open(const Address &address, const RtmpTls &tls,
                                            std::string *error, const RtmpLimits &limits = {});
    static std::shared_ptr<RtmpServer> open(const Address &address, std::string *error,
                                            const RtmpLimits &limits = {}) {
        return open(address, {}, error, limits);
    }
    /// The open server at this address, with or without TLS; nullptr if there is none.
    static std::shared_ptr<RtmpServer> find(const Address &address);
    static std::vector<std::shared_ptr<RtmpServer>> all();

    virtual Address address() const = 0;
    virtual const RtmpTls &tls() const = 0;
    /// Of its URLs: "rtmps" if it takes peers with TLS only, otherwise "rtmp".
    const char *scheme() const { return tls().only ? "rtmps" : "rtmp"; }
    /// Takes the publisher of `path`, now or whenever one comes. nullptr if another receiver has
    /// the path. The receiver must outlive the claim.
    virtual std::unique_ptr<PublishClaim> claim(const std::string &path, TagReceiver &receiver,
                                                const ClaimOptions &options,
                                                std::string *error) = 0;
    /// Feeds the players of `path`. nullptr if another producer has the path.
    virtual std::unique_ptr<PlayFeed> feed(const std::string &path, const PlayFeedOptions &options,
                                           std::string *error) = 0;
    /// Watchers, and the rules whose publishers and players are admitted: players of a leased path
    /// wait instead of being refused. Pass the server to PathRules::add(), to keep it open.
    virtual PathRules &rules() = 0;
    virtual std::vector<MountInfo> mounts() const = 0;
    /// Asks the publisher of `path`, or its players, to connect again: those that announced that
    /// they can (Enhanced RTMP v2) leave by themselves, others are told nothing. `url`: where to,
    /// rtmp:// or rtmps:// with the application and without the name, or relative to where they
    /// are; empty: the same. Returns at once.
    virtual void ask_to_reconnect(const std::string &path, bool publisher, const std::string &url,
                                  const std::string &description) = 0;
    /// Turns away the publisher that waits on `path` for a receiver, and says why.
    virtual void refuse(const std::string &path, const std::string &reason) = 0;
    /// The same, because the name belongs to a publisher elsewhere.
    virtual void refuse_busy(const std::string &path) = 0;
};

} // namespace penstock::net

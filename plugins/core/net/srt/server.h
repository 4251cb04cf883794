// SPDX-License-Identifier: LGPL-2.1-or-later
// SRT listeners of the process and the mounts on them: any number of callers at one UDP port, which
// their stream ids tell apart. No GStreamer, and neither Boost nor libsrt in this header.
#pragma once

#include "core/net/loop/address.h"
#include "core/net/srt/network.h"
#include "core/net/srt/traits.h"
#include "core/net/stream/flv_stream.h"
#include "core/net/stream/mount.h"
#include "core/net/stream/path_rules.h"

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::net {

/// The limits of peers. All users of an address must request the same.
struct SrtLimits {
    uint64_t claim_ms = 5'000;     ///< from publish to a receiver that takes it
    uint64_t authorize_ms = 5'000; ///< from a question to its answer
    uint64_t demand_ms = 10'000;   ///< from a request to the stream that is made for it
    uint64_t wait_ms = 60'000;     ///< a viewer waits this long at most for the first media
    size_t waiting_per_host = 128; ///< viewers of one host that wait for a first producer
    size_t connections = 4'000;
    size_t connections_per_host = 2'000;
    unsigned handshakes = 256; ///< that are complete and not taken over yet
    bool operator==(const SrtLimits &) const = default;
};

/// The receiver of a publisher's stream: the work of a server source.
class TsReceiver : public PublishReceiver {
public:
    /// Whole packets of 188 bytes. Returns false if the receiver's queue is full: reading from the
    /// peer then pauses until SrtClaim::resume().
    virtual bool on_packets(Bytes &&packets) = 0;
};

/// Detaches when destroyed; waits until no call to the receiver is running.
class SrtClaim {
public:
    virtual ~SrtClaim() = default;
    /// There is room again after on_packets() returned false.
    virtual void resume() = 0;
    virtual uint64_t bytes_in() const = 0;  ///< received from publishers so far
    virtual SrtNetwork network() const = 0; ///< of the publishers; any thread
};

/// The producer's side of a stream (for a server sink). When it is destroyed, viewers stay on the
/// mount for the grace period.
class SrtFeed {
public:
    virtual ~SrtFeed() = default;
    /// Neither blocks. A stream is of tags, in order, configuration included, or of bytes of an
    /// MPEG transport stream, cut anywhere.
    virtual void push(const flv::Tag &tag) = 0;
    virtual void push(ByteView bytes) = 0;
    /// The timestamps that follow have nothing to do with those before.
    virtual void discontinuity() = 0;
    /// See mpegts::FlvMuxer::take_complaint().
    virtual std::string take_complaint() = 0;
    /// Whether any of it could be served.
    virtual bool has_begun() const = 0;
    // Any thread.
    virtual ViewerTotals stats() const = 0;
    virtual SrtNetwork network() const = 0; ///< of the viewers
};

/// The traits of publishers, or viewers, of paths that nobody has claimed, or feeds, yet: those
/// that a rule will give them.
struct SrtExpected {
    bool publish = false;
    SrtTraits traits;
    /// Called on libsrt's thread: must be fast and thread-safe. Empty: every path.
    std::function<bool(std::string_view path)> matches{};
};

class SrtServer {
public:
    virtual ~SrtServer() = default;
    /// See HttpServer::open().
    static std::shared_ptr<SrtServer> open(const Address &address, std::string *error,
                                           const SrtLimits &limits = {});
    /// The open server at this address; nullptr if there is none.
    static std::shared_ptr<SrtServer> find(const Address &address);
    static std::vector<std::shared_ptr<SrtServer>> all();

    virtual Address address() const = 0;
    const char *scheme() const { return "srt"; }
    /// Takes the publisher of `path`, now or whenever one comes. nullptr if another receiver has
    /// the path. The receiver must outlive the claim.
    virtual std::unique_ptr<SrtClaim> claim(const std::string &path, TsReceiver &receiver,
                                            const ClaimOptions &options, const SrtTraits &traits,
                                            std::string *error) = 0;
    /// Feeds the viewers of `path`. nullptr if another producer has the path.
    virtual std::unique_ptr<SrtFeed> feed(const std::string &path, const PlayFeedOptions &options,
                                          const SrtTraits &traits, std::string *error) = 0;
    /// Watchers, and the rules whose publishers and viewers are admitted: viewers of a leased path
    /// wait instead of being refused. Pass the server to PathRules::add(), to keep it open.
    virtual PathRules &rules() = 0;
    /// Until the handle is destroyed; of several for a path the oldest counts.
    virtual std::shared_ptr<void> expect(SrtExpected expected) = 0;
    virtual std::vector<MountInfo> mounts() const = 0;
    /// Turns away the publisher that waits on `path` for a receiver, and says why.
    virtual void refuse(const std::string &path, const std::string &reason) = 0;
    /// The same, because the name belongs to a publisher elsewhere.
    virtual void refuse_busy(const std::string &path) = 0;
};

} // namespace penstock::net

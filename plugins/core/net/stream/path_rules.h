// SPDX-License-Identifier: LGPL-2.1-or-later
// The `publish` and `play` rules of one listener and the watchers of its peers: which paths may be
// published or asked for, and who has to be told. The same for every protocol.
#pragma once

#include "core/net/stream/peer.h"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::net {

/// A publisher that asks for a path, before anything is decided.
struct PublishAttempt {
    std::string path; ///< "live/cam", safe segments only
    std::string peer; ///< "rtmp-publish-3 127.0.0.1:53412"
};

/// A `publish` rule's right to a pattern of paths.
struct LeaseOptions {
    /// Decides by path alone, on a network loop: must be quick and thread-safe.
    std::function<bool(std::string_view path)> matches;
    /// A publisher waits on a matching path that no receiver holds. Called on a network loop;
    /// must return at once. The publisher is refused if no receiver claims it in time.
    std::function<void(const PublishAttempt &)> on_publish;
    std::string publish_key; ///< not empty: required as `?key=…`; compared in constant time
};

/// Tells whether a viewer may go on to what is mounted by then; if not, why. To be called once,
/// from any thread.
using DemandAnswer = std::function<void(bool go_on, const std::string &reason)>;

/// A `play` rule's pattern of paths, whose streams are made when somebody asks for them. All three
/// functions are called on a network loop and must return at once. A path has no leading slash.
struct DemandOptions {
    std::function<bool(std::string_view path)> matches;
    /// True if the stream is there, so that nobody needs to be asked.
    std::function<bool(const std::string &path)> is_ready;
    /// A viewer wants a matching path that is not ready, and waits for the answer.
    std::function<void(const std::string &path, DemandAnswer answer)> on_demand;
};

/// A rule's entry; the rule ends when this is destroyed.
class PathLease {
public:
    virtual ~PathLease() = default;
};

/// Thread-safe. Each question costs one pass over the rules of the listener, of which a
/// description has a handful.
class PathRules : public std::enable_shared_from_this<PathRules> {
public:
    /// `keeps` is held by the lease: a rule keeps its listener open.
    std::unique_ptr<PathLease> add(LeaseOptions options, std::shared_ptr<void> keeps);
    std::unique_ptr<PathLease> add(DemandOptions options, std::shared_ptr<void> keeps);
    /// The oldest rule that matches; nullptr if none does.
    std::shared_ptr<const LeaseOptions> lease_for(std::string_view path) const;
    std::shared_ptr<const DemandOptions> demand_for(std::string_view path) const;
    /// True if some publishers need a key.
    bool needs_key() const;

    /// The watcher is asked about every peer of this listener from here on. Held weakly.
    void add_watch(const std::shared_ptr<PeerWatch> &watch);
    std::vector<std::shared_ptr<PeerWatch>> watches() const;

private:
    class Lease;
    template <class Options>
    using Rules = std::map<uint64_t, std::shared_ptr<const Options>>; ///< by age

    mutable std::mutex mutex_;
    Rules<LeaseOptions> leases_;
    Rules<DemandOptions> demands_;
    std::vector<std::weak_ptr<PeerWatch>> watches_;
    uint64_t next_ = 1;
};

} // namespace penstock::net

// SPDX-License-Identifier: LGPL-2.1-or-later
// The `publish` and `play` rules of a listener and the watchers of its peers, independent of the
// protocol.
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

/// A publisher's request for a path, before it is decided.
struct PublishAttempt {
    std::string path; ///< "live/cam", safe segments only
    std::string peer; ///< "rtmp-publish-3 127.0.0.1:53412"
};

/// A `publish` rule's right to a path pattern.
struct LeaseOptions {
    /// Decides by the path alone. Called on a network loop: must be fast and thread-safe.
    std::function<bool(std::string_view path)> matches;
    /// Called on a network loop when a publisher waits on a matching path that has no receiver;
    /// must return at once. The publisher is refused if no receiver claims it in time.
    std::function<void(const PublishAttempt &)> on_publish;
    std::string publish_key; ///< if not empty, required as `?key=…`; compared in constant time
    std::string example{};   ///< a path that matches, for people: "live/NAME"
};

/// Resumes a waiting viewer: it either joins the mount that exists by then, or is refused with the
/// reason. Must be called once; any thread may call it.
using DemandAnswer = std::function<void(bool go_on, const std::string &reason)>;

/// A `play` rule's path pattern, whose streams are started on request. All three functions are
/// called on a network loop and must return at once. Paths have no leading slash.
struct DemandOptions {
    std::function<bool(std::string_view path)> matches;
    /// Whether the stream already exists, so that `on_demand` need not be called.
    std::function<bool(const std::string &path)> is_ready;
    /// Called when a viewer requests a matching path that is not ready. The viewer waits for the
    /// answer.
    std::function<void(const std::string &path, DemandAnswer answer)> on_demand;
    std::string example{}; ///< a path that matches, for people: "live/NAME_480p"
};

/// A registered rule. Destroying it removes the rule.
class PathLease {
public:
    virtual ~PathLease() = default;
};

/// Thread-safe. Each look-up is a pass over the listener's rules, of which descriptions have few.
class PathRules : public std::enable_shared_from_this<PathRules> {
public:
    /// The lease holds `keeps`: a rule keeps its listener open.
    std::unique_ptr<PathLease> add(LeaseOptions options, std::shared_ptr<void> keeps);
    std::unique_ptr<PathLease> add(DemandOptions options, std::shared_ptr<void> keeps);
    /// The oldest matching rule; nullptr if none matches.
    std::shared_ptr<const LeaseOptions> lease_for(std::string_view path) const;
    std::shared_ptr<const DemandOptions> demand_for(std::string_view path) const;
    /// Paths for people, one for each rule: what may be published; and what may be played, those
    /// included.
    std::vector<std::string> publish_examples() const;
    std::vector<std::string> play_examples() const;
    /// Whether some publishers need a key.
    bool needs_key() const;

    /// Consults the watcher about every peer of this listener from now on. Held weakly.
    void add_watch(const std::shared_ptr<PeerWatch> &watch);
    std::vector<std::shared_ptr<PeerWatch>> watches() const;

private:
    class Lease;
    template <class Options>
    using Rules = std::map<uint64_t, std::shared_ptr<const Options>>; ///< in order of age

    mutable std::mutex mutex_;
    Rules<LeaseOptions> leases_;
    Rules<DemandOptions> demands_;
    std::vector<std::weak_ptr<PeerWatch>> watches_;
    uint64_t next_ = 1;
};

} // namespace penstock::net

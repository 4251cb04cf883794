// SPDX-License-Identifier: LGPL-2.1-or-later
// A path on a listener, independent of the protocol. It outlives the pipelines that feed it or
// receive from it. This header needs no Boost.
#pragma once

#include "core/net/loop/address.h"
#include "core/net/stream/peer.h"

#include <atomic>
#include <chrono>
#include <compare>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

namespace penstock::net {

/// Identifies a mount.
struct MountKey {
    std::string protocol; ///< "rtmp", "http" (WebSocket included), "hls", …
    Address address;      ///< of its listener, including the port
    std::string path;     ///< without a leading slash: "live/cam", "live/cam.flv"
    auto operator<=>(const MountKey &) const = default;
    bool operator==(const MountKey &) const = default;
};

/// A change of a mount.
enum class MountEvent {
    published,   ///< a receiver claimed a publisher
    unpublished, ///< that publisher has left
    live,        ///< viewers receive media from now on
    gone,        ///< its producer has ended; viewers may wait for the next
    viewer_came,
    viewer_went,
};

/// The media of a mount, as far as known.
struct MediaInfo {
    std::string content_type; ///< empty: unknown
    std::string codecs;       ///< RFC 6381; empty if unknown
    uint64_t segments = 0;
    uint64_t bitrate = 0; ///< bit/s of the last segment
    unsigned width = 0, height = 0;
    bool has_video = false, has_audio = false;
};

/// A snapshot of a mount.
struct MountInfo : MountKey {
    std::string publisher;    ///< "rtmp-publish-3 127.0.0.1:53412"; empty: none
    std::string standby;      ///< a second publisher, which is not on air; empty: none
    int64_t vacant_since = 0; ///< its receiver has no publisher since; ms since 1970; 0: unknown
    bool publishing = false;  ///< a publisher is connected
    bool pending = false;     ///< the publisher waits for a receiver
    bool claimed = false;     ///< a receiver has claimed, or waits for, a publisher
    bool live = false;        ///< a producer feeds viewers
    int64_t since = 0;        ///< start of that; ms since 1970; 0: not live, or unknown
    int64_t last_media = 0;   ///< when media last came; ms since 1970; 0: never
    unsigned viewers = 0;
    uint64_t bytes_in = 0, bytes_out = 0;
    MediaInfo media;
};

/// The watcher that decides about the viewers of a path. Each producer with its own watcher begins
/// a new epoch, in which remaining viewers are authorized again.
struct Authority {
    uint64_t epoch = 0; ///< 0: no watcher
    std::shared_ptr<PeerWatch> watch;
};
/// Starts a new epoch; without a watcher, epoch 0.
Authority make_authority(std::shared_ptr<PeerWatch> watch);

/// Thread-safe. A mount is kept alive by its connections, producers and receivers; Mounts only
/// finds it.
class Mount : public std::enable_shared_from_this<Mount> {
public:
    explicit Mount(MountKey key);
    virtual ~Mount();
    Mount(const Mount &) = delete;
    Mount &operator=(const Mount &) = delete;

    const MountKey &key() const { return key_; }
    const std::string &path() const { return key_.path; }

    virtual MountInfo info() const = 0;
    virtual unsigned viewers() const = 0;
    /// False if it is held but has neither publisher, producer nor viewer.
    virtual bool in_use() const = 0;
    /// Closes all viewers asynchronously: their stream has ended for good, or they are no longer
    /// admitted.
    virtual void close_viewers(const std::string &reason) = 0;
    /// The stream has ended for good: viewers get what is left of it and are told; those that have
    /// not left after `linger` are closed. Returns how long the mount still has to answer at its
    /// path: zero where viewers hold it themselves. Only posts to loops: a lock may be held.
    virtual std::chrono::nanoseconds end_viewers(std::chrono::nanoseconds linger,
                                                 const std::string &reason);
    /// True if the next producer would find anything to go on with.
    virtual bool has_audience() const { return viewers() > 0; }
    /// Nothing is served from now on.
    virtual void give_up() {}

    /// Media has come from the producer. Any thread.
    void note_media();
    /// Milliseconds since media last came; 0 if none ever did.
    virtual uint64_t silent_ms() const;
    /// steady_ms() of the last media; 0: none ever came.
    uint64_t media_at_ms() const { return media_at_ms_.load(std::memory_order_relaxed); }
    /// The same as milliseconds since 1970.
    int64_t last_media() const;

    /// Sets the producer's watcher, which decides about viewers.
    void set_authority(std::shared_ptr<PeerWatch> watch);
    Authority authority() const;
    uint64_t epoch() const { return epoch_.load(std::memory_order_acquire); }

    /// Notifies the subscribers of Mounts.
    void tell(MountEvent event) const;

private:
    const MountKey key_;
    std::atomic<uint64_t> epoch_{0};
    std::atomic<uint64_t> media_at_ms_{0};
    mutable std::mutex authority_mutex_; ///< guards authority_
    Authority authority_;
};

} // namespace penstock::net

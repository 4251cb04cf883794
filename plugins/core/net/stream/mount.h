// SPDX-License-Identifier: LGPL-2.1-or-later
// A path on a listener, whatever protocol serves it: what outlives the pipelines that feed it and
// take from it. No Boost in this header.
#pragma once

#include "core/net/loop/address.h"
#include "core/net/stream/peer.h"

#include <atomic>
#include <compare>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

namespace penstock::net {

/// What makes a mount the one it is.
struct MountKey {
    std::string protocol; ///< "rtmp", "http" (WebSocket included), "hls", …
    Address address;      ///< of its listener, the port filled in
    std::string path;     ///< without a leading slash: "live/cam", "live/cam.flv"
    auto operator<=>(const MountKey &) const = default;
    bool operator==(const MountKey &) const = default;
};

/// What happens to a mount.
enum class MountEvent {
    published,   ///< a receiver takes a publisher's stream
    unpublished, ///< that publisher has gone
    live,        ///< viewers get media from here on
    gone,        ///< its producer has ended; viewers may wait for another
    viewer_came,
    viewer_went,
};

/// The media of a mount, where it knows them.
struct MediaInfo {
    std::string content_type; ///< empty before anything was served
    std::string codecs;       ///< RFC 6381; empty if unknown
    uint64_t segments = 0;
    uint64_t bitrate = 0; ///< bit/s, of the last segment
    unsigned width = 0, height = 0;
    bool has_video = false, has_audio = false;
};

/// A mount at one moment.
struct MountInfo : MountKey {
    std::string publisher;   ///< "rtmp-publish-3 127.0.0.1:53412"; empty if none
    bool publishing = false; ///< a publisher is connected
    bool pending = false;    ///< it waits for a receiver
    bool claimed = false;    ///< a receiver takes, or waits for, a publisher
    bool live = false;       ///< a producer feeds viewers
    int64_t since = 0;       ///< when that began; ms since 1970, 0 if not live or unknown
    unsigned viewers = 0;
    uint64_t bytes_in = 0, bytes_out = 0;
    MediaInfo media;
};

/// Who decides about the viewers of a path, and since when. Each producer that brings a watcher of
/// its own begins a new epoch, in which viewers that stayed are asked about again.
struct Authority {
    uint64_t epoch = 0; ///< 0: nobody decides
    std::shared_ptr<PeerWatch> watch;
};
/// A new epoch; epoch 0 without a watcher.
Authority make_authority(std::shared_ptr<PeerWatch> watch);

/// Any thread. Mounts are held by their connections, producers and receivers, and found through
/// Mounts as long as somebody holds them.
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
    /// False for one that is only held, and has neither publisher, producer nor viewer.
    virtual bool in_use() const = 0;
    /// Closes all viewers, soon: their stream has ended for good, or they may not stay.
    virtual void close_viewers(const std::string &reason) = 0;

    /// Of viewers: the producer's watcher.
    void set_authority(std::shared_ptr<PeerWatch> watch);
    Authority authority() const;
    uint64_t epoch() const { return epoch_.load(std::memory_order_acquire); }

    /// Tells the subscribers of Mounts.
    void tell(MountEvent event) const;

private:
    const MountKey key_;
    std::atomic<uint64_t> epoch_{0};
    mutable std::mutex authority_mutex_; ///< guards authority_
    Authority authority_;
};

} // namespace penstock::net

// SPDX-License-Identifier: LGPL-2.1-or-later
// One path that HTTP viewers watch: the ring of its packets, the start of its answers, and the
// admission of viewers.
#pragma once

#include "core/fanout/flv_feed.h"
#include "core/net/http/live/mount.h"
#include "core/net/stream/live_mount.h"

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

namespace penstock::net {

class HttpStream final : public LiveMount {
public:
    HttpStream(MountKey key, std::shared_ptr<Loops> loops);

    // --- the feed's; one producer at a time -------------------------------------------------
    void attach(const HttpMountOptions &options);
    void detach();
    void begin(const HttpFormat &format);
    void push(const flv::Tag &tag);
    void push(Bytes bytes, bool joinable, bool awaited);
    void set_headers(std::vector<Bytes> headers);
    void set_title(const std::string &title);
    void discontinuity();

    // --- the viewers'; any thread -----------------------------------------------------------
    /// By the path's extension before the first feed has begun.
    HttpFormat format() const;
    bool has_feed() const { return has_feed_; }
    bool live() const { return live_; }
    uint64_t wait_ms() const { return wait_ms_; }
    /// The first packet of every viewer's answer, sent once even if producers change. nullopt
    /// while it is not known yet; nullptr if there is none.
    std::optional<fanout::PacketPtr> prologue() const;
    /// Grows with each title.
    unsigned title_version() const { return title_version_; }
    std::string title() const;
    /// A name to show in players: the path's last segment, without its extension.
    std::string name() const;
    MountInfo info() const override;
    bool in_use() const override { return true; } // its registry drops it when it is not

private:
    void set_prologue(fanout::PacketPtr prologue);

    std::atomic<bool> has_feed_{false}, live_{false};
    std::atomic<bool> carries_audio_{false}, carries_video_{false}; ///< so far; FLV only
    std::atomic<int64_t> since_{0}; ///< ms since 1970; 0 while it is not live
    std::atomic<unsigned> title_version_{0};
    std::atomic<uint64_t> wait_ms_{0};
    // The producer's thread alone:
    gop::Limits limits_;
    std::unique_ptr<fanout::FlvFeed> flv_;
    bool has_audio_ = false, has_video_ = false, prologue_written_ = false;

    mutable std::mutex mutex_; ///< what follows
    std::optional<HttpFormat> format_;
    std::optional<fanout::PacketPtr> prologue_;
    std::string title_;
};

} // namespace penstock::net

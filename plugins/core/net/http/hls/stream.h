// SPDX-License-Identifier: LGPL-2.1-or-later
// One HLS stream under its URL: answers requests for its playlist and segments, lets those wait
// that come before the first segment, and knows who watches.
#pragma once

#include "core/net/http/hls/mount.h"
#include "core/net/http/hls/sessions.h"
#include "core/net/stream/mount.h"

#include <boost/asio/steady_timer.hpp>

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::net {

/// Any thread. Its timer and its viewers' admissions live on one loop. No reply is given under a
/// lock.
class HlsMount final : public Mount {
public:
    HlsMount(MountKey key, const HlsMountOptions &options, std::shared_ptr<PathRules> rules,
             std::shared_ptr<Loops> loops);

    hls::Stream &stream() { return stream_; }

    // --- the producer's -----------------------------------------------------------------------
    void attach(const HlsMountOptions &options);
    void publish(const hls::Segment &segment);
    void detach();

    // --- requests -----------------------------------------------------------------------------
    void request_playlist(const HttpRequest &request, HttpReply reply);
    /// `name` is the path's last segment.
    void request_segment(const HttpRequest &request, std::string name, HttpReply reply);

    /// Nobody is served any more: whoever waits is told.
    void end();

    HlsFeed::Stats stats() const;
    MountInfo info() const override;
    unsigned viewers() const override;
    bool in_use() const override { return true; } // the registry drops it when it is not
    void close_viewers(const std::string &reason) override { sessions_->end_all(reason); }

private:
    struct Waiting {
        HttpReply reply;
        std::string token;
        uint64_t deadline_ms;
    };
    std::shared_ptr<HlsMount> self();
    void give_playlist(HttpReply reply, const std::string &token);
    HttpResponse playlist_response(const std::string &token) const;
    void answer(const HttpReply &reply, HttpResponse response);
    uint64_t lifetime_ms() const;
    void arm();
    void tick();

    const std::shared_ptr<Loops> loops_;
    hls::Stream stream_;
    const uint64_t wait_ms_;
    const std::shared_ptr<HlsSessions> sessions_;
    std::atomic<uint64_t> bytes_out_{0};
    boost::asio::steady_timer timer_; ///< touched on its loop alone
    std::atomic<bool> armed_{false};
    mutable std::mutex mutex_; ///< guards what follows
    std::vector<Waiting> waiting_;
    int64_t since_ = 0;
    bool gone_ = false;
};

} // namespace penstock::net

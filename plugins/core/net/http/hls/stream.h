// SPDX-License-Identifier: LGPL-2.1-or-later
// An HLS stream at its URL: serves its playlist and segments, delays requests that precede the
// first segment, and tracks viewers.
#pragma once

#include "core/net/http/hls/mount.h"
#include "core/net/http/hls/sessions.h"
#include "core/net/loop/clock.h"
#include "core/net/stream/mount.h"

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::net {

/// Thread-safe. Its timer and the admissions of its viewers run on one loop. Replies are not called
/// with a lock held.
class HlsMount final : public Mount {
public:
    HlsMount(MountKey key, const HlsMountOptions &options, std::shared_ptr<PathRules> rules,
             std::shared_ptr<Loops> loops);

    hls::Stream &stream() { return stream_; }

    // --- the producer's -----------------------------------------------------------------------
    /// Whether a producer with these options can continue the stream: a playlist can't change from
    /// one container to another.
    bool suits(const HlsMountOptions &options) const {
        return options.container.extension == stream_.container().extension;
    }
    void attach(const HlsMountOptions &options);
    void publish(const hls::Segment &segment);
    void detach();

    // --- requests -----------------------------------------------------------------------------
    void request_playlist(const HttpRequest &request, HttpReply reply);
    /// `name` is the last segment of the path.
    void request_segment(const HttpRequest &request, std::string name, HttpReply reply);

    /// Ends the playlist (EXT-X-ENDLIST), which is served for `linger`.
    std::chrono::nanoseconds end_viewers(std::chrono::nanoseconds linger,
                                         const std::string &reason) override;
    /// Answers waiting requests with an error and serves nothing from now on.
    void give_up() override;
    bool has_audience() const override { return stream_.info().segments > 0; }

    HlsFeed::Stats stats() const;
    MountInfo info() const override;
    unsigned viewers() const override;
    bool in_use() const override { return true; } // the registry removes it when it is unused
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
    Timer timer_; ///< used on its loop only
    std::atomic<bool> armed_{false};
    mutable std::mutex mutex_; ///< guards the following
    std::vector<Waiting> waiting_;
    int64_t since_ = 0;
    bool gone_ = false;
};

} // namespace penstock::net

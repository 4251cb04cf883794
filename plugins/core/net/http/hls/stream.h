// SPDX-License-Identifier: LGPL-2.1-or-later
// An HLS stream at its URL: serves its playlist, segments and parts, holds requests for what is to
// come (blocking reload and preload hints: draft-pantos-hls-rfc8216bis, 6.2.5.2 and 6.2.6), fills
// gaps, and tracks viewers.
#pragma once

#include "core/net/http/hls/mount.h"
#include "core/net/http/hls/sessions.h"
#include "core/net/http/hls/waiters.h"
#include "core/net/loop/clock.h"
#include "core/net/stream/mount.h"

#include <array>
#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::net {

/// Thread-safe. Its timer and the admissions of its viewers run on one loop. Requests that waited
/// are answered on the loops of their connections, which are woken once each. Replies are not
/// called with a lock held.
class HlsMount final : public Mount {
public:
    HlsMount(MountKey key, const HlsMountOptions &options, std::shared_ptr<PathRules> rules,
             std::shared_ptr<Loops> loops);

    hls::Stream &stream() { return stream_; }

    // --- the producer's -----------------------------------------------------------------------
    /// Whether a producer with these options can continue the stream: a playlist can't change from
    /// one container to another, or begin to have parts.
    bool suits(const HlsMountOptions &options) const {
        return options.container.extension == stream_.container().extension &&
               options.has_parts == has_parts_;
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
    using Wish = HlsWaiters::Wish;
    using Waiter = HlsWaiters::Waiter;
    /// What an answer needs of its request, which is gone when it is given.
    struct Asked {
        Waiter waiter;
        std::string peer;
        playlist::Directives directives;
        std::function<void(std::function<void()>)> on_leave;
        std::string range, if_range, method;
    };
    struct Packed {
        Bytes of, gzipped;
    };
    std::shared_ptr<HlsMount> self();
    Asked asked(const HttpRequest &request, HttpReply reply) const;
    void give_playlist(Asked asked);
    void give_segment(Asked asked, const std::string &name);
    void hold(Asked asked, const Wish &wish);
    void wake();
    bool has_come(const Wish &wish) const;
    HttpResponse response_to(const Waiter &waiter) const;
    HttpResponse playlist_response(const Waiter &waiter) const;
    HttpResponse segment_response(const std::string &name, const Waiter &waiter) const;
    Bytes gzipped(bool delta, const Bytes &text) const;
    void answer_each(std::vector<Waiter> waiters,
                     HttpResponse (HlsMount::*response)(const Waiter &) const);
    HttpResponse too_late(const Waiter &waiter) const;
    void answer(const HttpReply &reply, HttpResponse response);
    uint64_t target_ms() const { return uint64_t(stream_.target_duration()) / 1'000'000; }
    uint64_t lifetime_ms() const { return 3 * target_ms(); }
    void fill_gap(uint64_t now_ms);
    void arm();
    void tick();

    const std::shared_ptr<Loops> loops_;
    const bool has_parts_;
    hls::Stream stream_;
    const uint64_t wait_ms_;
    const std::shared_ptr<HlsSessions> sessions_;
    HlsWaiters waiters_;
    std::atomic<uint64_t> bytes_out_{0};
    Timer timer_; ///< used on its loop only
    std::atomic<bool> armed_{false};
    std::atomic<bool> gone_{false};
    std::mutex publish_mutex_; ///< held while a piece or a gap is appended; guards the following
    /// steady_ms() of the last piece and of the last segment, or gap; 0: none.
    uint64_t piece_ms_ = 0, segment_ms_ = 0;
    mutable std::mutex gzip_mutex_;        ///< guards the following, and is held during the work
    mutable std::array<Packed, 2> packed_; ///< the playlist whole, and as a delta update
    mutable std::mutex mutex_;             ///< guards the following
    int64_t since_ = 0;
};

} // namespace penstock::net

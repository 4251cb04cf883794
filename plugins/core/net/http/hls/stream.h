// SPDX-License-Identifier: LGPL-2.1-or-later
// An HLS stream at its URL: serves its playlists, segments and parts, holds requests for what is to
// come (blocking reload and preload hints: draft-pantos-hls-rfc8216bis, 6.2.5.2 and 6.2.6), fills
// gaps, and tracks viewers.
#pragma once

#include "core/hls/multivariant.h"
#include "core/net/http/hls/manifest.h"
#include "core/net/http/hls/mount.h"
#include "core/net/http/hls/playlist.h"
#include "core/net/http/hls/sessions.h"
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

/// With one rendition the playlist at its path is a media playlist. With several it is a
/// multivariant playlist, and its folder has one for each: "live/cam/index/video_0/index.m3u8" with
/// segments beside it. Viewers have one session for all of them.
///
/// Thread-safe. Its timer and the admissions of its viewers run on one loop. Requests that waited
/// are answered on the loops of their connections, which are woken once each. Replies are not
/// called with a lock held.
class HlsMount final : public Mount {
public:
    HlsMount(MountKey key, const HlsMountOptions &options, std::shared_ptr<PathRules> rules,
             std::shared_ptr<Loops> loops);

    // --- the producer's -----------------------------------------------------------------------
    /// Whether a producer with these options can continue the stream: a playlist can't change from
    /// one container to another, begin to have parts, or become a multivariant one.
    bool suits(const HlsMountOptions &options) const {
        return options.container.extension == container_.extension &&
               options.has_parts == has_parts_ && options.has_renditions == has_renditions_;
    }
    void attach(const HlsMountOptions &options);
    /// The producer's renditions, by Segment::rendition. Those of an earlier producer that are not
    /// among them end. Call before publish(), whose calls are serialized with these.
    void set_renditions(const std::vector<hls::Presentation::Expected> &renditions);
    void publish(hls::Segment segment);
    /// Marks the next segments with a discontinuity.
    void interrupt();
    /// The part target of a rendition's playlist in ns; 0: there is none yet.
    int64_t part_target(const std::string &rendition) const;
    void detach();

    // --- requests -----------------------------------------------------------------------------
    void request_playlist(const HttpRequest &request, HttpReply reply);
    /// Whether there is an MPD: the segments are CMAF.
    bool has_manifest() const { return dash_ != nullptr; }
    void request_manifest(const HttpRequest &request, HttpReply reply);
    /// `name` is the path below the folder of segments.
    void request_segment(const HttpRequest &request, std::string name, HttpReply reply);

    /// Ends the playlist (EXT-X-ENDLIST), which is served for `linger`.
    std::chrono::nanoseconds end_viewers(std::chrono::nanoseconds linger,
                                         const std::string &reason) override;
    /// Answers waiting requests with an error and serves nothing from now on.
    void give_up() override;
    bool has_audience() const override;

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
        std::string query; ///< the viewer's own parameters; with renditions only
    };
    using Playlists = std::vector<std::shared_ptr<HlsPlaylist>>;
    using Respond = std::function<HttpResponse(const Waiter &)>;
    std::shared_ptr<HlsMount> self();
    hls::Stream::Options stream_options() const;
    Playlists playlists() const;
    std::shared_ptr<HlsPlaylist> find(std::string_view rendition) const;
    hls::Stream::Info main_info() const;

    Asked asked(const HttpRequest &request, HttpReply reply) const;
    bool read_directives(const HttpRequest &request, Asked &asked);
    void request_media_playlist(const HttpRequest &request, std::shared_ptr<HlsPlaylist> playlist,
                                Asked asked);
    void request_multivariant(const HttpRequest &request, Asked asked);
    void give_multivariant(Asked asked);
    void give_playlist(const std::shared_ptr<HlsPlaylist> &playlist, Asked asked);
    void give_segment(const std::shared_ptr<HlsPlaylist> &playlist, Asked asked,
                      const std::string &name);
    void hold(const std::shared_ptr<HlsPlaylist> &playlist, Asked asked, const Wish &wish);
    void give_first(HlsWaiters HlsMount::*where, Asked asked);
    bool has_first(HlsWaiters HlsMount::*where) const;
    HttpResponse first_response(HlsWaiters HlsMount::*where, const Waiter &waiter) const;
    bool enter(HlsWaiters &waiters, Asked &asked, const Wish &wish, uint64_t &id);
    void wake(const std::shared_ptr<HlsPlaylist> &playlist);
    void wake_first();
    bool has_come(const HlsPlaylist &playlist, const Wish &wish) const;
    std::string multivariant() const;
    std::string reports_for(const HlsPlaylist &playlist) const;
    HttpResponse response_to(HlsPlaylist &playlist, const Waiter &waiter);
    HttpResponse playlist_response(HlsPlaylist &playlist, const Waiter &waiter) const;
    HttpResponse multivariant_response(const Waiter &waiter) const;
    HttpResponse segment_response(const HlsPlaylist &playlist, const std::string &name,
                                  const Waiter &waiter) const;
    static std::string whole_lifetime(const Waiter &waiter);

    // DASH: stream_dash.cpp.
    /// Below the folder of segments; no rendition has this name.
    static constexpr std::string_view clock_name = "utc";
    void note_piece(const HlsPlaylist &playlist, const hls::Segment &segment);
    void give_manifest(Asked asked);
    DashManifest::Text manifest(const std::string &query) const;
    HttpResponse manifest_response(const Waiter &waiter) const;
    static HttpResponse clock_response();
    bool give_growing(const std::shared_ptr<HlsPlaylist> &playlist, Asked &asked,
                      const std::string &name);
    HttpResponse growing_response(HlsPlaylist &playlist, uint64_t segment, const Waiter &waiter);
    void advance(const std::shared_ptr<HlsPlaylist> &playlist);

    void answer_each(std::vector<Waiter> waiters, Respond respond);
    HttpResponse too_late(const Waiter &waiter) const;
    void answer(const HttpReply &reply, HttpResponse response);
    uint64_t target_ms() const;
    uint64_t lifetime_ms() const { return 3 * target_ms(); }
    void fill_gap(uint64_t now_ms);
    void arm();
    void tick();

    const std::shared_ptr<Loops> loops_;
    const bool has_parts_, has_renditions_;
    const hls::Container container_;
    const uint64_t wait_ms_;
    const std::shared_ptr<HlsSessions> sessions_;
    const std::shared_ptr<WaitingRoom> room_ = HlsWaiters::make_room();
    HlsWaiters first_{room_};                  ///< requests that wait for the multivariant playlist
    HlsWaiters manifests_{room_};              ///< and for the MPD
    const std::unique_ptr<DashManifest> dash_; ///< null: the segments are no CMAF
    std::atomic<uint64_t> bytes_out_{0};
    Timer timer_; ///< used on its loop only
    std::atomic<bool> armed_{false};
    std::atomic<bool> gone_{false};
    std::mutex publish_mutex_; ///< held while a piece or a gap is appended; guards the following
    /// steady_ms() of the last piece and of the last segment, or gap; 0: none.
    uint64_t piece_ms_ = 0, segment_ms_ = 0;
    hls::Numbers numbers_;
    Playlists fed_;                            ///< the producer's, by Segment::rendition
    mutable std::mutex mutex_;                 ///< guards the following
    HlsMountOptions options_;                  ///< of the last producer
    Playlists playlists_;                      ///< never shrinks
    std::vector<const HlsPlaylist *> listed_;  ///< the producer's
    std::vector<const HlsPlaylist *> awaited_; ///< those that viewers wait for
    int64_t since_ = 0;
};

} // namespace penstock::net

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/http/hls/stream.h"

#include "core/net/loop/clock.h"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <chrono>
#include <utility>

namespace penstock::net {
namespace {

/// Interval for checking deadlines and sessions, if there are any.
constexpr auto tick_interval = std::chrono::milliseconds(250);

hls::Stream::Options stream_options(const std::string &path, const HlsMountOptions &options) {
    const size_t slash = path.rfind('/');
    const std::string file = slash == path.npos ? path : path.substr(slash + 1);
    hls::Stream::Options o;
    o.playlist_length = options.playlist_length;
    o.extra = options.playlist_length + 1;
    o.target_duration = options.target_duration;
    o.uri_prefix = file.substr(0, file.rfind('.')) + "/";
    o.epoch = static_cast<uint64_t>(unix_ms());
    o.container = options.container;
    return o;
}

} // namespace

HlsMount::HlsMount(MountKey key, const HlsMountOptions &options, std::shared_ptr<PathRules> rules,
                   std::shared_ptr<Loops> loops)
    : Mount(std::move(key)), loops_(std::move(loops)), has_parts_(options.has_parts),
      stream_(stream_options(path(), options)),
      wait_ms_(
          uint64_t(std::chrono::duration_cast<std::chrono::milliseconds>(options.first_segment_wait)
                       .count())),
      sessions_(std::make_shared<HlsSessions>(*this, std::move(rules), loops_)),
      timer_(loops_->at(0)) {
}

std::shared_ptr<HlsMount> HlsMount::self() {
    return std::static_pointer_cast<HlsMount>(shared_from_this());
}

void HlsMount::attach(const HlsMountOptions &options) {
    set_authority(options.watch);
    stream_.interrupt();
    stream_.reopen();
    stream_.set_target_duration(options.target_duration);
    stream_.set_playlist_length(options.playlist_length, options.playlist_length + 1);
}

void HlsMount::publish(const hls::Segment &segment) {
    {
        std::lock_guard lock(publish_mutex_);
        stream_.publish(segment);
        piece_ms_ = steady_ms();
        if (segment.complete) segment_ms_ = piece_ms_;
    }
    bool began = false;
    {
        std::lock_guard lock(mutex_);
        began = since_ == 0;
        if (began) since_ = unix_ms();
    }
    if (began) tell(MountEvent::live);
    wake();
}

void HlsMount::detach() {
    {
        std::lock_guard lock(mutex_);
        if (std::exchange(since_, 0) == 0) return;
    }
    tell(MountEvent::gone);
}

std::chrono::nanoseconds HlsMount::end_viewers(std::chrono::nanoseconds linger,
                                               const std::string &) {
    if (!has_audience()) return {};
    stream_.end();
    wake();
    return linger;
}

void HlsMount::give_up() {
    gone_ = true;
    answer_each(waiters_.take([](const Wish &) { return true; }), &HlsMount::too_late);
    sessions_->end_all("the stream has ended");
}

// --- the clock ----------------------------------------------------------------------------

void HlsMount::arm() {
    if (armed_.exchange(true)) return;
    boost::asio::post(loops_->at(0), [self = self()] { self->tick(); });
}

/// While no media comes, gaps are what is new in the playlist (bis, 6.2.2): a segment at the latest
/// one and a half target durations after the one before.
void HlsMount::fill_gap(uint64_t now_ms) {
    {
        // A part that comes now ends the silence.
        std::lock_guard lock(publish_mutex_);
        const uint64_t target = target_ms();
        if (!has_parts_ || piece_ms_ == 0 || now_ms < piece_ms_ + target / 2 ||
            now_ms < (segment_ms_ == 0 ? piece_ms_ : segment_ms_) + target * 5 / 4)
            return;
        stream_.fill_gap();
        segment_ms_ = now_ms - target / 4; // gaps are as long as the time between them
    }
    wake();
}

void HlsMount::tick() {
    const uint64_t now = steady_ms();
    fill_gap(now);
    answer_each(waiters_.take_expired(now), &HlsMount::too_late);
    sessions_->expire(now, lifetime_ms());
    armed_ = false;
    if (waiters_.size() == 0 && sessions_->is_empty()) return;
    armed_ = true;
    timer_.expires_after(tick_interval);
    timer_.async_wait([weak = weak_from_this()](boost::system::error_code ec) {
        const auto mount = std::static_pointer_cast<HlsMount>(weak.lock());
        if (mount && !ec) mount->tick();
    });
}

// --- what is shown ------------------------------------------------------------------------

HlsFeed::Stats HlsMount::stats() const {
    HlsFeed::Stats stats;
    stats.stream = stream_.info();
    stats.bytes_out = bytes_out_;
    stats.requests = sessions_->requests();
    stats.viewers = viewers();
    stats.waiting = waiters_.size();
    return stats;
}

unsigned HlsMount::viewers() const {
    return sessions_->count(steady_ms(), lifetime_ms());
}

MountInfo HlsMount::info() const {
    MountInfo info{key()};
    {
        std::lock_guard lock(mutex_);
        info.since = since_;
    }
    info.live = info.since != 0;
    info.last_media = last_media();
    info.viewers = viewers();
    info.bytes_out = bytes_out_;
    const hls::Stream::Info stream = stream_.info();
    info.media.content_type = "application/vnd.apple.mpegurl";
    info.media.codecs = stream.codecs;
    info.media.segments = stream.segments;
    info.media.bitrate = stream.bitrate;
    info.media.width = stream.width;
    info.media.height = stream.height;
    info.media.has_video = stream.has_video;
    info.media.has_audio = stream.has_audio;
    return info;
}

} // namespace penstock::net

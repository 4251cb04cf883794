// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/http/hls/stream.h"

#include "core/net/http/file_memory.h"
#include "core/net/loop/clock.h"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <chrono>
#include <utility>

namespace penstock::net {
namespace {

/// Interval for checking deadlines and sessions, if there are any.
constexpr auto tick_interval = std::chrono::milliseconds(250);

/// "index/" of "live/cam/index.m3u8"
std::string folder_of(const std::string &path) {
    const size_t slash = path.rfind('/');
    const std::string file = slash == path.npos ? path : path.substr(slash + 1);
    return file.substr(0, file.rfind('.')) + "/";
}

} // namespace

HlsMount::HlsMount(MountKey key, const HlsMountOptions &options, std::shared_ptr<PathRules> rules,
                   std::shared_ptr<Loops> loops)
    : Mount(std::move(key)), loops_(std::move(loops)), has_parts_(options.has_parts),
      has_renditions_(options.has_renditions), container_(options.container),
      wait_ms_(
          uint64_t(std::chrono::duration_cast<std::chrono::milliseconds>(options.first_segment_wait)
                       .count())),
      sessions_(std::make_shared<HlsSessions>(*this, std::move(rules), loops_)),
      dash_(container_.mime_type == "video/mp4" ? std::make_unique<DashManifest>(has_parts_)
                                                : nullptr),
      timer_(loops_->at(0)), options_(options) {
    if (has_renditions_) return;
    hls::Stream::Options stream = stream_options();
    stream.uri_prefix = folder_of(path());
    playlists_.push_back(std::make_shared<HlsPlaylist>("", stream, room_));
    fed_ = playlists_;
}

hls::Stream::Options HlsMount::stream_options() const {
    hls::Stream::Options o;
    o.playlist_length = options_.playlist_length;
    o.extra = options_.playlist_length + 1;
    o.target_duration = options_.target_duration;
    o.epoch = static_cast<uint64_t>(unix_ms());
    o.container = container_;
    // TLS encrypts what it sends, so it has no use for a file.
    if (options_.tls.empty())
        o.store = [](std::span<const Bytes> pieces) {
            return FileMemory::instance().store(pieces);
        };
    return o;
}

std::shared_ptr<HlsMount> HlsMount::self() {
    return std::static_pointer_cast<HlsMount>(shared_from_this());
}

HlsMount::Playlists HlsMount::playlists() const {
    std::lock_guard lock(mutex_);
    return playlists_;
}

/// The rendition's playlist; nullptr if there is none.
std::shared_ptr<HlsPlaylist> HlsMount::find(std::string_view rendition) const {
    std::lock_guard lock(mutex_);
    const auto found = std::find_if(playlists_.begin(), playlists_.end(),
                                    [&](const auto &one) { return one->name == rendition; });
    return found == playlists_.end() ? nullptr : *found;
}

void HlsMount::attach(const HlsMountOptions &options) {
    set_authority(options.watch);
    if (dash_) dash_->interrupt();
    uint64_t next = 0;
    for (const auto &playlist : playlists()) {
        hls::Stream &stream = playlist->stream;
        stream.interrupt();
        // Renditions' playlists begin again when the producer names them.
        if (!has_renditions_) stream.reopen();
        stream.set_target_duration(options.target_duration);
        stream.set_playlist_length(options.playlist_length, options.playlist_length + 1);
        next = std::max(next, stream.next_number());
    }
    {
        std::lock_guard lock(publish_mutex_);
        // The first playlist with parts begins with a gap.
        numbers_.restart(next > 0 ? next : has_parts_);
    }
    std::lock_guard lock(mutex_);
    options_ = options;
}

void HlsMount::set_renditions(const std::vector<hls::Presentation::Expected> &renditions) {
    Playlists fed, others;
    bool is_new = false;
    {
        std::lock_guard lock(mutex_);
        listed_.clear();
        awaited_.clear();
        for (const auto &rendition : renditions) {
            auto found = std::find_if(playlists_.begin(), playlists_.end(),
                                      [&](const auto &one) { return one->name == rendition.name; });
            if (found == playlists_.end()) {
                is_new = true;
                hls::Stream::Options options = stream_options();
                if (rendition.is_text) options.container = hls::webvtt_container;
                found = playlists_.insert(playlists_.end(), std::make_shared<HlsPlaylist>(
                                                                rendition.name, options, room_));
            }
            fed.push_back(*found);
            listed_.push_back(found->get());
            if (rendition.is_awaited) awaited_.push_back(found->get());
        }
        for (const auto &one : playlists_)
            if (std::find(fed.begin(), fed.end(), one) == fed.end()) others.push_back(one);
    }
    {
        std::lock_guard lock(publish_mutex_);
        for (const auto &one : fed)
            one->stream.reopen();
        for (const auto &one : others)
            one->stream.end();
        fed_ = std::move(fed);
    }
    for (const auto &one : others)
        wake(one);
    if (!is_new) wake_first(); // one less may be waited for
}

void HlsMount::publish(hls::Segment segment) {
    std::shared_ptr<HlsPlaylist> playlist;
    {
        std::lock_guard lock(publish_mutex_);
        if (segment.rendition >= fed_.size()) return;
        playlist = fed_[segment.rendition];
        hls::Stream &stream = playlist->stream;
        if (has_renditions_ && segment.begins) {
            segment.sequence = numbers_.place(segment.number, stream.next_number());
            if (stream.is_new()) {
                // Its discontinuities are counted as those of the others are.
                uint64_t discontinuities = 0;
                for (const auto &other : fed_)
                    if (!other->stream.is_new())
                        discontinuities = std::max(
                            discontinuities, other->stream.discontinuities(*segment.sequence));
                stream.begin_at(*segment.sequence -
                                    std::min<uint64_t>(*segment.sequence, has_parts_),
                                discontinuities);
            }
        }
        stream.publish(segment);
        note_piece(*playlist, segment);
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
    wake(playlist);
    wake_first();
}

void HlsMount::interrupt() {
    if (dash_) dash_->interrupt();
    for (const auto &playlist : playlists())
        playlist->stream.interrupt();
}

int64_t HlsMount::part_target(const std::string &rendition) const {
    const auto playlist = find(rendition);
    return playlist ? playlist->stream.info().part_target : 0;
}

void HlsMount::detach() {
    {
        std::lock_guard lock(mutex_);
        awaited_.clear(); // what has not begun will not
        if (std::exchange(since_, 0) == 0) return;
    }
    tell(MountEvent::gone);
}

bool HlsMount::has_audience() const {
    const Playlists all = playlists();
    return std::any_of(all.begin(), all.end(),
                       [](const auto &playlist) { return playlist->stream.info().segments > 0; });
}

std::chrono::nanoseconds HlsMount::end_viewers(std::chrono::nanoseconds linger,
                                               const std::string &) {
    if (!has_audience()) return {};
    for (const auto &playlist : playlists())
        playlist->stream.end();
    if (dash_) dash_->touch();
    for (const auto &playlist : playlists())
        wake(playlist);
    wake_first();
    return linger;
}

void HlsMount::give_up() {
    gone_ = true;
    const auto respond = [this](const Waiter &waiter) { return too_late(waiter); };
    const auto any = [](const Wish &) { return true; };
    for (const auto &playlist : playlists()) {
        playlist->growing.abort();
        answer_each(playlist->waiters.take(any), respond);
    }
    answer_each(first_.take(any), respond);
    answer_each(manifests_.take(any), respond);
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
        // All renditions at once, so that their numbers stay the same.
        for (const auto &playlist : fed_)
            playlist->stream.fill_gap();
        if (dash_) dash_->interrupt();
        segment_ms_ = now_ms - target / 4; // gaps are as long as the time between them
    }
    for (const auto &playlist : playlists())
        wake(playlist);
}

void HlsMount::tick() {
    const uint64_t now = steady_ms();
    fill_gap(now);
    const auto respond = [this](const Waiter &waiter) { return too_late(waiter); };
    size_t waiting = first_.size() + manifests_.size();
    for (const auto &playlist : playlists()) {
        answer_each(playlist->waiters.take_expired(now), respond);
        waiting += playlist->waiters.size();
    }
    answer_each(first_.take_expired(now), respond);
    answer_each(manifests_.take_expired(now), respond);
    sessions_->expire(now, lifetime_ms());
    armed_ = false;
    if (waiting == 0 && sessions_->is_empty()) return;
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
    stats.stream = main_info();
    stats.bytes_out = bytes_out_;
    stats.requests = sessions_->requests();
    stats.viewers = viewers();
    stats.waiting = first_.size() + manifests_.size();
    for (const auto &playlist : playlists())
        stats.waiting += playlist->waiters.size();
    return stats;
}

/// What stands for all renditions: the first that has video, or any.
hls::Stream::Info HlsMount::main_info() const {
    hls::Stream::Info main;
    for (const auto &playlist : playlists()) {
        const hls::Stream::Info info = playlist->stream.info();
        if (info.is_video()) return info;
        if (main.target_duration == 0) main = info;
    }
    return main;
}

uint64_t HlsMount::target_ms() const {
    std::lock_guard lock(mutex_);
    const int64_t target = playlists_.empty() ? options_.target_duration
                                              : playlists_.front()->stream.target_duration();
    return uint64_t(target) / 1'000'000;
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
    const hls::Stream::Info stream = main_info();
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

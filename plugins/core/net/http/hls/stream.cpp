// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/http/hls/stream.h"

#include "core/net/loop/clock.h"
#include "core/playlist/session.h"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <chrono>
#include <utility>

namespace penstock::net {
namespace {

constexpr size_t max_waiting = 10'000;
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

HttpResponse too_early() {
    HttpResponse response = http_error(503, "The stream has no segment yet; try again.");
    response.headers.emplace_back("Retry-After", "1");
    return response;
}

HttpResponse refusal(HlsSessions::Verdict verdict) {
    if (verdict == HlsSessions::Verdict::refused) return http_error(403, "Not allowed.");
    HttpResponse response = http_error(503, "Too many are watching; try again.");
    response.headers.emplace_back("Retry-After", "5");
    return response;
}

} // namespace

HlsMount::HlsMount(MountKey key, const HlsMountOptions &options, std::shared_ptr<PathRules> rules,
                   std::shared_ptr<Loops> loops)
    : Mount(std::move(key)), loops_(std::move(loops)), stream_(stream_options(path(), options)),
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
    stream_.publish(segment);
    std::vector<Waiting> ready;
    bool began = false;
    {
        std::lock_guard lock(mutex_);
        began = since_ == 0;
        if (began) since_ = unix_ms();
        ready.swap(waiting_);
    }
    if (began) tell(MountEvent::live);
    for (const Waiting &waiting : ready)
        answer(waiting.reply, playlist_response(waiting.token));
}

void HlsMount::detach() {
    {
        std::lock_guard lock(mutex_);
        if (std::exchange(since_, 0) == 0) return;
    }
    tell(MountEvent::gone);
}

void HlsMount::request_playlist(const HttpRequest &request, HttpReply reply) {
    arm();
    sessions_->ask(request, true,
                   [self = self(), reply](HlsSessions::Verdict verdict, const std::string &token) {
                       if (verdict == HlsSessions::Verdict::allowed)
                           self->give_playlist(reply, token);
                       else
                           self->answer(reply, refusal(verdict));
                   });
}

void HlsMount::give_playlist(HttpReply reply, const std::string &token) {
    HttpResponse response = playlist_response(token);
    {
        std::lock_guard lock(mutex_);
        // The first segment may have arrived in the meantime.
        if (response.body.empty()) response = playlist_response(token);
        if (response.body.empty()) {
            if (gone_) {
                response = http_error(404, "No such stream or segment.");
            } else if (waiting_.size() >= max_waiting) {
                response = too_early();
            } else {
                waiting_.push_back({std::move(reply), token, steady_ms() + wait_ms_});
                return;
            }
        }
    }
    answer(reply, std::move(response));
}

void HlsMount::request_segment(const HttpRequest &request, std::string name, HttpReply reply) {
    sessions_->ask(
        request, false,
        [self = self(), reply, name = std::move(name)](HlsSessions::Verdict verdict,
                                                       const std::string &token) {
            if (verdict != HlsSessions::Verdict::allowed)
                return self->answer(reply, refusal(verdict));
            HttpResponse response;
            if (!self->stream_.segment(name, response.body))
                return self->answer(reply, http_error(404, "No such stream or segment."));
            response.content_type = self->stream_.container().mime_type;
            response.cache_control = token.empty() ? "public, max-age=31536000, immutable"
                                                   : "private, max-age=31536000, immutable";
            self->answer(reply, std::move(response));
        });
}

HttpResponse HlsMount::playlist_response(const std::string &token) const {
    HttpResponse response;
    response.content_type = "application/vnd.apple.mpegurl";
    response.body = stream_.playlist();
    response.cache_control = token.empty() ? "max-age=1" : "private, no-store";
    if (!token.empty() && !response.body.empty())
        response.body = playlist::with_session(response.body.view(), token);
    return response;
}

void HlsMount::answer(const HttpReply &reply, HttpResponse response) {
    if (response.status == 200) bytes_out_ += response.body.size();
    reply(std::move(response));
}

std::chrono::nanoseconds HlsMount::end_viewers(std::chrono::nanoseconds linger,
                                               const std::string &) {
    if (!has_audience()) return {};
    stream_.end();
    return linger;
}

void HlsMount::give_up() {
    std::vector<Waiting> late;
    {
        std::lock_guard lock(mutex_);
        gone_ = true;
        late.swap(waiting_);
    }
    for (const Waiting &waiting : late)
        answer(waiting.reply, too_early());
    sessions_->end_all("the stream has ended");
}

// --- the clock ----------------------------------------------------------------------------

/// Viewers without a request for three target durations have left.
uint64_t HlsMount::lifetime_ms() const {
    return 3 * uint64_t(stream_.target_duration()) / 1'000'000;
}

void HlsMount::arm() {
    if (armed_.exchange(true)) return;
    boost::asio::post(loops_->at(0), [self = self()] { self->tick(); });
}

void HlsMount::tick() {
    const uint64_t now = steady_ms();
    std::vector<Waiting> late;
    bool more = false;
    {
        std::lock_guard lock(mutex_);
        std::erase_if(waiting_, [&](Waiting &waiting) {
            if (waiting.deadline_ms > now) return false;
            late.push_back(std::move(waiting));
            return true;
        });
        more = !waiting_.empty();
    }
    for (const Waiting &waiting : late)
        answer(waiting.reply, too_early());
    sessions_->expire(now, lifetime_ms());
    armed_ = false;
    if (!more && sessions_->is_empty()) return;
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

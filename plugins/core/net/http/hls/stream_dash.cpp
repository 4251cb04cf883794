// SPDX-License-Identifier: LGPL-2.1-or-later
// An HLS stream's segments as DASH: its MPD, the time of its clock, and segments that are sent
// while they are made.
#include "core/net/http/hls/answers.h"
#include "core/net/http/hls/stream.h"
#include "core/net/loop/clock.h"
#include "core/playlist/playlist.h"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <utility>

namespace penstock::net {
namespace {

std::string cached_for(uint64_t ms, const std::string &token) {
    if (!token.empty()) return "private, no-store";
    return ms < 1000 ? "no-cache" : "max-age=" + std::to_string(ms / 1000);
}

} // namespace

/// Tells the MPD of a piece that the playlist has just received; `publish_mutex_` is held.
void HlsMount::note_piece(const HlsPlaylist &playlist, const hls::Segment &segment) {
    if (!dash_) return;
    const auto piece = dash_piece(playlist.stream, playlist.name, segment);
    if (!piece) return;
    dash_->add(*piece);
    if (segment.complete) dash_->remove_before(playlist.stream.info().media_sequence);
}

void HlsMount::request_manifest(const HttpRequest &request, HttpReply reply) {
    sessions_->ask(request, true,
                   [self = self(), asked = asked(request, std::move(reply))](
                       HlsSessions::Verdict verdict, const std::string &token) mutable {
                       if (verdict != HlsSessions::Verdict::allowed)
                           return self->answer(asked.waiter.reply, hls_refusal(verdict));
                       asked.waiter.token = token;
                       self->give_manifest(std::move(asked));
                   });
    arm();
}

void HlsMount::give_manifest(Asked asked) {
    if (gone_ || !dash_) return answer(asked.waiter.reply, hls_nothing_there());
    give_first(&HlsMount::manifests_, std::move(asked));
}

/// The MPD, once all awaited renditions have begun; else empty.
DashManifest::Text HlsMount::manifest(const std::string &query) const {
    if (has_renditions_ && multivariant().empty()) return {};
    const std::string file = path().substr(path().rfind('/') + 1);
    const std::string folder = file.substr(0, file.rfind('.')) + "/";
    Playlists all;
    dash::Shape shape;
    {
        std::lock_guard lock(mutex_);
        all = playlists_;
        shape.segments = options_.playlist_length;
    }
    shape.mime_type = container_.mime_type;
    shape.clock = folder + std::string(clock_name);
    shape.has_ended = true;
    std::vector<dash::Offer> offers;
    for (const auto &one : all) {
        const hls::Stream::Info info = one->stream.info();
        shape.has_ended = shape.has_ended && info.ended;
        shape.target_duration = std::max(shape.target_duration, one->stream.target_duration());
        shape.part_target = std::max(shape.part_target, info.part_target);
        offers.push_back({one->name, folder + (one->name.empty() ? "" : one->name + "/"),
                          one->stream.name_template(), info});
    }
    return dash_->text(offers, shape, unix_ms(), query);
}

HttpResponse HlsMount::manifest_response(const Waiter &waiter) const {
    HttpResponse response;
    const std::string query = waiter.token.empty() ? "" : "session=" + waiter.token;
    DashManifest::Text text = manifest(query);
    response.content_type = "application/dash+xml";
    // Half of the time after which players ask again.
    response.cache_control =
        cached_for(static_cast<uint64_t>(text.update_period) / 2'000'000, waiter.token);
    response.headers.emplace_back("Vary", "Accept-Encoding");
    response.body = std::move(text.plain);
    if (waiter.gzip && !text.packed.empty()) {
        response.body = std::move(text.packed);
        response.headers.emplace_back("Content-Encoding", "gzip");
    }
    return response;
}

/// urn:mpeg:dash:utc:http-iso:2014, to the millisecond.
HttpResponse HlsMount::clock_response() {
    HttpResponse response;
    response.content_type = "text/plain";
    response.cache_control = "no-store";
    response.body = Bytes::copy_of(playlist::format_date(unix_ms()));
    return response;
}

/// A segment that has begun, with what is still to come of it.
HttpResponse HlsMount::growing_response(HlsPlaylist &playlist, uint64_t segment,
                                        const Waiter &waiter) {
    size_t bytes = 0;
    HttpResponse response;
    response.streamed = playlist.growing.follow(playlist.stream, segment, waiter.loop, bytes);
    // A gap has come in its place, or nothing any more.
    if (!response.streamed)
        return segment_response(playlist, playlist.stream.segment_name(segment), waiter);
    bytes_out_ += bytes;
    response.content_type = container_.mime_type;
    response.cache_control = whole_lifetime(waiter);
    return response;
}

/// Answers a request for the segment that is being made, or comes next. Returns false for others.
bool HlsMount::give_growing(const std::shared_ptr<HlsPlaylist> &playlist, Asked &asked,
                            const std::string &name) {
    using Progress = hls::Stream::Progress;
    // Subtitles are not in the MPD, and a WebVTT segment is not its parts joined.
    if (playlist->stream.container().mime_type != container_.mime_type) return false;
    const auto number = playlist->stream.segment_number(name);
    if (!number || gone_) return false;
    std::vector<Bytes> none;
    const Progress progress = playlist->stream.parts_of(*number, SIZE_MAX, none);
    if (progress == Progress::next)
        hold(playlist, std::move(asked), {Wish::Kind::segment, {}, *number});
    else if (progress == Progress::open)
        answer(asked.waiter.reply, growing_response(*playlist, *number, asked.waiter));
    else
        return false;
    return true;
}

/// Sends what has come to those who read a segment while it is made. Each loop is woken once.
void HlsMount::advance(const std::shared_ptr<HlsPlaylist> &playlist) {
    for (const size_t loop : playlist->growing.loops())
        boost::asio::post(loops_->at(loop), [self = self(), playlist, loop] {
            self->bytes_out_ += playlist->growing.advance(playlist->stream, loop);
        });
}

} // namespace penstock::net

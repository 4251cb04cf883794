// SPDX-License-Identifier: LGPL-2.1-or-later
// Requests to an HLS stream: those that are answered at once, and those that are held.
#include "core/http/coding.h"
#include "core/net/http/hls/answers.h"
#include "core/net/http/hls/stream.h"
#include "core/net/loop/clock.h"
#include "core/playlist/session.h"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <utility>

namespace penstock::net {
namespace {

/// Whether a query can stand in a playlist's URIs as it is.
bool is_plain(std::string_view query) {
    return std::all_of(query.begin(), query.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               std::string_view("&=%+-._~,:").find(c) != std::string_view::npos;
    });
}

/// A token for the URIs of playlists that lead to further playlists: with the viewer's own
/// parameters, by which a session that has expired begins again.
std::string with_query(const std::string &token, const std::string &query) {
    return token.empty() || query.empty() || !is_plain(query) ? token : token + "&" + query;
}

std::string visibility_for(const HlsWaiters::Waiter &waiter) {
    return waiter.token.empty() ? "public, " : "private, ";
}

std::string max_age(uint64_t ms, const std::string &token) {
    return token.empty() ? "max-age=" + std::to_string(std::max<uint64_t>(ms / 1000, 1))
                         : "private, no-store";
}

} // namespace

HlsMount::Asked HlsMount::asked(const HttpRequest &request, HttpReply reply) const {
    Asked asked;
    asked.waiter.reply = std::move(reply);
    asked.waiter.loop = request.loop;
    asked.peer = request.peer;
    asked.on_leave = request.on_leave;
    asked.method = request.method;
    if (has_renditions_) asked.query = own_query(request.query);
    if (!request.header) return asked;
    asked.waiter.gzip = http::accepts_gzip(request.header("Accept-Encoding"));
    asked.range = request.header("Range");
    asked.if_range = request.header("If-Range");
    return asked;
}

/// Returns false after answering a request whose directives are invalid.
bool HlsMount::read_directives(const HttpRequest &request, Asked &asked) {
    if (!has_parts_) return true;
    const Result result = playlist::parse_directives(request.query, asked.directives);
    if (!result.is_ok()) {
        answer(asked.waiter.reply, http_error(400, result.reason() + "."));
        return false;
    }
    asked.waiter.delta = asked.directives.skip != playlist::Skip::no;
    return true;
}

void HlsMount::request_playlist(const HttpRequest &request, HttpReply reply) {
    Asked asked = this->asked(request, std::move(reply));
    if (has_renditions_) return request_multivariant(request, std::move(asked));
    request_media_playlist(request, playlists().front(), std::move(asked));
}

void HlsMount::request_media_playlist(const HttpRequest &request,
                                      std::shared_ptr<HlsPlaylist> playlist, Asked asked) {
    if (!read_directives(request, asked)) return;
    sessions_->ask(request, true,
                   [self = self(), playlist = std::move(playlist), asked = std::move(asked)](
                       HlsSessions::Verdict verdict, const std::string &token) mutable {
                       if (verdict != HlsSessions::Verdict::allowed)
                           return self->answer(asked.waiter.reply, hls_refusal(verdict));
                       asked.waiter.token = with_query(token, asked.query);
                       self->give_playlist(playlist, std::move(asked));
                   });
    arm(); // the clock stops where it finds no viewer, and this may be the first
}

void HlsMount::request_multivariant(const HttpRequest &request, Asked asked) {
    sessions_->ask(request, true,
                   [self = self(), asked = std::move(asked)](HlsSessions::Verdict verdict,
                                                             const std::string &token) mutable {
                       if (verdict != HlsSessions::Verdict::allowed)
                           return self->answer(asked.waiter.reply, hls_refusal(verdict));
                       asked.waiter.token = with_query(token, asked.query);
                       self->give_multivariant(std::move(asked));
                   });
    arm();
}

void HlsMount::give_multivariant(Asked asked) {
    if (gone_) return answer(asked.waiter.reply, hls_nothing_there());
    give_first(&HlsMount::first_, std::move(asked));
}

void HlsMount::give_playlist(const std::shared_ptr<HlsPlaylist> &playlist, Asked asked) {
    using Action = playlist::Decision::Action;
    if (gone_) return answer(asked.waiter.reply, hls_nothing_there());
    if (!has_come(*playlist, {Wish::Kind::playlist, {}, 0}))
        return hold(playlist, std::move(asked), {Wish::Kind::playlist, {}, 0});
    const playlist::Decision decision = playlist::decide(asked.directives, playlist->stream.edge());
    if (decision.action == Action::refuse)
        return answer(asked.waiter.reply,
                      http_error(400, "The playlist is not that far: _HLS_msn or _HLS_part is too "
                                      "large."));
    Wish wish{Wish::Kind::moment, decision.moment, 0};
    if (decision.action == Action::wait) return hold(playlist, std::move(asked), wish);
    if (asked.directives.sequence) asked.waiter.wish = wish; // cached as one that was held
    answer(asked.waiter.reply, playlist_response(*playlist, asked.waiter));
}

/// Adds a waiter; returns false, after answering it, if there are too many.
bool HlsMount::enter(HlsWaiters &waiters, Asked &asked, const Wish &wish, uint64_t &id) {
    Waiter &waiter = asked.waiter;
    waiter.wish = wish;
    waiter.deadline_ms = steady_ms() + (wish.kind == Wish::Kind::playlist  ? wait_ms_
                                        : wish.kind == Wish::Kind::segment ? 2 * target_ms()
                                                                           : lifetime_ms());
    id = waiters.add(waiter, asked.peer);
    if (id == 0) {
        answer(waiter.reply, http_retry("Too many requests are waiting; try again.", 1));
        return false;
    }
    arm();
    return true;
}

/// Keeps the request until its wish has come, its client leaves, or it is too late.
void HlsMount::hold(const std::shared_ptr<HlsPlaylist> &playlist, Asked asked, const Wish &wish) {
    uint64_t id = 0;
    if (!enter(playlist->waiters, asked, wish, id)) return;
    if (asked.on_leave)
        asked.on_leave([weak = std::weak_ptr(playlist), wish, id] {
            if (const auto playlist = weak.lock()) playlist->waiters.take(wish, id);
        });
    // The playlist or part may have come meanwhile, or the stream may have gone.
    if (!gone_ && !has_come(*playlist, wish)) return;
    std::optional<Waiter> taken = playlist->waiters.take(wish, id);
    if (!taken) return;
    answer(taken->reply, gone_ ? too_late(*taken) : response_to(*playlist, *taken));
}

/// Answers with the multivariant playlist or the MPD, by the waiters it has, once there is one.
void HlsMount::give_first(HlsWaiters HlsMount::*where, Asked asked) {
    if (has_first(where)) return answer(asked.waiter.reply, first_response(where, asked.waiter));
    const Wish wish{Wish::Kind::playlist, {}, 0};
    uint64_t id = 0;
    HlsWaiters &waiters = this->*where;
    if (!enter(waiters, asked, wish, id)) return;
    if (asked.on_leave)
        asked.on_leave([weak = weak_from_this(), where, wish, id] {
            if (const auto mount = std::static_pointer_cast<HlsMount>(weak.lock()))
                (mount.get()->*where).take(wish, id);
        });
    if (!gone_ && !has_first(where)) return;
    std::optional<Waiter> taken = waiters.take(wish, id);
    if (taken) answer(taken->reply, gone_ ? too_late(*taken) : first_response(where, *taken));
}

bool HlsMount::has_first(HlsWaiters HlsMount::*where) const {
    return where == &HlsMount::first_ ? !multivariant().empty() : !manifest("").plain.empty();
}

HttpResponse HlsMount::first_response(HlsWaiters HlsMount::*where, const Waiter &waiter) const {
    return where == &HlsMount::first_ ? multivariant_response(waiter) : manifest_response(waiter);
}

bool HlsMount::has_come(const HlsPlaylist &playlist, const Wish &wish) const {
    const playlist::Edge edge = playlist.stream.edge();
    switch (wish.kind) {
    case Wish::Kind::playlist:
        return !playlist.stream.playlist().empty();
    case Wish::Kind::moment:
        return playlist::has_come(wish.moment, edge);
    case Wish::Kind::segment:
        return edge.ended || wish.part < edge.next || (wish.part == edge.next && edge.parts > 0);
    default:
        return edge.ended || wish.part < playlist.stream.next_part();
    }
}

/// Answers whatever the rendition has by now. Each loop is woken once.
void HlsMount::wake(const std::shared_ptr<HlsPlaylist> &playlist) {
    advance(playlist);
    if (playlist->waiters.size() == 0) return;
    answer_each(playlist->waiters.take([&](const Wish &wish) { return has_come(*playlist, wish); }),
                [this, playlist](const Waiter &waiter) { return response_to(*playlist, waiter); });
}

void HlsMount::wake_first() {
    for (const auto where : {&HlsMount::first_, &HlsMount::manifests_})
        if ((this->*where).size() > 0 && has_first(where))
            answer_each(
                (this->*where).take([](const Wish &) { return true; }),
                [this, where](const Waiter &waiter) { return first_response(where, waiter); });
}

void HlsMount::answer_each(std::vector<Waiter> waiters, Respond respond) {
    std::vector<std::vector<Waiter>> by_loop(loops_->size());
    for (Waiter &waiter : waiters)
        by_loop[waiter.loop % by_loop.size()].push_back(std::move(waiter));
    for (size_t i = 0; i < by_loop.size(); ++i)
        if (!by_loop[i].empty())
            boost::asio::post(loops_->at(i),
                              [self = self(), ready = std::move(by_loop[i]), respond] {
                                  for (const Waiter &waiter : ready)
                                      self->answer(waiter.reply, respond(waiter));
                              });
}

HttpResponse HlsMount::too_late(const Waiter &waiter) const {
    if (waiter.wish.kind == Wish::Kind::segment) return hls_nothing_there();
    return waiter.wish.kind == Wish::Kind::playlist
               ? http_retry("The stream has no segment yet; try again.", 1)
               : http_retry("Nothing new has come; try again.", 1);
}

HttpResponse HlsMount::response_to(HlsPlaylist &playlist, const Waiter &waiter) {
    if (waiter.wish.kind == Wish::Kind::segment)
        return growing_response(playlist, waiter.wish.part, waiter);
    if (waiter.wish.kind != Wish::Kind::part) return playlist_response(playlist, waiter);
    return segment_response(playlist, playlist.stream.part_name(waiter.wish.part), waiter);
}

/// The multivariant playlist, once all awaited renditions have begun; else empty.
std::string HlsMount::multivariant() const {
    std::vector<const HlsPlaylist *> awaited, listed;
    {
        std::lock_guard lock(mutex_);
        awaited = awaited_;
        listed = listed_;
    }
    for (const HlsPlaylist *one : awaited)
        if (one->stream.info().segments == 0) return {};
    std::vector<hls::Listed> renditions;
    for (const HlsPlaylist *one : listed)
        renditions.push_back({one->name, one->stream.info()});
    const std::string file = path().substr(path().rfind('/') + 1);
    return hls::multivariant(renditions, file.substr(0, file.rfind('.')) + "/");
}

/// How far the other renditions are.
std::string HlsMount::reports_for(const HlsPlaylist &playlist) const {
    std::string reports;
    if (!has_renditions_ || !has_parts_ || playlist.stream.info().ended) return reports;
    for (const auto &other : playlists()) {
        const hls::Stream::Info info = other->stream.info();
        if (other.get() == &playlist || info.segments == 0 || info.ended) continue;
        reports += hls::rendition_report(other->name, other->stream.edge());
    }
    return reports;
}

HttpResponse HlsMount::playlist_response(HlsPlaylist &playlist, const Waiter &waiter) const {
    HttpResponse response;
    response.content_type = "application/vnd.apple.mpegurl";
    Bytes packed;
    const bool may_pack = waiter.gzip && waiter.token.empty();
    response.body =
        playlist.text(waiter.delta, reports_for(playlist), may_pack ? &packed : nullptr);
    const bool blocking = waiter.wish.kind == Wish::Kind::moment;
    response.cache_control = max_age(blocking ? 6 * target_ms() : target_ms() / 2, waiter.token);
    response.headers.emplace_back("Vary", "Accept-Encoding");
    if (!waiter.token.empty()) {
        response.body = playlist::with_session(response.body.view(), waiter.token);
    } else if (!packed.empty()) {
        response.body = std::move(packed);
        response.headers.emplace_back("Content-Encoding", "gzip");
    }
    return response;
}

HttpResponse HlsMount::multivariant_response(const Waiter &waiter) const {
    HttpResponse response;
    response.content_type = "application/vnd.apple.mpegurl";
    response.body = Bytes::copy_of(multivariant());
    response.cache_control = max_age(target_ms() / 2, waiter.token);
    if (!waiter.token.empty())
        response.body = playlist::with_session(response.body.view(), waiter.token);
    return response;
}

void HlsMount::request_segment(const HttpRequest &request, std::string name, HttpReply reply) {
    Asked asked = this->asked(request, std::move(reply));
    std::shared_ptr<HlsPlaylist> playlist;
    if (has_renditions_) {
        const size_t slash = name.find('/');
        if (slash != name.npos) playlist = find(std::string_view(name).substr(0, slash));
        if (playlist) name.erase(0, slash + 1);
    } else if (name != clock_name) {
        playlist = playlists().front();
    }
    if (playlist && has_renditions_ && name == hls::rendition_playlist)
        return request_media_playlist(request, std::move(playlist), std::move(asked));
    if (!playlist && name == clock_name) return answer(asked.waiter.reply, clock_response());
    sessions_->ask(
        request, false,
        [self = self(), playlist = std::move(playlist), asked = std::move(asked),
         name = std::move(name)](HlsSessions::Verdict verdict, const std::string &token) mutable {
            if (verdict != HlsSessions::Verdict::allowed)
                return self->answer(asked.waiter.reply, hls_refusal(verdict));
            if (!playlist) return self->answer(asked.waiter.reply, hls_nothing_there());
            asked.waiter.token = token;
            self->give_segment(playlist, std::move(asked), name);
        });
    arm();
}

void HlsMount::give_segment(const std::shared_ptr<HlsPlaylist> &playlist, Asked asked,
                            const std::string &name) {
    const hls::Stream &stream = playlist->stream;
    const std::optional<uint64_t> part = has_parts_ ? stream.part_number(name) : std::nullopt;
    // Only the part that the playlist hints at is waited for.
    const Wish wish{Wish::Kind::part, {}, part.value_or(0)};
    if (part && *part == stream.next_part() && !stream.info().ended && !gone_)
        return hold(playlist, std::move(asked), wish);
    if (has_parts_ && give_growing(playlist, asked, name)) return;
    HttpResponse response = segment_response(*playlist, name, asked.waiter);
    HttpRequest request;
    request.method = asked.method;
    request.header = [&](std::string_view header) {
        return header == "Range" ? asked.range : header == "If-Range" ? asked.if_range : "";
    };
    apply_range(request, response);
    answer(asked.waiter.reply, std::move(response));
}

HttpResponse HlsMount::segment_response(const HlsPlaylist &playlist, const std::string &name,
                                        const Waiter &waiter) const {
    const hls::Stream &stream = playlist.stream;
    HttpResponse response;
    const bool is_part = stream.part_number(name).has_value();
    if (!stream.segment(name, response.body)) {
        response = hls_nothing_there();
        // A part that was there has gone for good; any other name may yet come.
        if (stream.is_past(name)) response.cache_control = max_age(target_ms(), waiter.token);
        return response;
    }
    response.content_type = stream.container().mime_type;
    response.cache_control =
        is_part ? visibility_for(waiter) + "max-age=" + std::to_string(6 * target_ms() / 1000)
                : whole_lifetime(waiter);
    return response;
}

/// Of a whole segment, which never changes.
std::string HlsMount::whole_lifetime(const Waiter &waiter) {
    return visibility_for(waiter) + "max-age=31536000, immutable";
}

void HlsMount::answer(const HttpReply &reply, HttpResponse response) {
    if (response.status == 200 || response.status == 206) bytes_out_ += response.body.size();
    reply(std::move(response));
}

} // namespace penstock::net

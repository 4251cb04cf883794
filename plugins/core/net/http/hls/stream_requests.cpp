// SPDX-License-Identifier: LGPL-2.1-or-later
// Requests to an HLS stream: those that are answered at once, and those that are held.
#include "core/http/coding.h"
#include "core/net/http/gzip.h"
#include "core/net/http/hls/stream.h"
#include "core/net/loop/clock.h"
#include "core/playlist/session.h"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <utility>

namespace penstock::net {
namespace {

/// Smaller playlists are not worth it.
constexpr size_t min_gzipped = 400;

HttpResponse refusal(HlsSessions::Verdict verdict) {
    if (verdict == HlsSessions::Verdict::refused) return http_error(403, "Not allowed.");
    return http_retry("Too many are watching; try again.", 5);
}

HttpResponse nothing_there() {
    return http_error(404, "No such stream or segment.");
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
    if (!request.header) return asked;
    asked.waiter.gzip = http::accepts_gzip(request.header("Accept-Encoding"));
    asked.range = request.header("Range");
    asked.if_range = request.header("If-Range");
    return asked;
}

void HlsMount::request_playlist(const HttpRequest &request, HttpReply reply) {
    Asked asked = this->asked(request, std::move(reply));
    if (has_parts_) {
        const Result result = playlist::parse_directives(request.query, asked.directives);
        if (!result.is_ok())
            return answer(asked.waiter.reply, http_error(400, result.reason() + "."));
        asked.waiter.delta = asked.directives.skip != playlist::Skip::no;
    }
    sessions_->ask(request, true,
                   [self = self(), asked = std::move(asked)](HlsSessions::Verdict verdict,
                                                             const std::string &token) mutable {
                       if (verdict != HlsSessions::Verdict::allowed)
                           return self->answer(asked.waiter.reply, refusal(verdict));
                       asked.waiter.token = token;
                       self->give_playlist(std::move(asked));
                   });
    arm(); // the clock stops where it finds no viewer, and this may be the first
}

void HlsMount::give_playlist(Asked asked) {
    using Action = playlist::Decision::Action;
    if (gone_) return answer(asked.waiter.reply, nothing_there());
    if (!has_come({Wish::Kind::playlist, {}, 0}))
        return hold(std::move(asked), {Wish::Kind::playlist, {}, 0});
    const playlist::Decision decision = playlist::decide(asked.directives, stream_.edge());
    if (decision.action == Action::refuse)
        return answer(asked.waiter.reply,
                      http_error(400, "The playlist is not that far: _HLS_msn or _HLS_part is too "
                                      "large."));
    Wish wish{Wish::Kind::moment, decision.moment, 0};
    if (decision.action == Action::wait) return hold(std::move(asked), wish);
    if (asked.directives.sequence) asked.waiter.wish = wish; // cached as one that was held
    answer(asked.waiter.reply, playlist_response(asked.waiter));
}

/// Keeps the request until its wish has come, its client leaves, or it is too late.
void HlsMount::hold(Asked asked, const Wish &wish) {
    Waiter &waiter = asked.waiter;
    waiter.wish = wish;
    waiter.deadline_ms =
        steady_ms() + (wish.kind == Wish::Kind::playlist ? wait_ms_ : lifetime_ms());
    const uint64_t id = waiters_.add(waiter, asked.peer);
    if (id == 0)
        return answer(waiter.reply, http_retry("Too many requests are waiting; try again.", 1));
    arm();
    if (asked.on_leave)
        asked.on_leave([weak = weak_from_this(), wish, id] {
            if (const auto mount = std::static_pointer_cast<HlsMount>(weak.lock()))
                mount->waiters_.take(wish, id);
        });
    // It may have come in the meantime, or the stream may have gone.
    if (!gone_ && !has_come(wish)) return;
    std::optional<Waiter> taken = waiters_.take(wish, id);
    if (!taken) return;
    answer(taken->reply, gone_ ? too_late(*taken) : response_to(*taken));
}

bool HlsMount::has_come(const Wish &wish) const {
    const playlist::Edge edge = stream_.edge();
    switch (wish.kind) {
    case Wish::Kind::playlist:
        return !stream_.playlist().empty();
    case Wish::Kind::moment:
        return playlist::has_come(wish.moment, edge);
    default:
        return edge.ended || wish.part < stream_.next_part();
    }
}

/// Answers whatever the stream has by now. Each loop is woken once.
void HlsMount::wake() {
    if (waiters_.size() == 0) return;
    answer_each(waiters_.take([this](const Wish &wish) { return has_come(wish); }),
                &HlsMount::response_to);
}

void HlsMount::answer_each(std::vector<Waiter> waiters,
                           HttpResponse (HlsMount::*response)(const Waiter &) const) {
    std::vector<std::vector<Waiter>> by_loop(loops_->size());
    for (Waiter &waiter : waiters)
        by_loop[waiter.loop % by_loop.size()].push_back(std::move(waiter));
    for (size_t i = 0; i < by_loop.size(); ++i)
        if (!by_loop[i].empty())
            boost::asio::post(loops_->at(i),
                              [self = self(), ready = std::move(by_loop[i]), response] {
                                  for (const Waiter &waiter : ready)
                                      self->answer(waiter.reply, ((*self).*response)(waiter));
                              });
}

HttpResponse HlsMount::too_late(const Waiter &waiter) const {
    return waiter.wish.kind == Wish::Kind::playlist
               ? http_retry("The stream has no segment yet; try again.", 1)
               : http_retry("Nothing new has come; try again.", 1);
}

HttpResponse HlsMount::response_to(const Waiter &waiter) const {
    if (waiter.wish.kind != Wish::Kind::part) return playlist_response(waiter);
    return segment_response(stream_.part_name(waiter.wish.part), waiter);
}

HttpResponse HlsMount::playlist_response(const Waiter &waiter) const {
    HttpResponse response;
    response.content_type = "application/vnd.apple.mpegurl";
    response.body = stream_.playlist(waiter.delta);
    const bool blocking = waiter.wish.kind == Wish::Kind::moment;
    response.cache_control = max_age(blocking ? 6 * target_ms() : target_ms() / 2, waiter.token);
    response.headers.emplace_back("Vary", "Accept-Encoding");
    if (!waiter.token.empty()) {
        response.body = playlist::with_session(response.body.view(), waiter.token);
    } else if (waiter.gzip && response.body.size() >= min_gzipped) {
        if (Bytes packed = gzipped(waiter.delta, response.body); !packed.empty()) {
            response.body = std::move(packed);
            response.headers.emplace_back("Content-Encoding", "gzip");
        }
    }
    return response;
}

/// The playlist's `text` in gzip, made once for all who ask for it.
Bytes HlsMount::gzipped(bool delta, const Bytes &text) const {
    std::lock_guard lock(gzip_mutex_);
    Packed &known = packed_[delta];
    if (known.of.data() != text.data() || known.of.size() != text.size())
        known = {text, gzip(text)};
    return known.gzipped;
}

void HlsMount::request_segment(const HttpRequest &request, std::string name, HttpReply reply) {
    Asked asked = this->asked(request, std::move(reply));
    sessions_->ask(request, false,
                   [self = self(), asked = std::move(asked), name = std::move(name)](
                       HlsSessions::Verdict verdict, const std::string &token) mutable {
                       if (verdict != HlsSessions::Verdict::allowed)
                           return self->answer(asked.waiter.reply, refusal(verdict));
                       asked.waiter.token = token;
                       self->give_segment(std::move(asked), name);
                   });
    arm();
}

void HlsMount::give_segment(Asked asked, const std::string &name) {
    const std::optional<uint64_t> part = has_parts_ ? stream_.part_number(name) : std::nullopt;
    // Only the part that the playlist hints at is waited for.
    const Wish wish{Wish::Kind::part, {}, part.value_or(0)};
    if (part && *part == stream_.next_part() && !stream_.info().ended && !gone_)
        return hold(std::move(asked), wish);
    HttpResponse response = segment_response(name, asked.waiter);
    HttpRequest request;
    request.method = asked.method;
    request.header = [&](std::string_view header) {
        return header == "Range" ? asked.range : header == "If-Range" ? asked.if_range : "";
    };
    apply_range(request, response);
    answer(asked.waiter.reply, std::move(response));
}

HttpResponse HlsMount::segment_response(const std::string &name, const Waiter &waiter) const {
    HttpResponse response;
    const bool is_part = stream_.part_number(name).has_value();
    if (!stream_.segment(name, response.body)) {
        response = nothing_there();
        // It has gone for good; any other name may yet come to be.
        if (stream_.is_past(name)) response.cache_control = max_age(target_ms(), waiter.token);
        return response;
    }
    response.content_type = stream_.container().mime_type;
    const std::string visibility = waiter.token.empty() ? "public, " : "private, ";
    response.cache_control =
        visibility + (is_part ? "max-age=" + std::to_string(6 * target_ms() / 1000)
                              : std::string("max-age=31536000, immutable"));
    return response;
}

void HlsMount::answer(const HttpReply &reply, HttpResponse response) {
    if (response.status == 200 || response.status == 206) bytes_out_ += response.body.size();
    reply(std::move(response));
}

} // namespace penstock::net

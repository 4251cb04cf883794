// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/http/exchange.h"

#include "core/http/target.h"
#include "core/net/http/viewer_info.h"
#include "core/net/loop/log.h"

#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <atomic>
#include <utility>

namespace penstock::net {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

constexpr size_t max_body = 16 << 20; ///< bytes; upper limit for all routes

constexpr std::string_view playlist = ".m3u8", manifest = ".mpd";

/// The name by which rules know what is at a path: "live/cam.flv" of "/live/cam.flv". An MPD is the
/// stream of the playlist beside it; then `space` holds the name.
std::string_view name_of(std::string_view path, std::string &space) {
    path.remove_prefix(1);
    if (!path.ends_with(manifest)) return path;
    space.assign(path.substr(0, path.size() - manifest.size()));
    return space += playlist;
}

} // namespace

void HttpExchange::renew() {
    head_ = method() == "HEAD";
    is_endpoint_ = false;
    was_asked_ = false;
    route_ = nullptr;
    navigation_ = nullptr;
    cors_.clear();
}

void HttpExchange::refuse(HttpResponse response) {
    end_with_answer();
    send(std::move(response));
}

void HttpExchange::close_question() {
    ++turn_;
}

/// Finds the route for the request before its body is read.
void HttpExchange::begin() {
    if (refused_) return refuse(http_retry("Too many are connected; try again.", 5));
    const std::string_view target = this->target();
    const bool options = method() == "OPTIONS";
    if (options && target == "*") return answer_unread(HttpRoute{}.options_response(nullptr));
    const auto parsed = penstock::http::parse_target(target);
    if (!parsed) return answer_unread(http_error(400, "The path is not legal."));
    const std::string &path = parsed->path;
    mark_ = target.find('?');
    const auto endpoint = routes().endpoint(path);
    is_endpoint_ = endpoint != nullptr;
    if (!is_endpoint_) navigation_ = routes().navigation(path);
    // The watches of a stream are asked later.
    static const auto media = std::make_shared<const HttpRoute>();
    const bool streams = !is_endpoint_ && is_stream(path);
    const auto route = is_endpoint_ ? endpoint : streams ? nullptr : routes().find(path);
    const HttpRoute &chosen = route ? *route : *media;
    const std::string origin = header("Origin");
    cors_ = cors_headers(chosen.options.cors, origin);
    if (options) return answer_unread(chosen.options_response(&origin));
    if (!chosen.takes(method())) return answer_unread(chosen.wrong_method());
    if (navigation_ && is_navigation()) return receive_body(media, path);
    if (streams && !head_ && sends_streams_elsewhere()) return;
    ask_access(route ? route : media, path,
               [this, path](const auto &asked) { receive_body(asked, path); });
}

/// Responds early: a body still to come would be read as the next request.
void HttpExchange::answer_unread(HttpResponse response) {
    if (!has_body()) end_with_answer();
    send(std::move(response));
}

/// Calls `go_on` unless the route's access hook refuses the request. `go_on` does not keep this
/// object alive.
template <class GoOn>
void HttpExchange::ask_access(const Route &route, const std::string &path, GoOn go_on) {
    route_ = route;
    if (!route->options.access) return go_on(route);
    hold();
    const unsigned question = ++question_;
    const auto decide = [self = shared_from_this(), question, route,
                         go_on](std::optional<HttpResponse> refusal) {
        if (question != self->question_) return; // already decided
        ++self->question_;
        self->access_timer_.reset();
        if (refusal) return self->answer_unread(std::move(*refusal));
        go_on(route);
    };
    access_timer_.emplace(side_->executor, http_access_timeout);
    access_timer_->async_wait([decide](error_code ec) {
        if (!ec) decide(http_error(503, "The authorization timed out."));
    });
    route->options.access(
        request(path), [self = shared_from_this(), decide](std::optional<HttpResponse> refusal) {
            asio::dispatch(self->side_->executor, [decide, refusal = std::move(refusal)]() mutable {
                decide(std::move(refusal));
            });
        });
}

void HttpExchange::receive_body(const Route &route, const std::string &path) {
    if (has_body()) return answer(path);
    read_body(std::min(route->options.max_body, max_body),
              [self = shared_from_this(), path](std::optional<HttpResponse> refusal) {
                  if (refusal) return self->refuse(std::move(*refusal));
                  self->answer(path);
              });
}

void HttpExchange::answer(const std::string &path) {
    if (is_endpoint_) return handle(route_, path);
    if (navigation_ && is_navigation())
        return handle(std::make_shared<const HttpRoute>(HttpRoute{navigation_, {}}), path);
    if (!is_stream(path) && !starts_something(path)) return ask_demand(path);
    if (head_ && routes().stream(path)) return reach(path);
    ask_watches(path);
}

/// Whether a browser shows the response as a page, instead of passing it to a script or player.
bool HttpExchange::is_navigation() const {
    // Browsers send Sec-Fetch-Dest only over TLS and to localhost; otherwise Accept decides:
    // players and fetch() accept any type.
    if (const std::string destination = header("Sec-Fetch-Dest"); !destination.empty())
        return destination == "document";
    return header("Accept").find("text/html") != std::string::npos;
}

/// Whether the path is, or may become, a stream that occupies its connection.
bool HttpExchange::is_stream(const std::string &path) const {
    return routes().stream(path) || (!path.ends_with(playlist) && !path.ends_with(manifest) &&
                                     routes().rules->demand_for(std::string_view(path).substr(1)));
}

/// Whether this request would start the pipeline of a playlist.
bool HttpExchange::starts_something(const std::string &path) const {
    std::string space;
    const std::string_view name = name_of(path, space);
    const auto demand = routes().rules->demand_for(name);
    return demand && !demand->is_ready(std::string(name));
}

/// Nothing may be started for the viewer before these watchers have allowed it.
void HttpExchange::ask_watches(const std::string &path) {
    hold();
    was_asked_ = true;
    const auto stream = routes().stream(path);
    const auto done = [self = shared_from_this(), path](bool allowed, const std::string &reason) {
        if (allowed) return self->ask_demand(path);
        log(LogLevel::warning, "http",
            "[" + self->side_->peer + "] refused to play " + path + ": " + reason);
        self->send(http_error(403, "Not allowed."));
    };
    if (admission_.ask(side_->executor, routes().rules->watches(),
                       stream ? stream->authority() : Authority(), peer_info(path), done))
        ask_demand(path);
}

PeerInfo HttpExchange::peer_info(const std::string &path) const {
    PeerInfo peer = viewer_info(target(), mark_, header("User-Agent"), is_websocket());
    peer.address = side_->peer;
    std::string space;
    peer.path = name_of(path, space);
    peer.is_encrypted = routes().tls != nullptr;
    return peer;
}

void HttpExchange::ask_demand(const std::string &path) {
    std::string space;
    const std::string_view rule = name_of(path, space);
    const auto demand = routes().rules->demand_for(rule);
    if (!demand) return reach(path);
    const std::string name(rule);
    if (demand->is_ready(name)) return reach(path);
    // Nothing else of this request is looked at until it is answered.
    hold();
    demand->on_demand(name,
                      [self = shared_from_this(), path](bool go_on, const std::string &reason) {
                          asio::post(self->side_->executor, [self, path, go_on, reason] {
                              // The URL of a stream that has ended is still answered by its mount.
                              const auto stream = self->routes().stream(path);
                              const bool is_empty = stream && stream->media_at_ms() == 0;
                              if (go_on || (self->routes().has(path) && !is_empty))
                                  self->reach(path);
                              else
                                  self->send(http_error(404, "No such stream: " + reason));
                          });
                      });
}

void HttpExchange::reach(const std::string &path) {
    if (auto stream = routes().stream(path)) return show(std::move(stream), path);
    const auto route = routes().find(path);
    if (!route) return send(not_found(request(path), routes().like(path)));
    if (route == route_) return handle(route, path);
    // The route was created on demand, so its access hook has not been asked yet.
    cors_ = cors_headers(route->options.cors, header("Origin"));
    if (!route->takes(method())) return send(route->wrong_method());
    ask_access(route, path, [this, path](const auto &asked) { handle(asked, path); });
}

void HttpExchange::handle(const Route &route, const std::string &path) {
    HttpRequest asked = request(path);
    asked.body = take_body();
    if (was_asked_) asked.admission = std::make_shared<Admission>(std::move(admission_));
    hold(); // the handler has a deadline of its own
    asked.on_leave = [self = shared_from_this(), turn = ++turn_](std::function<void()> gone) {
        asio::dispatch(self->side_->executor, [self, turn, gone = std::move(gone)]() mutable {
            // Otherwise it is answered already.
            if (turn == self->turn_) self->watch(std::move(gone));
        });
    };
    route->handler(
        asked, [self = shared_from_this(),
                answered = std::make_shared<std::atomic<bool>>(false)](HttpResponse response) {
            if (answered->exchange(true)) {
                if (response.streamed) response.streamed->close("the request is answered already");
                return;
            }
            asio::dispatch(self->side_->executor, [self, response = std::move(response)]() mutable {
                self->send(std::move(response));
            });
        });
}

HttpRequest HttpExchange::request(const std::string &path) const {
    HttpRequest request;
    request.method = method();
    request.path = path;
    const std::string_view target = this->target();
    if (mark_ != target.npos) request.query = target.substr(mark_ + 1);
    request.peer = side_->peer;
    request.loop = side_->loop;
    request.is_encrypted = routes().tls != nullptr;
    request.header = [self = shared_from_this()](std::string_view name) {
        return self->header(name);
    };
    return request;
}

/// Answers a request for a stream.
void HttpExchange::show(std::shared_ptr<HttpStream> stream, const std::string &path) {
    // A stream has no ranges, but some players request all of it as one.
    const std::string range = header("Range");
    if (!range.empty() && range != "bytes=0-") {
        auto refused = http_error(416, "A live stream has no ranges.");
        refused.headers = {{"Accept-Ranges", "none"}};
        return send(std::move(refused));
    }
    if (head_) {
        HttpResponse response;
        response.content_type = stream->format().content_type;
        response.cache_control = "no-store";
        response.headers = {{"Accept-Ranges", "none"}};
        return send(std::move(response), true);
    }
    if (auto refusal = refuse_viewer()) return send(std::move(*refusal));
    HttpPlayRequest request;
    if (!routes().viewers->is_full()) request.place = routes().viewer_hosts->enter(side_->peer);
    if (!request.place) return send(http_retry("Too many are connected; try again.", 5));
    request.peer = peer_info(path);
    request.titles = header("Icy-MetaData") == "1";
    request.admission = std::move(admission_);
    hold();
    play(std::move(stream), std::move(request));
}

} // namespace penstock::net

// SPDX-License-Identifier: LGPL-2.1-or-later
// RTSP within HTTP: one connection has a GET, on which answers and media go out, another one a
// POST, on which requests come in as base64. They may be on different loops.
#include "core/net/loop/clock.h"
#include "core/net/rtsp/connection.h"
#include "core/net/rtsp/state.h"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <cstddef>
#include <utility>

namespace penstock::net {
namespace {

namespace asio = boost::asio;

/// Bytes of requests that wait for an answer to those before them.
constexpr size_t max_waiting = 512 << 10;
/// Of these, how many are answered before it is seen whether the peer takes the answers.
constexpr size_t max_at_once = 32 << 10;

} // namespace

bool RtspTunnels::add(const std::string &cookie, const std::shared_ptr<RtspConnection> &out) {
    std::lock_guard lock(mutex_);
    Tunnel &tunnel = tunnels_[cookie];
    if (!tunnel.get.expired()) return false;
    tunnel = {out, {}};
    return true;
}

void RtspTunnels::remove(const std::string &cookie) {
    std::lock_guard lock(mutex_);
    tunnels_.erase(cookie);
}

std::shared_ptr<RtspConnection> RtspTunnels::find(const std::string &cookie) const {
    std::lock_guard lock(mutex_);
    const auto found = tunnels_.find(cookie);
    return found == tunnels_.end() ? nullptr : found->second.get.lock();
}

std::shared_ptr<RtspConnection> RtspTunnels::set_post(const std::string &cookie,
                                                      const std::shared_ptr<RtspConnection> &post) {
    std::lock_guard lock(mutex_);
    const auto found = tunnels_.find(cookie);
    if (found == tunnels_.end()) return nullptr;
    return std::exchange(found->second.post, post).lock();
}

void RtspConnection::on_http(const rtsp::Request &request) {
    const std::string cookie = rtsp::tunnel_cookie(request);
    const bool is_get = request.method == rtsp::Method::get;
    if (cookie.empty() || role_ != Role::none || mount_ || !tunnel_cookie_.empty() ||
        (!is_get && request.method != rtsp::Method::post))
        return refuse_http("400 Bad Request", "an HTTP request that begins no tunnel");
    if (is_get) {
        if (!state_->tunnels.add(cookie, shared_from_this()))
            return refuse_http("409 Conflict", "a cookie that another tunnel has");
        tunnel_cookie_ = cookie;
        const std::string answer = rtsp::tunnel_answer();
        outlet_.push(fanout::plain_packet(Bytes::copy_of(answer)));
        return pump_alone();
    }
    const auto out = state_->tunnels.find(cookie);
    if (!out || out->peer_ != peer_)
        return refuse_http("404 Not Found", "no tunnel has its cookie");
    if (const auto former = state_->tunnels.set_post(cookie, shared_from_this()))
        former->close("another POST has come for its tunnel");
    tunnel_out_ = out;
    is_post_ = true;
    deadline_ms_ = 0; // its other half has one
}

/// A POST ends with its tunnel, and is silent as long as that is.
void RtspConnection::check_tunnel() {
    if (!is_post_) return;
    const auto out = tunnel_out_.lock();
    if (!out) return close_now(LogLevel::debug, "closed: its tunnel has ended");
    if (out->is_settled_) silent_.reset();
}

void RtspConnection::settle() {
    silent_.reset();
    is_settled_ = true;
}

void RtspConnection::refuse_http(const char *status, const std::string &why) {
    const std::string answer =
        std::string("HTTP/1.0 ") + status + "\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    outlet_.push(fanout::plain_packet(Bytes::copy_of(answer)));
    pump_alone();
    close_now(LogLevel::info, "closed: " + why);
}

/// What came on the POST.
void RtspConnection::feed_tunnel(ByteView text) {
    std::vector<uint8_t> bytes;
    if (const Result result = decoder_.decode(text, bytes); !result.is_ok())
        return close_now(LogLevel::info, "closed: " + result.reason());
    const auto out = tunnel_out_.lock();
    if (!out) return close_now(LogLevel::debug, "closed: its tunnel has ended");
    if (bytes.empty()) return;
    if (out->tunnel_bytes_.fetch_add(bytes.size()) > max_waiting)
        return close_now(LogLevel::warning, "closed: more than 512 KiB of requests wait");
    asio::post(out->context(), [out, bytes = std::move(bytes)] {
        if (out->closed_) return;
        out->tunnelled_.insert(out->tunnelled_.end(), bytes.begin(), bytes.end());
        out->take_tunnelled();
    });
}

/// Takes what has come, unless a request before it is pending.
void RtspConnection::take_tunnelled() {
    while (!closed_ && !is_read_held() && !tunnelled_.empty()) {
        const auto end = tunnelled_.begin() + ptrdiff_t(std::min(tunnelled_.size(), max_at_once));
        const std::vector<uint8_t> bytes(tunnelled_.begin(), end);
        tunnelled_.erase(tunnelled_.begin(), end);
        tunnel_bytes_ -= bytes.size();
        take_result(session_.feed(bytes));
    }
}

} // namespace penstock::net

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/stream/viewer.h"

#include "core/net/loop/clock.h"
#include "core/net/stream/ending.h"
#include "core/net/stream/live_mount.h"

#include <system_error>
#include <utility>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace penstock::net {

using fanout::Outlet;

Viewer::Viewer(std::shared_ptr<Loops> loops, size_t loop)
    : loops_(std::move(loops)), loop_(static_cast<uint32_t>(loop)) {
}

void Viewer::join(std::shared_ptr<LiveMount> mount, int socket) {
    rewind();
    since_ = unix_ms();
    joined_ms_ = steady_ms();
    watched_ = std::move(mount);
    if (socket >= 0)
        ::setsockopt(socket, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &max_unsent, sizeof max_unsent);
    watched_->audience().add(*this, loop_);
    watched_->tell(MountEvent::viewer_came);
}

void Viewer::part() {
    const auto mount = std::exchange(watched_, nullptr);
    if (!mount) return;
    end_reason_.clear();
    is_told_ = is_finished_ = false;
    mount->audience().remove(*this, loop_);
    mount->tell(MountEvent::viewer_went);
}

void Viewer::pump(fanout::BatchCache &cache) {
    if (closed_ || waiting_) return;
    Outlet::Source source;
    bool admitted = is_told_; // nothing but what it was told is sent
    if (watched_ && !is_told_) {
        // Taken before the admission is looked at: a producer that comes meanwhile has another
        // epoch.
        Audience &audience = watched_->audience();
        const uint64_t epoch = audience.ring().epoch();
        const fanout::Policy policy = audience.policy();
        admitted = is_admitted();
        if (closed_) return;
        if (admitted)
            source = {&audience.ring(), epoch, policy.join, policy.slow, framing_, takes_};
    }
    if (!prepare(source, admitted)) return;
    const uint64_t skipped = skips(), done = completed();
    uint64_t sent = 0;
    int error = 0;
    const auto status = write(source, cache, sent, error);
    bytes_out_ += sent;
    if (watched_) watched_->audience().count(sent, skips() - skipped);
    // Whole packets count, not any byte: a peer that takes one byte now and then would stay for
    // ever.
    if (completed() != done) stalled_since_ = 0;
    switch (status) {
    case Outlet::Status::idle:
        stalled_since_ = 0;
        if (!end_reason_.empty()) pump_end(cache);
        return;
    case Outlet::Status::blocked:
        if (stalled_since_ == 0) stalled_since_ = steady_ms();
        [[fallthrough]];
    case Outlet::Status::more:
        waiting_ = true;
        return wait_writable(status);
    case Outlet::Status::lagging:
        ++watched_->audience().closed_slow;
        return close_now(LogLevel::warning, "closed: reads too slowly");
    case Outlet::Status::failed:
        return close_now(LogLevel::info, "disconnected: " + std::generic_category().message(error));
    }
}

/// All of the stream is sent.
void Viewer::pump_end(fanout::BatchCache &cache) {
    if (!std::exchange(is_told_, true)) {
        say_ended();
        return pump(cache);
    }
    if (!std::exchange(is_finished_, true)) finish();
}

void Viewer::end(uint64_t linger_ms, const std::string &reason) {
    if (closed_ || !watched_ || !end_reason_.empty()) return;
    end_reason_ = reason;
    end_ms_ = steady_ms() + linger_ms;
    pump_alone();
}

bool Viewer::check_end(uint64_t now_ms, uint64_t wait_ms) {
    if (closed_ || !watched_) return closed_;
    if (!end_reason_.empty()) {
        if (now_ms < end_ms_) return false;
        close_now(LogLevel::info, "closed: " + end_reason_);
        return true;
    }
    if (watched_->media_at_ms() < joined_ms_ && now_ms - joined_ms_ > wait_ms)
        end(ms_of(uint64_t(Ending().linger.count())), "no media came for " + time_text(wait_ms));
    return closed_;
}

void Viewer::pump_alone() {
    auto &cache = loops_->pacer(loop_).cache();
    pump(cache);
    cache.clear();
}

void Viewer::pump_again() {
    waiting_ = false;
    pump_alone();
}

void Viewer::check_stall(uint64_t now_ms, uint64_t unwatched_ms) {
    if (!waiting_ || stalled_since_ == 0) return;
    const uint64_t limit_ms =
        watched_ ? ms_of(watched_->audience().policy().stall_timeout) : unwatched_ms;
    if (limit_ms == 0 || now_ms - stalled_since_ <= limit_ms) return;
    if (watched_) ++watched_->audience().closed_slow;
    close_now(LogLevel::warning, "closed: has not read anything for " + time_text(limit_ms));
}

ViewerInfo Viewer::info() const {
    return {peer_info(), since_, bytes_out_, skips(),
            stalled_since_ == 0 ? 0 : steady_ms() - stalled_since_};
}

} // namespace penstock::net

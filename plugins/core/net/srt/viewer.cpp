// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/srt/viewer.h"

#include "core/net/loop/clock.h"
#include "core/net/srt/wire.h"

#include <boost/asio/post.hpp>

#include <array>
#include <utility>

namespace penstock::net {
namespace {

namespace asio = boost::asio;

/// Seconds for which a viewer that has skipped counts as slow.
constexpr unsigned slow_for = 5;
/// Bytes that one may send who asked to watch.
constexpr uint64_t max_unasked = 64 << 10;

} // namespace

SrtViewer::SrtViewer(SrtCaller &&caller, size_t loop, std::shared_ptr<SrtState> state)
    : SrtPeer(std::move(caller), loop, state, "srt-play"), Viewer(state->shared_loops(), loop),
      window_(srt_first_window) {
}

// --- admission ----------------------------------------------------------------------------

/// The handshake has looked at the path already, but that may have changed.
void SrtViewer::start() {
    if (const auto refusal = state_->judge_viewer(peer_.path, peer_.address); refusal.code != 0)
        return refuse(refusal.reason);
    const auto mount = state_->mount(peer_.path, false);
    ask(mount ? mount->authority() : Authority(), [this] { admit(); });
}

/// Called after the admission, before which nothing may be started for the viewer.
void SrtViewer::admit() {
    const auto mount = state_->mount(peer_.path, false);
    const auto demand = state_->rules->demand_for(peer_.path);
    const bool is_asked = demand && !demand->is_ready(peer_.path);
    const bool is_claimed = mount && mount->slot.is_claimed();
    // A stream that never had media may never have any: the rule knows.
    const bool may_be_empty = is_asked && mount && mount->media_at_ms() == 0;
    if (is_claimed || (mount && mount->has_feed() && !may_be_empty)) return play();
    if (is_asked) return ask_to_play(*demand);
    if (demand || state_->rules->lease_for(peer_.path)) return play();
    refuse("no such stream");
}

/// The stream is made for the viewer: the answer comes when it is there, or will not be.
void SrtViewer::ask_to_play(const DemandOptions &demand) {
    is_asking_ = true;
    deadline_ms_ = steady_ms() + state_->limits.demand_ms;
    demand.on_demand(peer_.path, [weak = weak_from_this()](bool go_on, const std::string &reason) {
        const auto asking = std::static_pointer_cast<SrtViewer>(weak.lock());
        if (!asking) return;
        asio::post(asking->context(), [asking, go_on, reason] {
            if (asking->ended_ || !std::exchange(asking->is_asking_, false)) return;
            asking->deadline_ms_ = 0;
            if (go_on)
                asking->play();
            else
                asking->refuse(reason);
        });
    });
}

void SrtViewer::play() {
    mount_ = state_->mount(peer_.path, true);
    feeds_seen_ = mount_->feeds();
    if (!has_passphrase()) return refuse(srt_passphrase_text);
    if (!mount_->has_feed() && !(seat_ = state_->waiting->enter(peer_.address)))
        return refuse("too many viewers wait for streams already");
    entered_ = true;
    join(mount_);
    say(LogLevel::info, "plays (" + peer_.client + ")");
    admission_.enter(peer_);
    pump_alone();
}

/// A viewer may be here before the producer, or have stayed from the one before: the producer's
/// watcher decides about it as about those that come later.
bool SrtViewer::is_admitted() {
    if (const unsigned feeds = mount_->feeds(); feeds != feeds_seen_) {
        feeds_seen_ = feeds;
        if (!has_passphrase()) {
            // Not at once: what pumps it still uses it.
            closed_ = true;
            asio::post(context(), [self = self<SrtViewer>()] {
                self->end_watching(LogLevel::warning,
                                   std::string("closed: ") + srt_passphrase_text);
            });
            return false;
        }
    }
    if (mount_->epoch() == admission_.epoch()) return true;
    if (admission_.is_open()) return false;
    ask_again(mount_->authority(), [] {});
    return !ended_ && mount_->epoch() == admission_.epoch();
}

// --- sending ------------------------------------------------------------------------------

fanout::Outlet::Status SrtViewer::write(const fanout::Outlet::Source &source,
                                        fanout::BatchCache &cache, uint64_t &sent, int &error) {
    SrtWire wire(socket_.get(), window_);
    return outlet_.send(wire, source, cache, sent, error);
}

void SrtViewer::wait_writable(fanout::Outlet::Status why) {
    if (why != fanout::Outlet::Status::more)
        return state_->blocked->add(self<SrtViewer>(), peer_loop_);
    asio::post(context(), [self = self<SrtViewer>()] { self->go_on(); });
}

void SrtViewer::go_on() {
    if (!ended_ && waiting_) pump_again();
}

/// A viewer has nothing to say; what it sends would fill libsrt's memory.
void SrtViewer::on_ready() {
    std::array<char, 1500> message;
    int size = 0;
    while (unasked_ <= max_unasked &&
           (size = srt_recvmsg(socket_.get(), message.data(), int(message.size()))) > 0)
        unasked_ += static_cast<uint64_t>(size);
    if (unasked_ > max_unasked)
        return end_watching(LogLevel::warning,
                            "closed: it sends media, but asked to watch: to publish, its stream "
                            "id is publish:" +
                                peer_.path);
    if (is_broken()) end_watching(LogLevel::info, reason_or("disconnected"));
}

// --- each second --------------------------------------------------------------------------

/// What libsrt may hold follows the stream's rate and the round trip. A viewer that has skipped
/// counts as slow for a while.
void SrtViewer::measure() {
    measure_network(true);
    mount_->watching.set(peer_.id, network_);
    window_ = srt_window(network_);

    const bool was_slow = slow_checks_ > 0;
    if (slow_checks_ > 0) --slow_checks_;
    if (std::exchange(skips_seen_, skips()) != skips()) slow_checks_ = slow_for;
    if (was_slow == (slow_checks_ > 0)) return;
    if (was_slow)
        --mount_->audience().slow;
    else
        ++mount_->audience().slow;
}

void SrtViewer::check(uint64_t now_ms) {
    if (ended_) return;
    if (is_broken()) return end_watching(LogLevel::info, reason_or("disconnected"));
    if (is_done_ && srt_unacknowledged(socket_.get()) == 0)
        return end_watching(LogLevel::info, reason_or("the stream has ended"));
    if (admission_.is_open()) return; // which has a time limit of its own
    if (deadline_ms_ != 0 && now_ms > deadline_ms_)
        return refuse("the stream it asked for did not begin");
    if (!entered_) return;
    if (admission_.is_over(now_ms))
        return end_watching(LogLevel::info, "closed: its authorization has expired");
    if (seat_ && mount_->has_feed()) seat_.reset();
    measure();
    if (check_end(now_ms, state_->limits.wait_ms)) return;
    check_stall(now_ms);
}

void SrtViewer::end_watching(LogLevel level, const std::string &reason) {
    closed_ = true;
    leave(level, reason);
}

void SrtViewer::on_closed(const std::string &) {
    closed_ = true;
    seat_.reset();
    if (!mount_) return;
    if (slow_checks_ > 0) --mount_->audience().slow;
    part();
    mount_->watching.remove(peer_.id);
}

// --- blocked viewers ----------------------------------------------------------------------

SrtBlocked::SrtBlocked(std::shared_ptr<Loops> loops)
    : loops_(std::move(loops)), per_loop_(loops_->size()) {
}

void SrtBlocked::add(std::shared_ptr<SrtViewer> viewer, size_t loop) {
    constexpr auto interval = std::chrono::milliseconds(10);
    PerLoop &mine = per_loop_[loop];
    mine.viewers.push_back(std::move(viewer));
    if (mine.viewers.size() > 1) return;
    if (!mine.timer) mine.timer = std::make_unique<Timer>(loops_->at(loop));
    mine.timer->expires_after(interval);
    mine.timer->async_wait([weak = weak_from_this(), loop](boost::system::error_code ec) {
        if (const auto self = weak.lock(); self && !ec) self->serve(loop);
    });
}

void SrtBlocked::serve(size_t loop) {
    PerLoop &mine = per_loop_[loop];
    std::swap(mine.viewers, mine.on_turn);
    for (const auto &viewer : mine.on_turn)
        viewer->go_on();
    mine.on_turn.clear();
}

} // namespace penstock::net

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/stream/roster.h"

#include "core/net/loop/clock.h"

#include <boost/asio/post.hpp>

#include <chrono>
#include <future>

namespace penstock::net {

namespace asio = boost::asio;

Roster::Roster(std::shared_ptr<Loops> loops, size_t max_members)
    : loops_(std::move(loops)), max_members_(max_members), per_loop_(loops_->size()) {
}

void Roster::add(const std::shared_ptr<RosterMember> &member) {
    PerLoop &mine = per_loop_[member->loop()];
    if (!mine.members.insert(member).second) return;
    ++count_;
    if (closing_)
        member->close("the server ends");
    else if (mine.members.size() == 1)
        wait(member->loop());
}

void Roster::remove(const std::shared_ptr<RosterMember> &member) {
    PerLoop &mine = per_loop_[member->loop()];
    if (!mine.members.erase(member)) return;
    --count_;
    if (mine.members.empty()) mine.timer.reset();
}

void Roster::wait(size_t loop) {
    PerLoop &mine = per_loop_[loop];
    if (!mine.timer) mine.timer = std::make_unique<Timer>(loops_->at(loop));
    mine.timer->expires_after(std::chrono::seconds(1));
    mine.timer->async_wait([weak = weak_from_this(), loop](boost::system::error_code ec) {
        if (const auto self = weak.lock(); self && !ec) self->check(loop);
    });
}

void Roster::check(size_t loop) {
    const auto members = per_loop_[loop].members; // copied: a check may remove its member
    const uint64_t now = steady_ms();
    for (const auto &member : members)
        member->check(now);
    if (!per_loop_[loop].members.empty()) wait(loop);
}

void Roster::each(std::function<void(RosterMember &)> visit) {
    for (size_t loop = 0; loop < per_loop_.size(); ++loop)
        asio::post(loops_->at(loop), [self = shared_from_this(), loop, visit] {
            const auto members = self->per_loop_[loop].members; // a visit may remove its member
            for (const auto &member : members)
                visit(*member);
        });
}

void Roster::shutdown() {
    closing_ = true;
    std::vector<std::future<void>> closed;
    for (size_t loop = 0; loop < per_loop_.size(); ++loop) {
        auto done = std::make_shared<std::promise<void>>();
        closed.push_back(done->get_future());
        asio::post(loops_->at(loop), [self = shared_from_this(), loop, done] {
            const auto members = self->per_loop_[loop].members;
            for (const auto &member : members)
                member->close("the server ends");
            // close() posts its work, so all members are closed when this runs.
            asio::post(self->loops_->at(loop), [done] { done->set_value(); });
        });
    }
    if (loops_->on_loop()) return;
    for (auto &each : closed)
        each.wait();
}

} // namespace penstock::net

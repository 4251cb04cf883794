// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/stream/audience.h"

#include "core/net/stream/pacer.h"
#include "core/net/stream/viewer.h"

#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>

namespace penstock::net {

namespace asio = boost::asio;

Audience::Audience(std::shared_ptr<Loops> loops)
    : loops_(std::move(loops)), groups_(loops_->size()) {
    set_policy({});
}

void Audience::set_policy(const fanout::Policy &policy) {
    send_rate_ = policy.send_rate;
    coalesce_max_ = policy.coalesce_max;
    join_ = policy.join;
    slow_ = policy.slow;
    stall_timeout_ = policy.stall_timeout;
}

fanout::Policy Audience::policy() const {
    return {send_rate_, coalesce_max_, join_, slow_, stall_timeout_};
}

void Audience::wake(bool awaited) {
    if (viewers == 0) return;
    // The packet is in the ring before it is looked whether the loop will see it by itself.
    std::atomic_thread_fence(std::memory_order_seq_cst);
    for (size_t loop = 0; loop < groups_.size(); ++loop) {
        AudienceGroup &group = groups_[loop];
        if (group.count == 0) continue;
        if (group.timed && !(awaited && steady_ns() >= group.not_before)) continue;
        if (group.woken.exchange(true)) continue;
        asio::dispatch(loops_->at(loop), [self = shared_from_this(), loop] {
            self->loops_->pacer(loop).serve(self);
        });
    }
}

void Audience::add(Viewer &viewer, size_t loop) {
    AudienceGroup &group = groups_[loop];
    viewer.audience_slot = group.viewers.size();
    group.viewers.push_back(&viewer);
    ++group.count;
    ++viewers;
    ++viewers_total;
    if (group.viewers.size() == 1) loops_->pacer(loop).watch(shared_from_this());
}

void Audience::remove(Viewer &viewer, size_t loop) {
    AudienceGroup &group = groups_[loop];
    // The last one takes its place: if that was served in this pass and the place was not, it is
    // served twice, which does no harm. None is left out.
    group.viewers[viewer.audience_slot] = group.viewers.back();
    group.viewers[viewer.audience_slot]->audience_slot = viewer.audience_slot;
    group.viewers.pop_back();
    --group.count;
    --viewers;
}

void Audience::for_each(std::function<void(Viewer &)> use) {
    for (size_t loop = 0; loop < groups_.size(); ++loop) {
        if (groups_[loop].count == 0) continue;
        asio::post(loops_->at(loop), [self = shared_from_this(), loop, use] {
            const auto viewers = self->groups_[loop].viewers; // `use` may remove its viewer
            for (Viewer *viewer : viewers)
                use(*viewer);
        });
    }
}

} // namespace penstock::net

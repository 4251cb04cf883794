// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/http/hls/waiters.h"

#include <algorithm>
#include <iterator>
#include <limits>

namespace penstock::net {

HlsWaiters::Key HlsWaiters::key_of(const Wish &wish) {
    if (wish.kind == Wish::Kind::part || wish.kind == Wish::Kind::segment)
        return {wish.kind, {wish.part, 0}};
    constexpr uint64_t whole = std::numeric_limits<uint64_t>::max();
    return {wish.kind, {wish.moment.sequence, wish.moment.part.value_or(whole)}};
}

uint64_t HlsWaiters::add(Waiter &waiter, const std::string &peer) {
    waiter.seat = room_->enter(peer);
    if (!waiter.seat) return 0;
    std::lock_guard lock(mutex_);
    waiter.id = ++last_id_;
    by_wish_[key_of(waiter.wish)].push_back(std::move(waiter));
    return last_id_;
}

std::optional<HlsWaiters::Waiter> HlsWaiters::take(const Wish &wish, uint64_t id) {
    std::lock_guard lock(mutex_);
    const auto list = by_wish_.find(key_of(wish));
    if (list == by_wish_.end()) return std::nullopt;
    const auto found =
        std::lower_bound(list->second.begin(), list->second.end(), id,
                         [](const Waiter &w, uint64_t value) { return w.id < value; });
    if (found == list->second.end() || found->id != id) return std::nullopt;
    std::optional<Waiter> waiter = std::move(*found);
    list->second.erase(found);
    if (list->second.empty()) by_wish_.erase(list);
    return waiter;
}

std::vector<HlsWaiters::Waiter>
HlsWaiters::take(const std::function<bool(const Wish &)> &has_come) {
    std::vector<Waiter> taken;
    std::lock_guard lock(mutex_);
    for (auto list = by_wish_.begin(); list != by_wish_.end();) {
        if (!has_come(list->second.front().wish)) {
            ++list;
            continue;
        }
        std::move(list->second.begin(), list->second.end(), std::back_inserter(taken));
        list = by_wish_.erase(list);
    }
    return taken;
}

std::vector<HlsWaiters::Waiter> HlsWaiters::take_expired(uint64_t now_ms) {
    std::vector<Waiter> taken;
    std::lock_guard lock(mutex_);
    for (auto list = by_wish_.begin(); list != by_wish_.end();) {
        // Requests with the same wish wait equally long: those that came first expire first.
        const auto until = std::find_if(list->second.begin(), list->second.end(),
                                        [&](const Waiter &w) { return w.deadline_ms > now_ms; });
        std::move(list->second.begin(), until, std::back_inserter(taken));
        list->second.erase(list->second.begin(), until);
        list = list->second.empty() ? by_wish_.erase(list) : std::next(list);
    }
    return taken;
}

size_t HlsWaiters::size() const {
    std::lock_guard lock(mutex_);
    size_t size = 0;
    for (const auto &[wish, list] : by_wish_)
        size += list.size();
    return size;
}

} // namespace penstock::net

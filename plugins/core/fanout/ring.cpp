// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/fanout/ring.h"

namespace penstock::fanout {

void Ring::restart(gop::Limits limits) {
    std::lock_guard lock(mutex_);
    history_.clear();
    history_.set_limits(limits);
    headers_.clear();
    folded_.clear();
    epoch_.fetch_add(1);
}

void Ring::append(PacketPtr packet, uint64_t now_ns, bool joinable) {
    const size_t size = packet->size;
    if (packet->awaited) awaited_.fetch_add(1, std::memory_order_relaxed);
    std::lock_guard lock(mutex_);
    history_.push(std::move(packet), size, now_ns, joinable);
    folded_.clear();
    end_.store(history_.end(), std::memory_order_release);
}

void Ring::set_headers(std::vector<PacketPtr> headers) {
    std::lock_guard lock(mutex_);
    headers_ = std::move(headers);
}

void Ring::forget_joins() {
    std::lock_guard lock(mutex_);
    history_.forget_joins();
}

void Ring::set_fold(Fold fold) {
    std::lock_guard lock(mutex_);
    fold_ = std::move(fold);
}

void Ring::begin_at(Cursor &cursor, uint64_t at, std::vector<PacketPtr> &first) const {
    first.insert(first.end(), headers_.begin(), headers_.end());
    cursor.next = at;
    cursor.epoch = epoch_.load(std::memory_order_relaxed);
}

const std::vector<PacketPtr> &Ring::folded(uint64_t from) {
    if (folded_.empty() || folded_end_ != history_.end()) {
        std::vector<PacketPtr> gop;
        for (uint64_t i = from; i < history_.end(); ++i)
            gop.push_back(history_.at(i));
        folded_ = fold_(gop);
        folded_end_ = history_.end();
    }
    return folded_;
}

void Ring::join(Cursor &cursor, Join join, std::vector<PacketPtr> &first) {
    if (join == Join::live) {
        // Packets can't be decoded without the headers.
        if (!headers_.empty() || !history_.empty()) begin_at(cursor, history_.end(), first);
        return;
    }
    const auto at = history_.newest_join();
    if (!at) return;
    if (join == Join::keyframe) {
        if (cursor.join_from == 0) cursor.join_from = history_.end();
        if (*at >= cursor.join_from) begin_at(cursor, *at, first);
        return;
    }
    begin_at(cursor, *at, first);
    if (join != Join::fast_forward || !fold_) return;
    const auto &gop = folded(*at);
    if (gop.empty()) return;
    first.insert(first.end(), gop.begin(), gop.end());
    cursor.next = history_.end();
}

Ring::Place Ring::settle(Cursor &cursor, Join wanted, Slow slow, std::vector<PacketPtr> &first,
                         uint64_t epoch) {
    const uint64_t end = end_.load(std::memory_order_acquire);
    if (cursor.next && *cursor.next == end &&
        cursor.epoch == epoch_.load(std::memory_order_acquire))
        return Place::current;
    std::lock_guard lock(mutex_);
    if (epoch != 0 && epoch != epoch_.load(std::memory_order_relaxed)) return Place::waiting;
    if (!cursor.next || cursor.epoch != epoch_.load(std::memory_order_relaxed)) {
        // Regardless of the join policy, a new producer's first keyframe is the live edge.
        cursor.next.reset();
        join(cursor, wanted, first);
        if (!cursor.next) return Place::waiting;
    } else if (*cursor.next < history_.begin()) {
        if (slow == Slow::close) return Place::lagging;
        // Skips whole GOPs, so that no frame lacks its references.
        const auto at = history_.newest_join();
        if (!at) return Place::waiting;
        ++cursor.skipped;
        begin_at(cursor, *at, first);
    }
    return *cursor.next < history_.end() ? Place::behind : Place::current;
}

bool Ring::read(const Cursor &cursor, size_t max_packets, size_t max_bytes, Batch &batch) const {
    batch.packets.clear();
    std::lock_guard lock(mutex_);
    batch.epoch = epoch_.load(std::memory_order_relaxed);
    batch.begin = batch.end = cursor.next.value_or(0);
    if (cursor.epoch != batch.epoch || batch.begin < history_.begin()) return false;
    size_t bytes = 0;
    while (batch.end < history_.end() && batch.packets.size() < max_packets) {
        const PacketPtr &packet = history_.at(batch.end);
        bytes += packet->size;
        if (bytes > max_bytes && !batch.packets.empty()) break;
        batch.packets.push_back(packet);
        ++batch.end;
    }
    return true;
}

} // namespace penstock::fanout

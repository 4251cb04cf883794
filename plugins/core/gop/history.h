// SPDX-License-Identifier: LGPL-2.1-or-later
// The last GOPs of a stream, bounded and aligned to keyframes: where joining readers start.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <utility>

namespace penstock::gop {

struct Limits {
    unsigned gops = 1;                  ///< number of whole GOPs, including the growing one; ≥ 1
    size_t bytes = 32 << 20;            ///< payload bytes
    size_t items = 20000;               ///< buffers or tags
    uint64_t duration = 30'000'000'000; ///< ns of media
    /// Older items are kept up to this age in ns for lagging readers. Readers do not join there.
    uint64_t keep = 0;
};

/// Items have unique sequence numbers; a reader stores only the number of its next item. Not
/// thread-safe.
template <class Item>
class History {
public:
    explicit History(Limits limits = {}) { set_limits(limits); }

    /// Appends an item and returns its sequence number. `time` is in ns and need not be monotonic.
    /// `joinable`: a decoder can start here (a keyframe, or any item of a stream without video).
    uint64_t push(Item item, size_t bytes, uint64_t time, bool joinable) {
        const uint64_t sequence = end();
        entries_.push_back({std::move(item), bytes, time, joinable});
        bytes_ += bytes;
        if (joinable) {
            joins_.push_back(sequence);
            while (joins_.size() > limits_.gops)
                joins_.pop_front();
        }
        // Without a joinable item, all items serve lagging readers only.
        if (!joins_.empty()) {
            while (first_ < joins_.front() && !is_kept(entries_.front(), time))
                drop_before(first_ + 1);
        }
        // If a bound is exceeded, drops first the items for lagging readers, then whole GOPs, then
        // the whole history, because a partial GOP can't be decoded.
        while (over_bounds(time) && !joins_.empty()) {
            if (first_ == joins_.front()) joins_.pop_front();
            drop_before(joins_.empty() ? sequence : joins_.front());
        }
        // Up-to-date readers still get the newest item.
        if (over_bounds(time)) drop_before(sequence);
        return sequence;
    }

    /// The first item that is still held.
    uint64_t begin() const { return first_; }
    /// The sequence number of the next item.
    uint64_t end() const { return first_ + entries_.size(); }
    bool empty() const { return entries_.empty(); }
    const Item &at(uint64_t sequence) const { return entries_[sequence - first_].item; }
    bool holds(uint64_t sequence) const { return sequence >= first_ && sequence < end(); }

    /// The oldest joinable item, which gives a new reader the longest history; nullopt before the
    /// first keyframe.
    std::optional<uint64_t> oldest_join() const {
        return joins_.empty() ? std::nullopt : std::optional(joins_.front());
    }
    /// The newest joinable item, where a lagging reader continues.
    std::optional<uint64_t> newest_join() const {
        return joins_.empty() ? std::nullopt : std::optional(joins_.back());
    }

    size_t bytes() const { return bytes_; }
    size_t size() const { return entries_.size(); }
    unsigned gops() const { return static_cast<unsigned>(joins_.size()); }

    /// Removes all items (after a flush or a new codec configuration); sequence numbers continue.
    void clear() {
        first_ = end();
        entries_.clear();
        joins_.clear();
        bytes_ = 0;
    }
    /// After a new codec configuration: readers can't join before the next keyframe; current
    /// readers continue.
    void forget_joins() { joins_.clear(); }
    /// New limits take effect at the next push().
    void set_limits(Limits limits) {
        limits_ = limits;
        if (limits_.gops == 0) limits_.gops = 1;
    }
    const Limits &limits() const { return limits_; }

private:
    struct Entry {
        Item item;
        size_t bytes;
        uint64_t time;
        bool joinable;
    };

    bool over_bounds(uint64_t now) const {
        const uint64_t first = entries_.front().time;
        return bytes_ > limits_.bytes || entries_.size() > limits_.items ||
               (now > first && now - first > limits_.duration);
    }
    bool is_kept(const Entry &entry, uint64_t now) const {
        return limits_.keep > 0 && (entry.time > now || now - entry.time < limits_.keep);
    }
    void drop_before(uint64_t sequence) {
        while (first_ < sequence) {
            bytes_ -= entries_.front().bytes;
            entries_.pop_front();
            ++first_;
        }
    }

    Limits limits_;
    std::deque<Entry> entries_;
    std::deque<uint64_t> joins_;
    uint64_t first_ = 0;
    size_t bytes_ = 0;
};

} // namespace penstock::gop

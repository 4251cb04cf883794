// SPDX-License-Identifier: LGPL-2.1-or-later
// The last GOPs of one stream, bounded and aligned to keyframes: the data that joining readers
// start with.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <utility>

namespace penstock::gop {

struct Limits {
    unsigned gops = 1;                  ///< whole GOPs kept, the growing one included; ≥ 1
    size_t bytes = 32 << 20;            ///< payload bytes
    size_t items = 20000;               ///< buffers or tags
    uint64_t duration = 30'000'000'000; ///< nanoseconds of media
    /// Nanoseconds: older items than those GOPs are kept up to this age for readers that lag.
    /// Readers do not join there.
    uint64_t keep = 0;
};

/// Items have sequence numbers that never repeat; a reader keeps only the number of its next item.
/// Not thread-safe: the owner locks.
template <class Item>
class History {
public:
    explicit History(Limits limits = {}) { set_limits(limits); }

    /// Appends and returns the item's sequence number. `time` in nanoseconds need not be
    /// monotonic. `joinable`: a decoder can begin here (a keyframe; any item of a stream
    /// without video).
    uint64_t push(Item item, size_t bytes, uint64_t time, bool joinable) {
        const uint64_t sequence = end();
        entries_.push_back({std::move(item), bytes, time, joinable});
        bytes_ += bytes;
        if (joinable) {
            joins_.push_back(sequence);
            while (joins_.size() > limits_.gops)
                joins_.pop_front();
        }
        // There is no joinable item yet: all items serve lagging readers only.
        if (!joins_.empty()) {
            while (first_ < joins_.front() && !is_kept(entries_.front(), time))
                drop_before(first_ + 1);
        }
        // Over a bound: first drop the items kept for lagging readers, then whole GOPs, then the
        // whole history, since part of a GOP cannot be decoded.
        while (over_bounds(time) && !joins_.empty()) {
            if (first_ == joins_.front()) joins_.pop_front();
            drop_before(joins_.empty() ? sequence : joins_.front());
        }
        // Readers that are up to date still get the newest item.
        if (over_bounds(time)) drop_before(sequence);
        return sequence;
    }

    /// The first item still held; items before it are gone.
    uint64_t begin() const { return first_; }
    /// The sequence number that the next item will get.
    uint64_t end() const { return first_ + entries_.size(); }
    bool empty() const { return entries_.empty(); }
    const Item &at(uint64_t sequence) const { return entries_[sequence - first_].item; }
    bool holds(uint64_t sequence) const { return sequence >= first_ && sequence < end(); }

    /// The oldest joinable item, where a new reader gets the longest history; nullopt before the
    /// first keyframe.
    std::optional<uint64_t> oldest_join() const {
        return joins_.empty() ? std::nullopt : std::optional(joins_.front());
    }
    /// The newest joinable item, where a reader that fell behind continues.
    std::optional<uint64_t> newest_join() const {
        return joins_.empty() ? std::nullopt : std::optional(joins_.back());
    }

    size_t bytes() const { return bytes_; }
    size_t size() const { return entries_.size(); }
    unsigned gops() const { return static_cast<unsigned>(joins_.size()); }

    /// Forgets all items (after a flush, a new codec configuration); sequence numbers go on.
    void clear() {
        first_ = end();
        entries_.clear();
        joins_.clear();
        bytes_ = 0;
    }
    /// After a new codec configuration: no reader joins before the next keyframe; readers continue.
    void forget_joins() { joins_.clear(); }
    /// The new bounds take effect with the next push().
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

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/rtmp/publish_queue.h"

#include <algorithm>

namespace penstock::rtmp {

void PublishQueue::drop_until(size_t index) {
    for (size_t i = 0; i < index; ++i) {
        if (!items_.front().header) ++dropped_;
        bytes_ -= items_.front().tag.bytes.size();
        items_.pop_front();
    }
}

void PublishQueue::push(Item &&item) {
    if (item.header) {
        // A new connection is sent all headers first. What was held before a change of them can't
        // be decoded with the new ones.
        if (!flowing_) {
            if (item.tag.kind == flv::TagKind::config) {
                drop_until(items_.size());
                waiting_ = true;
            }
            return;
        }
        if (waiting_) {
            skipped_ = true;
            return;
        }
    } else if (item.start) {
        if (!flowing_) drop_until(items_.size());
        waiting_ = false;
    } else if (waiting_) {
        ++dropped_;
        return;
    }
    bytes_ += item.tag.bytes.size();
    items_.push_back(std::move(item));
    const bool too_long =
        flowing_ && items_.back().time - items_.front().time > std::max(limit_ms_, limits_.max_ms);
    if (bytes_ > limits_.max_bytes || too_long) skip();
}

void PublishQueue::skip() {
    size_t newest = items_.size();
    for (size_t i = items_.size(); i-- > 1;)
        if (items_[i].start) {
            newest = i;
            break;
        }
    // A single GOP over the limit: the next keyframe is waited for.
    if (newest == items_.size()) waiting_ = true;
    drop_until(newest);
    if (bytes_ > limits_.max_bytes) {
        waiting_ = true;
        drop_until(items_.size());
    }
    skipped_ = true;
}

bool PublishQueue::pop(Item &item) {
    if (items_.empty()) {
        limit_ms_ = 0;
        return false;
    }
    item = std::move(items_.front());
    bytes_ -= item.tag.bytes.size();
    items_.pop_front();
    return true;
}

void PublishQueue::hold() {
    flowing_ = false;
    // The rest of a partly sent GOP is of no use to the next connection.
    size_t first = 0;
    while (first < items_.size() && !items_[first].start)
        ++first;
    if (first == items_.size()) waiting_ = true;
    drop_until(first);
    size_t newest = 0;
    for (size_t i = 0; i < items_.size(); ++i)
        if (items_[i].start) newest = i;
    drop_until(newest);
    skipped_ = false;
}

void PublishQueue::flow() {
    flowing_ = true;
    skipped_ = false;
    limit_ms_ = items_.empty() ? 0 : limits_.max_ms + items_.back().time - items_.front().time;
}

} // namespace penstock::rtmp

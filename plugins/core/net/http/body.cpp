// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/http/body.h"

#include <algorithm>
#include <utility>

namespace penstock::net {

HttpBody::Written HttpBody::write(Bytes bytes) {
    std::function<void()> wake;
    {
        std::lock_guard lock(mutex_);
        if (closed_ || ended_) return Written::closed;
        if (bytes.empty()) return Written::taken;
        if (waiting_ > 0 &&
            bytes.size() > options_.capacity - std::min(waiting_, options_.capacity)) {
            refused_ = true;
            return Written::full;
        }
        waiting_ += bytes.size();
        queue_.push_back(std::move(bytes));
        if (std::exchange(idle_, false)) wake = wake_;
    }
    if (wake) wake();
    return Written::taken;
}

void HttpBody::end() {
    std::function<void()> wake;
    {
        std::lock_guard lock(mutex_);
        if (closed_ || std::exchange(ended_, true)) return;
        if (std::exchange(idle_, false)) wake = wake_;
    }
    if (wake) wake();
}

void HttpBody::abort() {
    std::function<void()> wake;
    {
        std::lock_guard lock(mutex_);
        if (closed_ || std::exchange(ended_, true)) return;
        aborted_ = true;
        if (std::exchange(idle_, false)) wake = wake_;
    }
    if (wake) wake();
}

size_t HttpBody::waiting() const {
    std::lock_guard lock(mutex_);
    return waiting_;
}

void HttpBody::attach(std::function<void()> wake) {
    std::lock_guard lock(mutex_);
    wake_ = std::move(wake);
}

HttpBody::Taken HttpBody::take(size_t max_pieces, size_t max_size) {
    Taken taken;
    std::lock_guard lock(mutex_);
    while (!queue_.empty() && taken.pieces.size() < max_pieces && taken.size < max_size) {
        taken.size += queue_.front().size();
        taken.pieces.push_back(std::move(queue_.front()));
        queue_.pop_front();
    }
    taken.ended = ended_ && queue_.empty();
    taken.aborted = aborted_;
    if (taken.pieces.empty() && !taken.ended) idle_ = true;
    return taken;
}

void HttpBody::sent(size_t size) {
    bool room = false;
    {
        std::lock_guard lock(mutex_);
        waiting_ -= std::min(size, waiting_);
        if (refused_ && !ended_ && waiting_ <= options_.capacity / 2)
            room = std::exchange(refused_, false);
    }
    if (room && options_.on_room) options_.on_room();
}

void HttpBody::close(const std::string &reason) {
    {
        std::lock_guard lock(mutex_);
        if (std::exchange(closed_, true)) return;
        queue_.clear();
        waiting_ = 0;
        wake_ = nullptr;
        if (ended_) return;
    }
    if (options_.on_closed) options_.on_closed(reason);
}

} // namespace penstock::net

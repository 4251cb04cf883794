// SPDX-License-Identifier: LGPL-2.1-or-later
// Those that wait until a stream's tracks are known.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

namespace penstock::net {

/// Not thread-safe.
class Waiters {
public:
    /// Remembers `then`. False if there are too many, all of whom are still there.
    bool add(std::weak_ptr<void> who, std::function<void()> then) {
        if (list_.size() >= most)
            std::erase_if(list_, [](const Waiter &each) { return each.who.expired(); });
        if (list_.size() >= most) return false;
        list_.push_back({std::move(who), std::move(then)});
        return true;
    }
    /// Takes them all. Call the result without a lock: it calls each that has not gone.
    std::function<void()> take() {
        return [list = std::exchange(list_, {})] {
            for (const Waiter &each : list)
                if (!each.who.expired()) each.then();
        };
    }

private:
    static constexpr size_t most = 2000;
    struct Waiter {
        std::weak_ptr<void> who;
        std::function<void()> then;
    };
    std::vector<Waiter> list_;
};

} // namespace penstock::net

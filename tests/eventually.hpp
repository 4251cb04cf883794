// SPDX-License-Identifier: LGPL-2.1-or-later
// Waiting for a condition that another thread brings about.
#pragma once

#include <chrono>
#include <thread>

namespace penstock_test {

/// Waits up to twenty seconds for a condition.
template <class Condition>
bool eventually(Condition condition) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!condition()) {
        if (std::chrono::steady_clock::now() > deadline) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    return true;
}

/// Waits until a value has stayed the same for 100 looks, at most for eventually()'s time; returns
/// it.
template <class Read>
auto settled(Read read) {
    auto value = read();
    int same = 0;
    eventually([&] {
        const auto now = read();
        same = now == value ? same + 1 : 0;
        value = now;
        return same == 100;
    });
    return value;
}

} // namespace penstock_test

// SPDX-License-Identifier: LGPL-2.1-or-later
// How much memory the request bodies of a server may take together.
#pragma once

#include <atomic>
#include <cstddef>

namespace penstock::net {

/// Bytes of bodies that the connections of a server hold together. Thread-safe.
class HttpBodyBudget {
public:
    static constexpr size_t most = 64 << 20;
    /// False, and nothing is taken, if that would be too much.
    bool take(size_t size) {
        if (held_.fetch_add(size) + size <= most) return true;
        held_ -= size;
        return false;
    }
    void give_back(size_t size) { held_ -= size; }

private:
    std::atomic<size_t> held_{0};
};

} // namespace penstock::net

// SPDX-License-Identifier: LGPL-2.1-or-later
// Limits the memory that the request bodies of a server use together.
#pragma once

#include <atomic>
#include <cstddef>

namespace penstock::net {

/// Bytes of request bodies held by all connections of a server. Thread-safe.
class HttpBodyBudget {
public:
    static constexpr size_t most = 64 << 20;
    /// Returns false and takes nothing if the limit would be exceeded.
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

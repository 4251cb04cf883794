// SPDX-License-Identifier: LGPL-2.1-or-later
// Counters of the viewers of a stream.
#pragma once

#include <cstdint>

namespace penstock::net {

/// Over all producers of the mount.
struct ViewerTotals {
    unsigned viewers = 0;       ///< now
    uint64_t viewers_total = 0; ///< that ever came
    uint64_t bytes_out = 0;
    uint64_t skipped = 0;     ///< times a slow viewer was moved to a newer place to join
    uint64_t closed_slow = 0; ///< viewers that were closed because they read too slowly
    unsigned slow = 0;        ///< viewers that get less than all, because of their networks
};

} // namespace penstock::net

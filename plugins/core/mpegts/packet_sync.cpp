// SPDX-License-Identifier: LGPL-2.1-or-later
// The search for sync bytes.
#include "core/mpegts/packet_sync.h"

#include <algorithm>
#include <cstring>

namespace penstock::mpegts {

/// Moves `at` to the first place where sync bytes are, or where they are as far as the input goes:
/// then false. What is found does not depend on how the input is cut.
bool PacketSync::find(size_t &at, size_t &distance) const {
    const uint8_t *const data = kept_.data();
    const size_t size = kept_.size();
    for (; at < size; ++at) {
        const void *next = std::memchr(data + at, sync_byte, size - at);
        if (!next) break;
        at = static_cast<size_t>(static_cast<const uint8_t *>(next) - data);
        for (const size_t each : distances) {
            size_t count = 1;
            while (count < syncs && at + count * each < size &&
                   data[at + count * each] == sync_byte)
                ++count;
            if (count == syncs) {
                distance = each;
                return true;
            }
            if (at + count * each >= size) return false;
        }
    }
    at = size;
    return false;
}

void PacketSync::search(ByteView &input) {
    // Enough for the widest distance, from any place on.
    constexpr size_t window = 204 * (syncs + 1);
    while (!input.empty()) {
        const size_t count = std::min(window * 2 - std::min(kept_.size(), window), input.size());
        kept_.insert(kept_.end(), input.begin(), input.begin() + static_cast<ptrdiff_t>(count));
        input = input.subspan(count);
        size_t at = 0;
        const bool found = find(at, distance_);
        kept_.erase(kept_.begin(), kept_.begin() + static_cast<ptrdiff_t>(at));
        skipped_ += at;
        if (found) {
            skip_ = 0;
            return;
        }
    }
}

} // namespace penstock::mpegts

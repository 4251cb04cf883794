// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/mpegts/aligner.h"

namespace penstock::mpegts {

void Aligner::reset() {
    rest_.clear();
    is_locked_ = true;
}

void Aligner::push(ByteView input, std::vector<uint8_t> &out) {
    std::vector<uint8_t> joined;
    if (!rest_.empty()) {
        joined.swap(rest_);
        joined.insert(joined.end(), input.begin(), input.end());
        input = joined;
    }
    while (!input.empty()) {
        const bool begins = input[0] == sync_byte;
        if (begins && input.size() < packet_size) break;
        if (begins && is_locked_) {
            out.insert(out.end(), input.begin(), input.begin() + packet_size);
            input = input.subspan(packet_size);
            continue;
        }
        if (begins && input.size() == packet_size) break; // the next sync byte is still to come
        is_locked_ = begins && input[packet_size] == sync_byte;
        if (is_locked_) continue;
        input = input.subspan(1);
        ++skipped_;
    }
    rest_.assign(input.begin(), input.end());
}

} // namespace penstock::mpegts

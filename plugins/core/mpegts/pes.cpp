// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/mpegts/pes.h"

#include <algorithm>
#include <cstring>

namespace penstock::mpegts {
namespace {

constexpr size_t start_size = 6, fixed_size = 9;

/// Those without the optional header: padding, private_stream_2, ECM, EMM, DSM-CC, H.222.1 type E,
/// the program stream's map and directory (table 2-22). Nothing of them is media.
bool has_no_header(uint8_t stream_id) {
    constexpr uint8_t ids[] = {0xBC, 0xBE, 0xBF, 0xF0, 0xF1, 0xF2, 0xF8, 0xFF};
    return std::find(std::begin(ids), std::end(ids), stream_id) != std::end(ids);
}

std::optional<uint64_t> timestamp(const uint8_t *p) {
    if (!(p[0] & p[2] & p[4] & 1)) return std::nullopt; // marker bits
    return uint64_t(p[0] >> 1 & 7) << 30 | uint64_t(p[1]) << 22 | uint64_t(p[2] >> 1) << 15 |
           uint64_t(p[3]) << 7 | p[4] >> 1;
}

} // namespace

ByteView PesReader::take_head(ByteView bytes) {
    while (!bytes.empty()) {
        const size_t wanted = head_size_ < fixed_size ? fixed_size : fixed_size + head_[8];
        const size_t count = std::min(wanted - head_size_, bytes.size());
        std::memcpy(head_.data() + head_size_, bytes.data(), count);
        head_size_ += count;
        bytes = bytes.subspan(count);
        if (head_size_ < fixed_size || head_size_ < fixed_size + head_[8]) continue;
        state_ = parse_head() ? State::payload : State::waiting;
        break;
    }
    return bytes;
}

bool PesReader::parse_head() {
    const uint8_t *const p = head_.data();
    if (p[0] != 0 || p[1] != 0 || p[2] != 1 || has_no_header(p[3]) || p[6] >> 6 != 2) return false;
    header_ = {};
    header_.stream_id = p[3];
    const size_t length = size_t(p[4]) << 8 | p[5], fields = p[8];
    const size_t in_front = fixed_size - start_size + fields;
    header_.length = length;
    header_.is_unbounded = length == 0;
    if (length != 0 && length < in_front) return false;
    remaining_ = length == 0 ? 0 : length - in_front;
    const unsigned present = p[7] >> 6;
    if ((present & 2) && fields >= 5) header_.pts = timestamp(p + fixed_size);
    if (present == 3 && fields >= 10) header_.dts = timestamp(p + fixed_size + 5);
    return true;
}

} // namespace penstock::mpegts

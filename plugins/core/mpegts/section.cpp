// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/mpegts/section.h"

#include "core/mpegts/muxer.h"

#include <algorithm>

namespace penstock::mpegts {
namespace {

constexpr size_t head_size = 3, long_head_size = 8, crc_size = 4;
constexpr uint8_t stuffing = 0xFF; // where a table id would be

size_t size_of(ByteView head) {
    return head_size + (size_t(head[1] & 0x0F) << 8 | head[2]);
}

} // namespace

void SectionReader::push(ByteView payload, bool starts_section,
                         std::vector<std::vector<uint8_t>> &out) {
    if (!starts_section) {
        if (begun_) take(payload, out);
        return;
    }
    if (payload.empty() || payload[0] >= payload.size()) return lose();
    const size_t pointer = payload[0];
    if (begun_) take(payload.subspan(1, pointer), out);
    lose(); // one that should have ended has not
    begun_ = true;
    take(payload.subspan(1 + pointer), out);
}

/// Several sections may follow one another, up to stuffing.
void SectionReader::take(ByteView bytes, std::vector<std::vector<uint8_t>> &out) {
    while (!bytes.empty()) {
        if (section_.empty() && bytes[0] == stuffing) return lose();
        const size_t wanted =
            section_.size() < head_size ? head_size : size_of(section_); // at most max_section + 2
        const size_t count = std::min(wanted - section_.size(), bytes.size());
        section_.insert(section_.end(), bytes.begin(),
                        bytes.begin() + static_cast<ptrdiff_t>(count));
        bytes = bytes.subspan(count);
        if (section_.size() < head_size) return;
        const size_t size = size_of(section_);
        if (size > max_section) return lose();
        if (section_.size() < size) continue;
        out.push_back(std::move(section_));
        section_.clear();
    }
}

bool is_whole_section(ByteView section) {
    return section.size() >= long_head_size + crc_size && (section[1] & 0x80) &&
           size_of(section) == section.size() && crc32(section) == 0;
}

} // namespace penstock::mpegts

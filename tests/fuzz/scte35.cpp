// SPDX-License-Identifier: LGPL-2.1-or-later
// Any bytes as a splice section, and sections with a CRC that is right. Laws: an error leaves
// nothing behind; what is read stays in its bounds, and becomes tags that playlists can hold.
#include "core/hls/date_ranges.h"
#include "core/mpegts/muxer.h"
#include "core/scte35/section.h"

#include "fuzz/law.h"

#include <algorithm>
#include <string>

using namespace penstock;

namespace {

void check(const Bytes &bytes) {
    scte35::Section section;
    const Result result = scte35::parse(bytes, section);
    fuzz::law(result.is_ok() || (!section.time && section.segmentations.empty()),
              "an error leaves nothing behind");
    fuzz::law(result.is_ok() || !result.reason().empty(), "an error has a reason");
    fuzz::law(section.time.value_or(0) <= scte35::time_mask, "a time has 33 bits");
    fuzz::law(section.segmentations.size() <= scte35::largest_section / 11, "they fit");
    hls::DateRanges ranges;
    const bool is_taken = ranges.add_section(bytes, 5'000'000'000, 0).is_ok();
    fuzz::law(is_taken == result.is_ok(), "what is read is taken");
    int64_t position = 0;
    for (int turn = 0; turn < 3; ++turn) {
        ranges.resolve([](int64_t time) { return std::optional(time); }, position);
        ranges.add_section(bytes, turn ? std::nullopt : std::optional(position), position);
        position += int64_t(1) << 45;
    }
    if (!ranges.list()) return;
    fuzz::law(ranges.list()->size() <= hls::DateRanges::max_tags, "tags are bounded");
    playlist::MediaPlaylist list;
    list.ranges = *ranges.list();
    const std::string text = playlist::write(list);
    const auto lines = std::count(text.begin(), text.end(), '\n');
    fuzz::law(size_t(lines) >= list.ranges.size() && text.size() < 200'000, "a line for each");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    check(Bytes::copy_of(ByteView(data, size)));
    // With the right length and CRC.
    if (size < 11 || size > scte35::largest_section - 4) return 0;
    std::vector<uint8_t> bytes(data, data + size);
    bytes[0] = 0xFC;
    const size_t length = size - 3 + 4;
    bytes[1] = static_cast<uint8_t>((bytes[1] & 0xF0) | length >> 8);
    bytes[2] = static_cast<uint8_t>(length);
    const uint32_t crc = mpegts::crc32(bytes);
    for (int shift = 24; shift >= 0; shift -= 8)
        bytes.push_back(static_cast<uint8_t>(crc >> shift));
    check(Bytes::adopt(std::move(bytes)));
    return 0;
}

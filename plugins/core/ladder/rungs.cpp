// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/ladder/rungs.h"

#include <algorithm>
#include <charconv>

namespace penstock::ladder {
namespace {

constexpr size_t most_rungs = 8;
constexpr unsigned lowest = 64, highest = 4320, longest_side = 16'384, longest_ratio = 16;
constexpr uint64_t smallest_bitrate = 10'000, largest_bitrate = 200'000'000;

template <class Number>
bool read(std::string_view text, Number &number) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc() && end == text.data() + text.size();
}

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && text.front() == ' ')
        text.remove_prefix(1);
    while (!text.empty() && text.back() == ' ')
        text.remove_suffix(1);
    return text;
}

} // namespace

const char *const default_rungs = "1080:5000000,720:2500000,480:1200000,360:800000";

Result parse_rungs(std::string_view text, std::vector<Rung> &rungs) {
    rungs.clear();
    for (bool more = true; more;) {
        const size_t comma = text.find(',');
        more = comma != text.npos;
        const std::string_view one = trimmed(text.substr(0, comma));
        text.remove_prefix(more ? comma + 1 : text.size());
        const size_t colon = one.find(':');
        Rung rung;
        if (colon == one.npos || !read(one.substr(0, colon), rung.height) ||
            !read(one.substr(colon + 1), rung.bitrate))
            return Result::error("'" + std::string(one) +
                                 "' is not HEIGHT:BITRATE, such as 720:2500000");
        if (rung.height < lowest || rung.height > highest || rung.height % 2 != 0)
            return Result::error("a height is even and from 64 to 4320: '" + std::string(one) +
                                 "'");
        if (rung.bitrate < smallest_bitrate || rung.bitrate > largest_bitrate)
            return Result::error("a bitrate is in bit/s and from 10000 to 200000000: '" +
                                 std::string(one) + "'");
        if (std::any_of(rungs.begin(), rungs.end(),
                        [&](const Rung &other) { return other.height == rung.height; }))
            return Result::error("a height may be there once only: '" + std::string(one) + "'");
        if (rungs.size() == most_rungs) return Result::error("there are more than 8 rungs");
        rungs.push_back(rung);
    }
    std::sort(rungs.begin(), rungs.end(),
              [](const Rung &a, const Rung &b) { return a.height > b.height; });
    return Result::ok();
}

std::optional<Size> size_of(const Rung &rung, const Frame &frame) {
    const uint64_t pixel_width = std::max(frame.pixel_width, 1u);
    const uint64_t pixel_height = std::max(frame.pixel_height, 1u);
    if (frame.size.width == 0 || frame.size.height == 0 || frame.size.width > longest_side ||
        frame.size.height > longest_side || pixel_width > 65'535 || pixel_height > 65'535)
        return std::nullopt;
    // The sides as displayed, both in the same unit: 1/pixel_height of a line.
    const uint64_t wide = frame.size.width * pixel_width;
    const uint64_t high = frame.size.height * pixel_height;
    const uint64_t shorter = std::min(wide, high), longer = std::max(wide, high);
    if (longer > longest_ratio * shorter) return std::nullopt;
    if (rung.height * pixel_height >= shorter) return std::nullopt;
    const uint64_t other = (uint64_t(rung.height) * longer + shorter) / (2 * shorter) * 2;
    if (other > longest_side) return std::nullopt;
    const auto length = static_cast<unsigned>(other);
    return wide >= high ? Size{length, rung.height} : Size{rung.height, length};
}

} // namespace penstock::ladder

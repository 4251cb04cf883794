// SPDX-License-Identifier: LGPL-2.1-or-later
#include "file/tracks.h"

#include <algorithm>

namespace penstock::file {

std::optional<size_t> choose_track(const std::vector<GstStreamFlags> &flags, int wanted) {
    if (flags.empty()) return std::nullopt;
    if (wanted != automatic_track) {
        const auto index = static_cast<size_t>(wanted);
        return wanted >= 0 && index < flags.size() ? std::optional(index) : std::nullopt;
    }
    const auto find = [&](auto &&is_wanted) {
        return static_cast<size_t>(std::find_if(flags.begin(), flags.end(), is_wanted) -
                                   flags.begin());
    };
    size_t index = find([](GstStreamFlags f) { return (f & GST_STREAM_FLAG_SELECT) != 0; });
    if (index == flags.size())
        index = find([](GstStreamFlags f) { return (f & GST_STREAM_FLAG_UNSELECT) == 0; });
    return index < flags.size() ? index : 0;
}

} // namespace penstock::file

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/rtmp/message.h"

#include <algorithm>
#include <string_view>

namespace penstock::rtmp {

size_t set_data_frame_size(ByteView body) {
    static constexpr std::string_view prefix("\x02\x00\x0d@setDataFrame", 16);
    const bool there = body.size() >= prefix.size() &&
                       std::equal(prefix.begin(), prefix.end(), body.begin(),
                                  [](char a, uint8_t b) { return static_cast<uint8_t>(a) == b; });
    return there ? prefix.size() : 0;
}

} // namespace penstock::rtmp

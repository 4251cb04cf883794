// SPDX-License-Identifier: LGPL-2.1-or-later
// ID3v2.4 tags, as timed metadata of HLS has them. id3.org, "ID3 tag version 2.4.0".
#pragma once

#include "core/bytes/bytes.h"

#include <span>
#include <string_view>

namespace penstock::id3 {

/// Whether the bytes are one tag, or several one after the other, and nothing else.
bool is_tag(ByteView bytes);

/// A text information frame: "TIT2" is the title, "TPE1" the performer.
struct Text {
    std::string_view frame; ///< four capitals or digits
    std::string_view value; ///< UTF-8
};

/// A tag of text frames. Values are cut to 4 KiB, at a character.
Bytes make_tag(std::span<const Text> texts);

} // namespace penstock::id3

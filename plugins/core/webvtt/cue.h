// SPDX-License-Identifier: LGPL-2.1-or-later
// Cues of subtitles as WebVTT text: read from other forms, and written as segments of HLS.
// W3C WebVTT, sections 4 and 6; RFC 8216, 3.5 (X-TIMESTAMP-MAP).
#pragma once

#include "core/bytes/bytes.h"
#include "core/bytes/result.h"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::webvtt {

/// Bounds of a cue's text, and of its settings and identifier, in bytes; longer text is cut.
inline constexpr size_t longest_text = 16 << 10, longest_line = 256;

struct Cue {
    int64_t begin = 0, end = 0; ///< ns
    std::string id, settings;   ///< one line each; may be empty
    std::string text;           ///< lines of cue text, none of them empty
    bool operator==(const Cue &) const = default;
};

/// Plain text as cue text: what has a meaning in WebVTT is escaped, empty lines are left out.
std::string from_plain(std::string_view text);
/// Pango markup as cue text: bold, italics and underlines stay, other elements leave their text.
std::string from_markup(std::string_view markup);

/// Appends the cues of a WebVTT file, or of a piece of one without its header. Other blocks are
/// skipped. Errors: a block that has a time and is none; the cues before it are there.
Result parse(std::string_view text, std::vector<Cue> &cues);
/// A cue without times, as Matroska and WebM have it: identifier, settings, text (WebM
/// Guidelines, "WebVTT in WebM").
Cue parse_block(std::string_view block);

/// A segment: `local` (ns, whole ms) and `ticks` (90 kHz) are the same moment on the cues' timeline
/// and the media's. The cues' times are not negative.
Bytes write(std::span<const Cue> cues, int64_t local, uint64_t ticks);
/// One segment of several, with the header of the first and each cue once: what write() has made
/// for the parts of one segment.
Bytes merge(std::span<const Bytes> segments);

} // namespace penstock::webvtt

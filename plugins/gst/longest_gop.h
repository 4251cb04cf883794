// SPDX-License-Identifier: LGPL-2.1-or-later
// The custom query `penstock-longest-gop`: how far apart a file's keyframes are.
#pragma once

#include "gst/ptr.h"

#include <optional>

namespace penstock {

/// Queries what is upstream of a sink pad: the longest time between keyframes, in ns, of the whole
/// stream. An answer of more than `enough` (ns) may be less than that. Nullopt where nobody knows,
/// such as of a live stream. May take as long as reading the file does.
std::optional<uint64_t> upstream_longest_gop(GstPad *sink_pad, uint64_t enough);
/// `enough` of that query; nullopt: it is another query.
std::optional<uint64_t> is_longest_gop_query(GstQuery *query);
/// Sets the answer; the pad's query function then returns TRUE.
void answer_longest_gop(GstQuery *query, uint64_t longest);

} // namespace penstock

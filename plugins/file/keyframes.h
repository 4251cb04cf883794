// SPDX-License-Identifier: LGPL-2.1-or-later
// Reads a media file for the times of its keyframes.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace penstock::file {

/// The longest time between keyframes of the file's first video track, or from the last one to the
/// end; ns. Reads the whole file, without decoding anything, but no further than to a distance of
/// more than `enough`. Nullopt: the file has no video, or can't be read, or `is_cancelled` (asked
/// some times a second) says so. Blocks; has a pipeline of its own.
std::optional<uint64_t> longest_gop(const std::string &path, uint64_t enough,
                                    const std::function<bool()> &is_cancelled);

} // namespace penstock::file

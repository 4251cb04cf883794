// SPDX-License-Identifier: LGPL-2.1-or-later
// The rungs of a ladder: which sizes a stream is encoded to, and at which bitrates.
#pragma once

#include "core/bytes/result.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::ladder {

struct Rung {
    unsigned height = 0;  ///< pixels of the shorter side: 720 is 1280x720, or upright 720x1280
    uint64_t bitrate = 0; ///< bit/s
    bool operator==(const Rung &) const = default;
};

/// The defaults, as text: "1080:5000000,720:2500000,480:1200000,360:800000".
extern const char *const default_rungs;

/// Reads "HEIGHT:BITRATE,…" into `rungs`, the highest first. 1 to 8 rungs of even heights from 64
/// to 4320, each once, and of 10,000 to 200,000,000 bit/s; otherwise an error that says what is
/// wrong.
Result parse_rungs(std::string_view text, std::vector<Rung> &rungs);

struct Size {
    unsigned width = 0, height = 0;
    bool operator==(const Size &) const = default;
    uint64_t pixels() const { return uint64_t(width) * height; }
};

/// A frame as it is coded. Its display aspect ratio is width × pixel_width : height ×
/// pixel_height.
struct Frame {
    Size size;
    unsigned pixel_width = 1, pixel_height = 1; ///< pixel aspect ratio
};

/// The size of a rung in square pixels: the frame's display aspect ratio, even sides, at most
/// 16,384. Empty if the frame, with as many lines as it is coded with, is not larger than the
/// rung (nothing is enlarged), if it has no size, or is more than 16 times as long as wide.
std::optional<Size> size_of(const Rung &rung, const Frame &frame);

} // namespace penstock::ladder

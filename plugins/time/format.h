// SPDX-License-Identifier: LGPL-2.1-or-later
// What caps and frames say about a stream's timestamps.
#pragma once

#include "core/codec/nal.h"
#include "core/timing/repair.h"

#include <gst/gst.h>

#include <optional>

namespace penstock::timing {

struct StreamFormat {
    Format format;
    /// The number of reordered frames is in a parameter set of the frames.
    std::optional<codec::NalCodec> in_band;
    /// A container: its timestamps are in its bytes, where they can't be repaired.
    bool is_container = false;
};

StreamFormat format_of(const GstCaps *caps);

/// The number of reordered frames by the parameter sets in a frame of a byte stream; nothing if it
/// has none.
std::optional<unsigned> reorder_of(codec::NalCodec codec, GstBuffer *frame);

} // namespace penstock::timing

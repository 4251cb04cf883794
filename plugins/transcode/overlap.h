// SPDX-License-Identifier: LGPL-2.1-or-later
// Raw sound that lies over what came before it, cut before it is encoded.
#pragma once

#include "gst/ptr.h"

#include <gst/audio/audio.h>

#include <cstdint>
#include <optional>

namespace penstock::transcode {

/// A file that is played over and over gives such sound: the first packet of a pass has samples
/// from before the beginning, which prime a decoder, and the last one is filled up. An encoder
/// would write times that step back. What is cut are those samples; a hole stays a hole.
class Overlap {
public:
    /// Of what comes next; caps other than of raw sound are let through untouched.
    void set_caps(const GstCaps *caps);
    /// Time begins anew.
    void reset() { end_.reset(); }
    /// The buffer, whose PTS is running time, or what is left of it. Empty if that is nothing.
    GstPtr<GstBuffer> cut(GstPtr<GstBuffer> buffer);

private:
    GstAudioInfo info_{};
    bool is_known_ = false;
    std::optional<int64_t> end_; ///< of what came before, running time
};

} // namespace penstock::transcode

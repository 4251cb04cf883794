// SPDX-License-Identifier: LGPL-2.1-or-later
// Cuts raw audio that overlaps earlier audio, before an encoder.
#pragma once

#include "gst/ptr.h"

#include <gst/audio/audio.h>

#include <cstdint>
#include <optional>

namespace penstock::transcode {

/// A looped file produces overlaps: the first packet of a pass contains samples from before the
/// start, which prime a decoder, and the last packet is padded. An encoder would write timestamps
/// that go back. Overlapping samples are cut; gaps are left unchanged.
class Overlap {
public:
    /// Sets the caps of the following buffers. For caps other than raw audio cut() does nothing.
    void set_caps(const GstCaps *caps);
    /// Forgets earlier audio, for a flush.
    void reset() { end_.reset(); }
    /// Returns the buffer without overlapping samples; empty if none are left. Its PTS must be
    /// running time.
    GstPtr<GstBuffer> cut(GstPtr<GstBuffer> buffer);

private:
    GstAudioInfo info_{};
    bool is_known_ = false;
    std::optional<int64_t> end_; ///< running time at the end of the audio so far
};

} // namespace penstock::transcode

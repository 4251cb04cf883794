// SPDX-License-Identifier: LGPL-2.1-or-later
// Cuts raw audio that overlaps the audio before it, in front of an encoder.
#pragma once

#include "gst/ptr.h"

#include <gst/audio/audio.h>

#include <cstdint>
#include <optional>

namespace penstock::transcode {

/// A looped file gives such audio: the first packet of a pass has samples from before the start,
/// which prime a decoder, and the last packet is padded. An encoder would write timestamps that
/// step back. The overlapping samples are cut; gaps are left as they are.
class Overlap {
public:
    /// The caps of the buffers that follow. With caps other than raw audio cut() does nothing.
    void set_caps(const GstCaps *caps);
    /// Forgets the audio before: a flush.
    void reset() { end_.reset(); }
    /// Returns the buffer without the samples that overlap; empty if none are left. Its PTS must be
    /// running time.
    GstPtr<GstBuffer> cut(GstPtr<GstBuffer> buffer);

private:
    GstAudioInfo info_{};
    bool is_known_ = false;
    std::optional<int64_t> end_; ///< running time of the end of the audio so far
};

} // namespace penstock::transcode

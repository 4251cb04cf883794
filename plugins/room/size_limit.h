// SPDX-License-Identifier: LGPL-2.1-or-later
// How large a participant's frames may be. A decoder gets memory for the size that a header says,
// before it sees whether the rest fits that.
#pragma once

#include "core/bytes/bytes.h"

#include <gst/gst.h>

#include <string>

namespace penstock::room {

/// Looks at what is about to be decoded: the caps, the keyframes of VP8, and the parameter sets of
/// H.264.
class SizeLimit {
public:
    static constexpr unsigned width = 4096, height = 2304; ///< or as many pixels in another shape

    void set_caps(const GstCaps *caps);
    /// Why the frame must not be decoded; empty: it may.
    std::string refuses(GstBuffer *frame) const;

private:
    enum class Codec { vp8, avc, other };
    std::string refuses_avc(ByteView frame) const;

    Codec codec_ = Codec::other;
    unsigned length_size_ = 4; ///< of NAL units; bytes
    std::string caps_reason_;  ///< against all frames
};

} // namespace penstock::room

// SPDX-License-Identifier: LGPL-2.1-or-later
// Finds the video encoder upstream of a pad and changes its bitrate.
#pragma once

#include "gst/ptr.h"

#include <cstdint>
#include <string>

namespace penstock::rtmp {

/// Used by the streaming thread.
class EncoderControl {
public:
    /// Looks for the nearest video encoder with a property `bitrate` or `target-bitrate`, through
    /// bins, tees and muxers. False if there is none.
    bool find(GstPad *sink_pad);
    /// The encoder's bitrate when it was found; bit/s.
    uint64_t original() const { return original_; }
    void set(uint64_t bitrate);
    /// Gives the encoder its own bitrate back and lets go of it.
    void restore();
    explicit operator bool() const { return bool(encoder_); }
    std::string name() const;

private:
    uint64_t get() const;

    GstPtr<GstElement> encoder_;
    std::string property_;
    uint64_t unit_ = 1; ///< bit/s of the property's 1
    uint64_t original_ = 0, last_ = 0;
};

} // namespace penstock::rtmp

// SPDX-License-Identifier: LGPL-2.1-or-later
// goptee's one knowledge of a format: `video/x-flv` buffers of any shape, made into tags with
// flags.
#pragma once

#include "core/flv/normalizer.h"
#include "gst/ptr.h"

#include <vector>

namespace penstock::gop {

/// A buffer that stands for itself, and what goptee has to know about it.
struct Unit {
    GstPtr<GstBuffer> buffer;
    bool key = false;      ///< a decoder can begin here
    bool header = false;   ///< configuration: not cached, sent to whoever begins
    bool ends_gop = false; ///< what came before is of another configuration
    uint16_t slot = 0;     ///< which piece of configuration it is, 0 for none
};

/// Not thread-safe: the streaming thread's own.
class FlvInput {
public:
    /// Splits and flags a buffer. A buffer that is one tag with the right flags passes as it is.
    /// An error says what is wrong; what was whole before it is in `out`.
    Result push(GstBuffer *buffer, std::vector<Unit> &out);
    /// Learns what the caps' `streamheader` tells.
    void learn(const GstCaps *caps);
    /// Whether the caps' `streamheader` has the codec configuration that is known, and no other.
    bool has_codecs_of(const GstCaps *caps) const;
    /// The file header (if wanted) and the configuration so far, timed like `first`.
    std::vector<Unit> headers(GstBuffer *first, bool with_file_header) const;
    /// After a gap: forgets half a tag and the time mapping.
    void flush();
    /// A new stream: forgets everything.
    void reset();

private:
    static std::vector<flv::Tag> headers_of(const GstCaps *caps);
    Unit unit_of(const flv::Tag &tag, GstPtr<GstBuffer> buffer);
    void stamp(GstBuffer *buffer, uint32_t timestamp);
    uint16_t remember(const flv::Tag &tag, bool &replaces);
    void set_flags(GstPtr<GstBuffer> &buffer, bool delta, bool header) const;

    flv::Normalizer normalizer_;
    std::vector<flv::Tag> tags_;
    flv::Normalizer known_; ///< the configuration as of the tag at hand
    size_t known_count_ = 0;
    bool video_ = false, audio_ = false;
    GstClockTime anchor_pts_ = GST_CLOCK_TIME_NONE;
    uint32_t anchor_ = 0;
};

} // namespace penstock::gop

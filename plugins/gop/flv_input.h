// SPDX-License-Identifier: LGPL-2.1-or-later
// The one format that goptee knows: turns `video/x-flv` buffers of any shape into tags with flags.
#pragma once

#include "core/flv/normalizer.h"
#include "gst/ptr.h"

#include <vector>

namespace penstock::gop {

/// A buffer that can be understood by itself, and what goptee has to know about it.
struct Unit {
    GstPtr<GstBuffer> buffer;
    bool key = false;      ///< a decoder can begin here
    bool header = false;   ///< configuration: not cached, each branch begins with it
    bool ends_gop = false; ///< the frames before have another configuration
    uint16_t slot = 0;     ///< which piece of configuration it is, 0 for none
};

/// Not thread-safe: the streaming thread's own.
class FlvInput {
public:
    /// Splits and flags a buffer. What comes out has its KnownTag; a buffer that has it already,
    /// and the right flags, passes as it is. An error says what is wrong; the tags before it are in
    /// `out`.
    Result push(GstBuffer *buffer, std::vector<Unit> &out);
    /// Learns the headers in the caps' `streamheader`.
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
    Unit unit_of(const flv::Tag &tag, uint32_t config);
    void set_buffer(Unit &unit, const flv::Tag &tag, GstPtr<GstBuffer> buffer) const;
    void move_anchor(GstBuffer *buffer, uint32_t timestamp, bool whole);
    void stamp(GstBuffer *buffer, uint32_t timestamp);
    uint16_t remember(const flv::Tag &tag, bool &replaces);
    void set_flags(GstPtr<GstBuffer> &buffer, bool delta, bool header) const;

    flv::Normalizer normalizer_;
    std::vector<flv::Tag> tags_;
    flv::Normalizer known_; ///< only the headers, as of the tag at hand
    size_t known_count_ = 0;
    uint32_t config_ = 0;          ///< ours, for a stream that comes without
    uint32_t upstream_config_ = 0; ///< of the newest tag that came with one
    bool video_ = false, audio_ = false;
    GstClockTime anchor_pts_ = GST_CLOCK_TIME_NONE;
    uint32_t anchor_ = 0;
};

} // namespace penstock::gop

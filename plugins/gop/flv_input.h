// SPDX-License-Identifier: LGPL-2.1-or-later
// Turns `video/x-flv` buffers of any shape into flagged tags; FLV is the only format that goptee
// parses.
#pragma once

#include "core/flv/normalizer.h"
#include "gst/ptr.h"

#include <vector>

namespace penstock::gop {

/// A self-contained buffer with its properties for goptee.
struct Unit {
    GstPtr<GstBuffer> buffer;
    bool key = false;      ///< a decoder can start here
    bool header = false;   ///< configuration: not cached, each branch starts with it
    bool ends_gop = false; ///< the preceding frames have another configuration
    uint16_t slot = 0;     ///< kind of configuration; 0: none
};

/// Used by the streaming thread only.
class FlvInput {
public:
    /// Splits and flags a buffer. The results have a KnownTag; a buffer that already has one and
    /// the right flags passes unchanged. On an error, `out` contains the tags before it.
    Result push(GstBuffer *buffer, std::vector<Unit> &out);
    /// Collects the headers from the caps' `streamheader`.
    void learn(const GstCaps *caps);
    /// Whether the caps' `streamheader` has exactly the known codec configuration.
    bool has_codecs_of(const GstCaps *caps) const;
    /// The file header (if wanted) and the current configuration, timed like `first`.
    std::vector<Unit> headers(GstBuffer *first, bool with_file_header) const;
    /// After a gap: discards a partial tag and the time mapping.
    void flush();
    /// Resets all state for a new stream.
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
    flv::Normalizer known_; ///< only the headers up to the current tag
    size_t known_count_ = 0;
    uint32_t config_ = 0;          ///< made here, for streams without one
    uint32_t upstream_config_ = 0; ///< of the latest tag with a KnownTag
    bool video_ = false, audio_ = false;
    GstClockTime anchor_pts_ = GST_CLOCK_TIME_NONE;
    uint32_t anchor_ = 0;
};

} // namespace penstock::gop

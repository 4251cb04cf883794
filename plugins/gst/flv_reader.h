// SPDX-License-Identifier: LGPL-2.1-or-later
// Extracts tags from `video/x-flv` buffers, for elements that forward them.
#pragma once

#include "core/flv/normalizer.h"
#include "gst/bytes.h"

#include <vector>

namespace penstock {

/// Uses the tags of an upstream element that has normalized the stream; otherwise normalizes it.
/// Used by the streaming thread only.
class FlvReader {
public:
    /// Appends complete tags to `out`. An error says why the data is not FLV; reading can continue
    /// after flush().
    Result read(GstBuffer *buffer, std::vector<flv::Tag> &out) {
        const KnownTag *known = known_tag(buffer);
        is_known_ = known != nullptr;
        if (!known) return normalizer_.push(bytes_of(buffer), out);
        started_ = true;
        normalizer_.flush();
        out.push_back(known->tag);
        return Result::ok();
    }
    /// Passes a tag from caps through the normalizer and appends the results to `out`.
    void take(flv::Tag &&tag, std::vector<flv::Tag> &out) { normalizer_.take(std::move(tag), out); }
    /// Discards a partial tag.
    void flush() { normalizer_.flush(); }
    void reset() {
        normalizer_.reset();
        started_ = false;
    }
    /// Whether any input was FLV.
    bool started() const { return started_ || normalizer_.started(); }

    /// Whether the last buffer was exactly one tag.
    bool was_one_tag() const { return is_known_ || normalizer_.was_one_tag(); }
    /// Notes about corrections for the log: each kind once per stream.
    bool has_notes() const { return normalizer_.has_notes(); }
    std::vector<std::string> take_notes() { return normalizer_.take_notes(); }

private:
    flv::Normalizer normalizer_;
    bool is_known_ = false; ///< the last buffer had a KnownTag
    bool started_ = false;  ///< a KnownTag was read
};

} // namespace penstock

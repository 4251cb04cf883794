// SPDX-License-Identifier: LGPL-2.1-or-later
// Tags out of `video/x-flv` buffers, for elements that pass them on.
#pragma once

#include "core/flv/normalizer.h"
#include "gst/bytes.h"

#include <vector>

namespace penstock {

/// Takes the word of the element that has normalized the stream, if there is one; else normalizes
/// it. The streaming thread only.
class FlvReader {
public:
    /// Appends the tags that are now whole to `out`. An error says why what comes is not FLV; what
    /// follows may be, after flush().
    Result read(GstBuffer *buffer, std::vector<flv::Tag> &out) {
        KnownTag known;
        is_known_ = read_known_tag(buffer, known);
        if (!is_known_) return normalizer_.push(bytes_of(buffer), out);
        started_ = true;
        normalizer_.flush();
        out.push_back(std::move(known.tag));
        return Result::ok();
    }
    /// Takes a tag that did not come in a buffer, from caps, and appends what it becomes to `out`.
    void take(flv::Tag &&tag, std::vector<flv::Tag> &out) { normalizer_.take(std::move(tag), out); }
    /// Gives up half a tag.
    void flush() { normalizer_.flush(); }
    void reset() {
        normalizer_.reset();
        started_ = false;
    }
    /// Whether anything was FLV.
    bool started() const { return started_ || normalizer_.started(); }

    /// True if the last buffer was exactly one tag, whatever became of it.
    bool was_one_tag() const { return is_known_ || normalizer_.was_one_tag(); }
    /// What was mended or left out, for a log: each kind once for each stream.
    bool has_notes() const { return normalizer_.has_notes(); }
    std::vector<std::string> take_notes() { return normalizer_.take_notes(); }

private:
    flv::Normalizer normalizer_;
    bool is_known_ = false; ///< the last buffer needed no normalizing
    bool started_ = false;  ///< there was a tag that needed no normalizing
};

} // namespace penstock

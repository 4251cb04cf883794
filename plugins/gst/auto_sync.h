// SPDX-License-Identifier: LGPL-2.1-or-later
// Default of a server sink's `sync`: false for a live stream, true for others, unless the user has
// set it.
#pragma once

#include <gst/base/gstbasesink.h>

#include <atomic>

namespace penstock {

class AutoSync {
public:
    /// Call once, in the element's init. Must live as long as the sink.
    void watch(GstBaseSink *sink);
    /// A new stream begins.
    void restart() { undecided_ = true; }
    /// Decides on a SEGMENT event, when upstream can be queried.
    void decide(GstBaseSink *sink);
    /// The answer to the query `penstock-nonblocking`; before the stream begins, the expected one.
    bool is_nonblocking(GstBaseSink *sink) const;

private:
    std::atomic<bool> undecided_{true}, set_by_user_{false}, setting_{false};
};

} // namespace penstock

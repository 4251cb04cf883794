// SPDX-License-Identifier: LGPL-2.1-or-later
// `sync` of a server sink: off for a live stream, on for any other, unless the user has set it.
#pragma once

#include <gst/base/gstbasesink.h>

#include <atomic>

namespace penstock {

class AutoSync {
public:
    /// Once, in the element's init; lives as long as the sink.
    void watch(GstBaseSink *sink);
    /// The stream begins anew.
    void restart() { undecided_ = true; }
    /// On a SEGMENT event: upstream is there to be asked.
    void decide(GstBaseSink *sink);
    /// What the query `penstock-nonblocking` gets; before the stream begins, what it will be.
    bool is_nonblocking(GstBaseSink *sink) const;

private:
    std::atomic<bool> undecided_{true}, set_by_user_{false}, setting_{false};
};

} // namespace penstock

// SPDX-License-Identifier: LGPL-2.1-or-later
// A scoped stream lock of a GstPad.
#pragma once

#include <gst/gst.h>

namespace penstock {

/// Recursive. It is held while something is pushed: waiting for it means waiting for downstream.
class StreamLock {
public:
    /// `pad` must outlive this.
    explicit StreamLock(GstPad *pad) : pad_(pad) { GST_PAD_STREAM_LOCK(pad_); }
    ~StreamLock() { GST_PAD_STREAM_UNLOCK(pad_); }
    StreamLock(const StreamLock &) = delete;
    StreamLock &operator=(const StreamLock &) = delete;

private:
    GstPad *const pad_;
};

} // namespace penstock

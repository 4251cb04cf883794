// SPDX-License-Identifier: LGPL-2.1-or-later
// Recognizes encoded frames at the receiver and looks up when they were encoded, by the last bytes
// of their last slice, which no container changes.
#pragma once

#include "gst/ptr.h"

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

namespace penstock::expect {

/// Remembers a bounded number of recent frames. Thread-safe.
class FrameTrace {
public:
    /// Records every encoded frame that leaves an element of the pipeline from now on. Call again
    /// when pads were added; repeated calls cost nothing otherwise.
    void watch(GstElement *pipeline);
    /// Returns the monotonic time in ns at which a frame was first seen, or -1. May outlive the
    /// trace.
    using Finder = std::function<int64_t(GstBuffer *)>;
    Finder finder() const;
    /// Removes the probes.
    ~FrameTrace();

private:
    static constexpr size_t most = 4096;
    struct Probe {
        GstPtr<GstPad> pad;
        gulong id = 0;
    };
    struct State {
        mutable std::mutex lock;
        std::unordered_map<uint64_t, int64_t> seen; ///< by fingerprint
        std::deque<uint64_t> order;
        void add(GstBuffer *picture);
        int64_t find(GstBuffer *picture) const;
    };
    std::shared_ptr<State> state_ = std::make_shared<State>();
    std::vector<Probe> probes_;
};

} // namespace penstock::expect

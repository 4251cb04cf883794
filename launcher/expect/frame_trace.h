// SPDX-License-Identifier: LGPL-2.1-or-later
// Recognizes an encoded picture where it comes out, and knows when it was made: by the last bytes
// of its last slice, which no container changes.
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

/// Bounded: of the pictures of the last while. Any thread.
class FrameTrace {
public:
    /// Looks at every encoded picture that leaves an element of the pipeline, from now on; call it
    /// again for pads that have come since. Costs nothing where there is none.
    void watch(GstElement *pipeline);
    /// Tells the monotonic ns at which a picture was first seen; -1 if it was not. It may outlive
    /// the trace.
    using Finder = std::function<int64_t(GstBuffer *)>;
    Finder finder() const;
    /// Takes the probes away.
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

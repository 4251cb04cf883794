// SPDX-License-Identifier: LGPL-2.1-or-later
// Runs a pipeline briefly and observes it.
#pragma once

#include "gst/ptr.h"

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace penstock::explain {

/// A link between two named elements, possibly through unnamed ones.
struct SeenLink {
    std::string from, to; ///< the elements' names
    std::string from_pad, to_pad;
    GstPtr<GstCaps> caps; ///< empty if none were negotiated
};

class Trial {
public:
    /// `names` are the elements to observe; capsfilters between them are skipped.
    Trial(GstPtr<GstElement> pipeline, std::vector<std::string> names);
    ~Trial();
    Trial(const Trial &) = delete;
    Trial &operator=(const Trial &) = delete;

    /// Runs until `is_enough`, which is asked every 20 ms, has returned true and encoders have had
    /// half a second to report their latency, until the pipeline ends or fails, or until `patience`
    /// has passed. Returns the pipeline's error; empty if there was none.
    std::string run(std::chrono::milliseconds patience, const std::function<bool()> &is_enough);
    /// nullptr if there is no such element.
    GstPtr<GstElement> find(const std::string &name) const;
    std::vector<SeenLink> links() const;
    /// Latency that the element adds; ns; nullopt if it reports none.
    std::optional<uint64_t> latency_of(const std::string &name) const;

private:
    GstPtr<GstElement> pipeline_;
    std::vector<std::string> names_;
};

} // namespace penstock::explain

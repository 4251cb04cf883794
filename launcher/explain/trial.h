// SPDX-License-Identifier: LGPL-2.1-or-later
// A pipeline that runs for a moment, and what can be seen of it then.
#pragma once

#include "gst/ptr.h"

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace penstock::explain {

/// A link from one of the elements to another, possibly through elements that have no name of ours.
struct SeenLink {
    std::string from, to; ///< the elements' names
    std::string from_pad, to_pad;
    GstPtr<GstCaps> caps; ///< empty if nothing was agreed on
};

class Trial {
public:
    /// `names` are the elements that count; capsfilters between them do not.
    Trial(GstPtr<GstElement> pipeline, std::vector<std::string> names);
    ~Trial();
    Trial(const Trial &) = delete;
    Trial &operator=(const Trial &) = delete;

    /// Runs until `is_enough` says so, it ends, fails, or `patience` is over. The error, if there
    /// is one.
    std::string run(std::chrono::milliseconds patience, const std::function<bool()> &is_enough);
    /// nullptr if there is none of that name.
    GstPtr<GstElement> find(const std::string &name) const;
    std::vector<SeenLink> links() const;
    /// Nanoseconds that the element adds; none if it does not say.
    std::optional<uint64_t> latency_of(const std::string &name) const;

private:
    GstPtr<GstElement> pipeline_;
    std::vector<std::string> names_;
};

} // namespace penstock::explain

// SPDX-License-Identifier: LGPL-2.1-or-later
// Streams that are made when somebody asks for them: what a `play` rule leaves with a listener.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace penstock::net {

/// Stands for a rule while it is alive.
class PathLease {
public:
    virtual ~PathLease() = default;
};

/// Whether who asked may go on to what is mounted by then; if not, why. From any thread, once.
using DemandAnswer = std::function<void(bool go_on, const std::string &reason)>;

/// All three are called on a network loop and must return at once. A path has no leading slash.
struct DemandOptions {
    std::function<bool(std::string_view path)> matches;
    /// Nobody needs to be asked: the stream is there.
    std::function<bool(const std::string &path)> is_ready;
    /// Somebody wants a matching path that is not ready; they wait for the answer.
    std::function<void(const std::string &path, DemandAnswer answer)> on_demand;
};

} // namespace penstock::net

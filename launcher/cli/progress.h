// SPDX-License-Identifier: LGPL-2.1-or-later
// Percent, speed and the time left of work that ends.
#pragma once

#include "supervisor/supervisor.h"

#include <map>
#include <string>

namespace penstock::cli {

/// On the main loop's thread.
class ProgressWatch {
public:
    /// "file-to-rtmp 42 %, 1.0x, 0:01:23 left" for each pipeline that ends some day, commas
    /// between them; empty if there is none.
    std::string update(const supervisor::Supervisor &supervisor);
    /// The same, at most every ten seconds, and never twice alike: for those who read a pipe.
    std::string line_now_and_then(const std::string &text);

private:
    struct Seen {
        int64_t at = 0;       ///< monotonic, µs; 0: it has no end
        int64_t position = 0; ///< ns
        double speed = 0;     ///< smoothed; 1 is as fast as it plays
        int64_t wait = 0;     ///< of one that has no end, until it is asked again; µs
        int64_t ask_at = 0;   ///< monotonic, µs
    };
    std::map<std::string, Seen> seen_; ///< by label
    int64_t said_at_ = 0;
    std::string said_;
};

} // namespace penstock::cli

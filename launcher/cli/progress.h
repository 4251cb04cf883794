// SPDX-License-Identifier: LGPL-2.1-or-later
// Progress, speed and remaining time of pipelines that end.
#pragma once

#include "supervisor/supervisor.h"

#include <map>
#include <string>

namespace penstock::cli {

/// Used on the main loop's thread.
class ProgressWatch {
public:
    /// "file-to-rtmp 42 %, 1.0x, 0:01:23 left" for each pipeline that will end, comma-separated;
    /// empty if there is none.
    std::string update(const supervisor::Supervisor &supervisor);
    /// Returns `text` at most every ten seconds and never unchanged, for output to a pipe; else
    /// empty.
    std::string line_now_and_then(const std::string &text);

private:
    struct Seen {
        int64_t at = 0;       ///< monotonic, µs; 0: it has no known end
        int64_t position = 0; ///< ns
        double speed = 0;     ///< smoothed; 1 is real time
        int64_t wait = 0;     ///< µs until the next query of a pipeline without a known end
        int64_t ask_at = 0;   ///< monotonic, µs
    };
    std::map<std::string, Seen> seen_; ///< by label
    int64_t said_at_ = 0;
    std::string said_;
};

} // namespace penstock::cli

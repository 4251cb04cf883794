// SPDX-License-Identifier: LGPL-2.1-or-later
// The status line, and messages about streams that begin or end.
#pragma once

#include "cli/progress.h"
#include "state/model.h"

#include <cstdint>
#include <map>
#include <string>

namespace penstock::cli {

/// Collects the process's state at each update. Used on the main loop's thread.
class Status {
public:
    explicit Status(const supervisor::Supervisor &supervisor);
    /// Prints changes and, on a terminal, redraws the status line.
    void update();
    /// Prints that the streams that are left have ended with the process. Call when nothing runs.
    void finish();

private:
    const supervisor::Supervisor &supervisor_;
    ProgressWatch progress_;
    struct Bytes {
        uint64_t in = 0, out = 0;
    };
    std::map<std::string, Bytes> bytes_; ///< by mount
    struct Seen {
        int64_t live_since = 0;   ///< monotonic, µs
        int64_t off_since = 0;    ///< when its publisher had gone; 0: it is live
        bool is_off_told = false; ///< that it is off air has been printed
        std::string publisher;
        std::string standby; ///< its second publisher
    };
    void note(const state::Stream &stream, int64_t now);
    void note_off_air(const std::string &name, Seen &seen, int64_t now) const;
    void note_live(const state::Stream &stream, const Seen *before, int64_t now);
    void note_standby(const state::Stream &stream);
    void say_ended(const std::string &name, const Seen &seen, int64_t now, bool with_process) const;
    void check_profiles(int64_t now);
    std::map<std::string, int64_t> checked_; ///< pipelines whose profile is known: label, since
    std::map<std::string, Seen> seen_;       ///< streams that are live or off air, by name
    int64_t started_ = 0;                    ///< monotonic, µs
    int64_t last_ = 0;
    double in_ = 0, out_ = 0; ///< kbit/s, smoothed over a few seconds
};

/// "0:01:23"
std::string format_uptime(int64_t seconds);

} // namespace penstock::cli

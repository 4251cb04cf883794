// SPDX-License-Identifier: LGPL-2.1-or-later
// The log lines of refused connections: one per second, however many come.
#pragma once

#include "core/net/loop/clock.h"
#include "core/net/loop/log.h"

#include <mutex>
#include <string>

namespace penstock::net {

/// Thread-safe.
class RefusalLog {
public:
    /// `category` as in log(); must outlive this object.
    explicit RefusalLog(const char *category) : category_(category) {}

    /// Warns that `peer` was refused, and tells how many others were since the last line.
    void refused(const std::string &peer, const std::string &reason) {
        std::string others;
        {
            std::lock_guard lock(mutex_);
            const uint64_t now = steady_ms();
            if (told_ms_ != 0 && now - told_ms_ < 1000) {
                ++untold_;
                return;
            }
            told_ms_ = now;
            if (untold_ > 0) others = " (and " + std::to_string(untold_) + " others before it)";
            untold_ = 0;
        }
        log(LogLevel::warning, category_, "refused " + peer + ": " + reason + others);
    }

private:
    const char *const category_;
    std::mutex mutex_; ///< guards the following
    uint64_t told_ms_ = 0;
    size_t untold_ = 0;
};

} // namespace penstock::net

// SPDX-License-Identifier: LGPL-2.1-or-later
// Where an hlssegmenter's segments go: to a mount of the process's HTTP server, or to files.
#pragma once

#include "core/hls/stream.h"
#include "hls/settings.h"

namespace penstock::hls {

class Output {
public:
    struct Stats {
        uint64_t bytes_out = 0;
        unsigned viewers = 0;
        uint64_t lost_segments = 0;
        Stream::Info stream;
    };

    /// Opens what `location` names. On failure nullptr, and `error` says what is wrong and how to
    /// mend it.
    static std::unique_ptr<Output> open(const Settings &settings, const Container &container,
                                        std::string *error);
    virtual ~Output() = default;

    // These come one at a time, from threads that may not be the same.
    /// Takes a segment. Waits only for a disk that is slow, and only if `may_wait`.
    virtual void publish(Segment segment, bool may_wait) = 0;
    /// The stream is over. Waits, within a bound, until all of it can be read.
    virtual void end() = 0;

    // Thread-safe, and never waiting for a disk.
    /// publish() waits no more.
    virtual void cancel() {}
    /// What went wrong since the last call, for people.
    virtual std::vector<std::string> take_reports() { return {}; }
    virtual Stats stats() const = 0;
    virtual std::string url() const = 0;
};

/// True if writing never waits for anything (no disk).
bool is_nonblocking_location(const std::string &location);

} // namespace penstock::hls

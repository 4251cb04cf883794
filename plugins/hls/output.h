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
        Stream::Info stream;
    };

    /// Opens what `location` names. On failure nullptr, and `error` says what is wrong and how to
    /// mend it.
    static std::unique_ptr<Output> open(const Settings &settings, const Container &container,
                                        std::string *error);
    virtual ~Output() = default;

    /// Calls come one at a time, from threads that may not be the same.
    virtual Result publish(const Segment &segment) = 0;
    /// The stream is over.
    virtual Result end() = 0;
    /// Thread-safe.
    virtual Stats stats() const = 0;
    virtual std::string url() const = 0;
};

/// True if writing never waits for anything (no disk).
bool is_nonblocking_location(const std::string &location);

} // namespace penstock::hls

// SPDX-License-Identifier: LGPL-2.1-or-later
// Options of the load generator.
#pragma once

#include "viewer.h"

#include <string>

namespace load {

struct Options {
    std::string publish, play; ///< addresses, host:port
    std::string app = "live", stream = "bench";
    Protocol protocol = Protocol::rtmp;
    bool tls = false; ///< viewers use TLS
    unsigned viewers = 1, slow = 0, stuck = 0, beside = 0;
    double join_rate = 500; ///< viewers per second
    /// Joins per second within the window that measure only the first keyframe.
    double probe_rate = 0;
    unsigned publishers = 1;
    double bitrate = 2.15e6; ///< bit/s of each publisher, including audio
    unsigned poll_ms = 10;   ///< pause between polls of the sockets; 0: none
    double warmup = 4;       ///< seconds from publishing to the first join
    double settle = 5;       ///< seconds from the last join to the window
    double seconds = 15;     ///< duration of the window
    bool step = false;       ///< wait for a line on standard input at the end of a phase
};

/// Prints usage and exits if there is nothing to run.
Options parse_options(int argc, char **argv);

} // namespace load

// SPDX-License-Identifier: LGPL-2.1-or-later
// What the load generator is told to do.
#pragma once

#include "viewer.h"

#include <string>

namespace load {

struct Options {
    std::string publish, play; ///< addresses, host:port
    std::string app = "live", stream = "bench";
    Protocol protocol = Protocol::rtmp;
    bool tls = false; ///< viewers come over TLS
    unsigned viewers = 1, slow = 0, stuck = 0, beside = 0;
    double join_rate = 500; ///< viewers a second
    double probe_rate = 0;  ///< joins a second within the window, for the first keyframe alone
    unsigned publishers = 1;
    double bitrate = 2.15e6; ///< bits per second of each publisher, sound included
    unsigned poll_ms = 10;   ///< pause between two looks at the sockets; 0: none
    double warmup = 4;       ///< seconds from publishing to the first join
    double settle = 5;       ///< seconds from the last join to the window
    double seconds = 15;     ///< of the window
    bool step = false;       ///< waits for a line on standard input where a phase ends
};

/// Prints and exits if there is nothing to run.
Options parse_options(int argc, char **argv);

} // namespace load

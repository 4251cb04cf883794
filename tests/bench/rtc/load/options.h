// SPDX-License-Identifier: LGPL-2.1-or-later
// Options of the load generator.
#pragma once

#include <string>

namespace load {

struct Options {
    std::string url;         ///< http://HOST:PORT/APP/NAME/whep
    std::string publish;     ///< host:port of RTMP; empty: nothing is published
    double bitrate = 2.15e6; ///< bit/s of the publisher, including audio
    unsigned viewers = 1;
    unsigned sample = 0; ///< viewers that decrypt everything; 0: all
    double rate = 100;   ///< viewers that join in a second
    bool aes_cm = false, nack = false, no_audio = false, json = false, step = false;
    int pid = 0;           ///< a process whose CPU time is measured; 0: none
    unsigned poll_ms = 10; ///< pause between two looks at the sockets; 0: none
    double warmup = 4;     ///< seconds from publishing to the first join
    double settle = 5;     ///< seconds from the last join to the window
    double seconds = 15;   ///< duration of the window

    /// The first parts of the URL's path, by which the stream is published.
    std::string app() const;
    std::string stream() const;
};

/// Prints usage and exits if there is nothing to run.
Options parse_options(int argc, char **argv);

} // namespace load

// SPDX-License-Identifier: LGPL-2.1-or-later
// The commands and options, from which help, man pages and completion are generated. Depends on
// CLI11 only, so that documents can be generated on a build machine.
#pragma once

#include <CLI/CLI.hpp>

#include <memory>
#include <string>
#include <vector>

namespace penstock::cli {

/// The parsed command line.
struct Arguments {
    std::string command; ///< "run"; empty if not parsed
    std::vector<std::string> names;
    std::vector<std::string> settings; ///< "name=value" or "description.name=value"
    bool json = false;
    bool dot = false, svg = false;  ///< explain: print the graph
    bool once = false;              ///< top: print one table and exit
    double interval = 1;            ///< top: seconds between tables
    unsigned process = 0;           ///< top: process id to show; 0: all
    std::string url;                ///< latency: stream to measure
    double seconds = 10;            ///< latency: duration, waiting included
    double wait = 0;                ///< latency: time for the first frame, added to `seconds`
    std::string plot;               ///< latency: output file for the chart
    std::string ntp;                ///< latency: NTP server to compare this machine's clock with
    double clock_offset = 0;        ///< latency: ms by which this machine's clock is ahead
    std::string tls_ca;             ///< latency: certificate file to trust
    bool matrix = false;            ///< latency: measure every protocol
    std::vector<std::string> over;  ///< latency: limits the matrix to these protocols
    std::string markdown;           ///< latency: output file for the matrix's table
    std::vector<std::string> bench; ///< bench: the benchmark's own options
    std::string interface;          ///< cameras: network interface; empty: every one
    std::string user;               ///< cameras: user of the cameras
    double listen = 3;              ///< cameras: seconds in which they may answer
    std::string shell;              ///< completion: shell
    std::string kind;               ///< complete: kind of candidates
};

/// Builds the command tree, which writes into `arguments`; they must outlive it.
std::unique_ptr<CLI::App> make_app(Arguments &arguments);

/// The visible commands in the order of the help.
std::vector<const CLI::App *> visible_commands(const CLI::App &app);

} // namespace penstock::cli

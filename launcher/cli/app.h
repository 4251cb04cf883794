// SPDX-License-Identifier: LGPL-2.1-or-later
// The commands and their options: what is parsed, and what help, man pages and completion tell.
// Knows nothing but CLI11, so that a build machine can make the documents from it.
#pragma once

#include <CLI/CLI.hpp>

#include <memory>
#include <string>
#include <vector>

namespace penstock::cli {

/// What a command line says.
struct Arguments {
    std::string command; ///< "run"; empty if it was not parsed
    std::vector<std::string> names;
    std::vector<std::string> settings; ///< "name=value" or "description.name=value"
    bool json = false;
    bool dot = false, svg = false; ///< explain: the graph instead of text
    bool once = false;             ///< top: one table
    double interval = 1;           ///< top: seconds between tables
    unsigned process = 0;          ///< top: the one to show; 0: all
    std::string url;               ///< latency: of the stream
    double seconds = 10;           ///< latency: how long
    std::string plot;              ///< latency: a file for the chart
    std::string ntp;               ///< latency: a server that this machine's clock is held against
    double clock_offset = 0;       ///< latency: ms that this machine's clock is ahead
    std::string tls_ca;            ///< latency: certificates to trust
    bool matrix = false;           ///< latency: over every protocol
    std::vector<std::string> over; ///< latency: of the matrix, these alone
    std::string markdown;          ///< latency: a file for the matrix's table
    std::string shell;             ///< completion: for which
    std::string kind;              ///< complete: of what
};

/// The tree of commands, which writes into `arguments`; they must outlive it.
std::unique_ptr<CLI::App> make_app(Arguments &arguments);

/// The commands that people see, in the order of the help.
std::vector<const CLI::App *> visible_commands(const CLI::App &app);

} // namespace penstock::cli

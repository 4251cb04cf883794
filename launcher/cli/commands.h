// SPDX-License-Identifier: LGPL-2.1-or-later
// The commands. Each returns the process's exit code.
#pragma once

#include <string>
#include <vector>

namespace penstock::cli {

inline constexpr int exit_ok = 0;
inline constexpr int exit_failed = 1;
inline constexpr int exit_usage = 2;

int list(bool json);
int show(const std::string &name, const std::vector<std::string> &settings, bool json);
int check(const std::vector<std::string> &files, bool json);
/// What explain_description() prints: launch lines with a drawing, Graphviz's text, a picture, or
/// JSON.
enum class Form { text, dot, svg, json };
int explain_description(const std::string &name, const std::vector<std::string> &settings,
                        Form form);
/// `settings` are "name=value" or "description.name=value". SIGINT, SIGTERM and SIGHUP are blocked
/// in every thread.
int run(const std::vector<std::string> &names, const std::vector<std::string> &settings);

/// Runs each description for some seconds and judges what comes out of it by its `expect`.
int test(const std::vector<std::string> &names, const std::vector<std::string> &settings,
         bool json);
/// `names` empty: all descriptions there are.
int doctor(const std::vector<std::string> &names, const std::vector<std::string> &settings,
           bool json);

struct TopOptions {
    unsigned process = 0; ///< 0: all
    double interval = 1;  ///< seconds
    bool once = false;
    bool json = false;
};
int top(const TopOptions &options);

/// Measures what viewers cost, with `arguments` for the benchmark: `--help` says which.
int bench(const std::vector<std::string> &arguments);

struct LatencyOptions {
    std::string url;
    double seconds = 10; ///< 0: until Ctrl-C
    bool json = false;
    std::string plot; ///< a file for a chart (SVG); empty: none
    std::string ntp;  ///< a server against which this machine's clock is measured; empty: none
    double clock_offset = 0; ///< ms that this machine's clock is ahead of the source's
    std::string tls_ca;      ///< a file of certificates to trust; empty: the system's
};
/// Plays a stream and says how old its pictures are; without a URL, how far the clock is off.
int latency(const LatencyOptions &options);

struct LatencyMatrixOptions {
    std::vector<std::string> over; ///< routes, in any case; empty: all
    double seconds = 10;           ///< of each
    bool json = false;
    std::string plot;     ///< a file for a chart (SVG); empty: none
    std::string markdown; ///< a file for the table; empty: none
};
/// Measures a test source through every protocol, with each setting.
int latency_matrix(const LatencyMatrixOptions &options);

/// The completion script of "bash", "zsh" or "fish".
int completion(const std::string &shell);
/// Candidates for "descriptions", or "settings" of these descriptions; one a line.
int complete(const std::string &kind, const std::vector<std::string> &names);

} // namespace penstock::cli

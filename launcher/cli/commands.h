// SPDX-License-Identifier: LGPL-2.1-or-later
// The commands. Each returns the exit code of the process.
#pragma once

#include <string>
#include <vector>

namespace penstock::cli {

inline constexpr int exit_ok = 0;
inline constexpr int exit_failed = 1;
inline constexpr int exit_usage = 2;
inline constexpr int exit_incomplete = 3; ///< of test: all passed, but not all was measured

int list(bool json);
int show(const std::string &name, const std::vector<std::string> &settings, bool json);
int check(const std::vector<std::string> &files, bool json);
/// Output format of explain_description(): launch lines with a drawing, DOT text, SVG, or JSON.
enum class Form { text, dot, svg, json };
int explain_description(const std::string &name, const std::vector<std::string> &settings,
                        Form form);
/// `settings` are "name=value" or "description.name=value". SIGINT, SIGTERM and SIGHUP must be
/// blocked in every thread.
int run(const std::vector<std::string> &names, const std::vector<std::string> &settings);

/// Runs each description for some seconds and checks its outputs against its `expect`.
int test(const std::vector<std::string> &names, const std::vector<std::string> &settings,
         bool json);
/// `names` empty: all descriptions.
int doctor(const std::vector<std::string> &names, const std::vector<std::string> &settings,
           bool json);

struct CamerasOptions {
    std::vector<std::string> addresses; ///< empty: all that answer
    std::string interface;              ///< empty: every one
    double seconds = 3;                 ///< for answers
    std::string user;
    bool json = false;
};
/// Lists the streams of ONVIF cameras.
int cameras(const CamerasOptions &options);

struct TopOptions {
    unsigned process = 0; ///< 0: all
    double interval = 1;  ///< seconds
    bool once = false;
    bool json = false;
};
int top(const TopOptions &options);

/// Measures the cost of viewers; `arguments` are the benchmark's own, see its `--help`.
int bench(const std::vector<std::string> &arguments);

struct LatencyOptions {
    std::string url;
    double seconds = 10; ///< of the whole, or with `wait` of the measurement; 0: until Ctrl-C
    double wait = 0;     ///< seconds for the first frame, before `seconds` begin; 0: within these
    bool json = false;
    std::string plot;        ///< output file for a chart (SVG); empty: none
    std::string ntp;         ///< NTP server to compare this machine's clock with; empty: none
    double clock_offset = 0; ///< ms by which this machine's clock is ahead of the source's
    std::string tls_ca;      ///< certificate file to trust; empty: the system's
};
/// Receives a stream and prints its latency; without a URL, prints the clock's offset.
int latency(const LatencyOptions &options);

struct LatencyMatrixOptions {
    std::vector<std::string> over; ///< routes, case-insensitive; empty: all
    double seconds = 10;           ///< per measurement
    bool json = false;
    std::string plot;     ///< output file for a chart (SVG); empty: none
    std::string markdown; ///< output file for the table; empty: none
};
/// Measures a test source over each protocol with each setting.
int latency_matrix(const LatencyMatrixOptions &options);

/// Prints the completion script for "bash", "zsh" or "fish".
int completion(const std::string &shell);
/// Prints one candidate per line: "descriptions", or "settings" or "values" of these descriptions.
int complete(const std::string &kind, const std::vector<std::string> &names);

} // namespace penstock::cli

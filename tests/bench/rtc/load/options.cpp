// SPDX-License-Identifier: LGPL-2.1-or-later
#include "options.h"

#include <CLI/CLI.hpp>

namespace load {
namespace {

/// A part of the path, counted from 0.
std::string part(const std::string &url, unsigned number) {
    size_t at = url.find("://");
    at = url.find('/', at == url.npos ? 0 : at + 3);
    for (; number > 0 && at != url.npos; --number)
        at = url.find('/', at + 1);
    if (at == url.npos) return {};
    return url.substr(at + 1, url.find_first_of("/?", at + 1) - at - 1);
}

} // namespace

std::string Options::app() const {
    return part(url, 0);
}

std::string Options::stream() const {
    return part(url, 1);
}

Options parse_options(int argc, char **argv) {
    Options out;
    CLI::App app("Plays a WebRTC stream (WHEP) thousands of times and measures.", "rtc-load");
    // Later options win: a script may add to another one's.
    app.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
    app.add_option("--url", out.url, "Where the viewers ask")
        ->required()
        ->type_name("http://HOST:PORT/APP/NAME/whep");
    app.add_option("--publish", out.publish,
                   "Where to publish APP/NAME over RTMP; none: nothing is published")
        ->type_name("HOST:PORT");
    app.add_option("--bitrate", out.bitrate, "Bits per second of the publisher, audio included")
        ->check(CLI::Range(3e5, 1e9))
        ->capture_default_str();
    app.add_option("--viewers", out.viewers, "How many")->check(CLI::Range(1, 100'000));
    app.add_option("--sample", out.sample,
                   "Viewers that decrypt everything, by whom latency is measured; the others "
                   "decrypt until their first keyframe. 0: all decrypt");
    app.add_option("--rate", out.rate, "Viewers that join in a second")
        ->check(CLI::PositiveNumber)
        ->capture_default_str();
    app.add_flag("--aes-cm", out.aes_cm, "Offer AES-CM with HMAC-SHA1 only, no GCM");
    app.add_flag("--nack", out.nack, "Ask for packets that are missing");
    app.add_flag("--no-audio", out.no_audio, "Offer video only");
    app.add_option("--pid", out.pid, "Measure the CPU time of this process and its children")
        ->check(CLI::PositiveNumber);
    app.add_option("--poll-ms", out.poll_ms,
                   "Pause between two looks at the sockets, once all have joined; 0: none")
        ->check(CLI::Range(0, 1000))
        ->capture_default_str();
    app.add_option("--warmup", out.warmup, "Seconds from publishing to the first join")
        ->capture_default_str();
    app.add_option("--settle", out.settle, "Seconds from the last join to the window")
        ->capture_default_str();
    app.add_option("--seconds", out.seconds, "Length of the window in which is measured")
        ->check(CLI::PositiveNumber)
        ->capture_default_str();
    app.add_flag("--json", out.json, "A line of JSON for each phase");
    app.add_flag("--step", out.step,
                 "Wait for a line on standard input before the viewers join and before they leave");
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError &error) {
        std::exit(app.exit(error) ? 2 : 0);
    }
    return out;
}

} // namespace load

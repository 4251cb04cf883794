// SPDX-License-Identifier: LGPL-2.1-or-later
#include "options.h"

#include <CLI/CLI.hpp>

namespace load {

Options parse_options(int argc, char **argv) {
    Options out;
    CLI::App app("Publishes a stream to a live server, plays it thousands of times and measures.\n"
                 "Results are JSON on standard output, a line for each phase.",
                 "fanout-load");
    // Later options win: a script may add to another one's.
    app.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
    app.add_option("--publish", out.publish,
                   "Where to publish over RTMP; none: nothing is published")
        ->type_name("HOST:PORT");
    app.add_option("--play", out.play, "Where the viewers connect")
        ->required()
        ->type_name("HOST:PORT");
    app.add_option("--app", out.app, "Application, the first part of the path")
        ->capture_default_str();
    app.add_option("--stream", out.stream, "Name; with several publishers NAME-0, NAME-1 …")
        ->capture_default_str();
    const std::map<std::string, Protocol> protocols{{"rtmp", Protocol::rtmp},
                                                    {"http-flv", Protocol::http_flv},
                                                    {"ws-flv", Protocol::ws_flv},
                                                    {"flv", Protocol::flv}};
    app.add_option("--protocol", out.protocol, "rtmp, http-flv, ws-flv, or flv: FLV at once, bare")
        ->transform(CLI::CheckedTransformer(protocols));
    app.add_flag("--tls", out.tls, "Viewers connect over TLS; any certificate will do");
    app.add_option("--viewers", out.viewers, "Viewers that read all there is")
        ->check(CLI::Range(0, 1'000'000));
    app.add_option("--slow", out.slow, "More viewers, which read a tenth of the rate");
    app.add_option("--stuck", out.stuck, "More viewers, which read one keyframe and nothing more");
    app.add_option("--beside", out.beside,
                   "Viewers of a stream of their own, NAME-beside, measured apart");
    app.add_option("--join-rate", out.join_rate, "Viewers that join in a second")
        ->check(CLI::PositiveNumber)
        ->capture_default_str();
    app.add_option("--probe-rate", out.probe_rate,
                   "Viewers a second that join within the window and leave after one keyframe")
        ->check(CLI::NonNegativeNumber);
    app.add_option("--publishers", out.publishers, "Viewers are spread over them evenly")
        ->check(CLI::Range(1, 10'000));
    app.add_option("--bitrate", out.bitrate, "Bits per second of a publisher, sound included")
        ->check(CLI::Range(3e5, 1e9))
        ->capture_default_str();
    app.add_option("--poll-ms", out.poll_ms, "Pause between two looks at the sockets; 0: none")
        ->check(CLI::Range(0, 1000))
        ->capture_default_str();
    app.add_option("--warmup", out.warmup, "Seconds from publishing to the first join")
        ->capture_default_str();
    app.add_option("--settle", out.settle, "Seconds from the last join to the window")
        ->capture_default_str();
    app.add_option("--seconds", out.seconds, "Length of the window in which is measured")
        ->check(CLI::PositiveNumber)
        ->capture_default_str();
    app.add_flag("--step", out.step,
                 "Wait for a line on standard input before the viewers join "
                 "and before they leave");
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError &error) {
        std::exit(app.exit(error) ? 2 : 0);
    }
    return out;
}

} // namespace load

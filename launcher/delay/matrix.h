// SPDX-License-Identifier: LGPL-2.1-or-later
// Sends a stamped test source through each protocol in turn and receives it with the same client.
#pragma once

#include "delay/measured.h"
#include "delay/protocols.h"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace penstock::delay {

/// Encoder and protocol settings: latency=normal and latency=low of the shipped descriptions.
struct Setting {
    const char *name;
    const char *encoder; ///< launch text: a queue and x264enc
    int64_t segment;     ///< ns; duration of HLS segments
    unsigned srt;        ///< ms; SRT's `latency`
    bool sync;           ///< the sink waits until a frame is due
};
std::vector<Setting> settings();

/// The path between source and client.
struct Route {
    std::string name; ///< "RTMP", "nginx-rtmp", "WHIP to WHEP in Chromium"
    const Protocol *protocol = nullptr;
    const protocols::MatrixRow *row = nullptr;
    bool is_nginx = false; ///< nginx-rtmp relays, not this process
    bool is_page = false;  ///< the viewers' page in Chromium plays it
};
/// All routes that can be measured on this machine; nginx and Chromium only if they are installed.
std::vector<Route> routes();

/// One route with one setting. Everything runs from start() until destruction. Used on the main
/// loop's thread.
class Run {
public:
    struct Options {
        int64_t warm_up = 2'000'000'000; ///< ns
        int width = 1280, height = 720, fps = 30;
    };
    Run(const Route &route, const Setting &setting, const Options &options);
    ~Run();
    Run(const Run &) = delete;
    Run &operator=(const Run &) = delete;

    bool start(std::string *error);
    /// Time of the first frame; monotonic, µs; 0: none yet.
    int64_t first_picture() const;
    /// Why measuring can't continue; empty while it can.
    std::string failure() const;
    Measured measured() const;

private:
    struct Parts;
    std::unique_ptr<Parts> parts_;
};

} // namespace penstock::delay

// SPDX-License-Identifier: LGPL-2.1-or-later
// A stamped test source through every protocol, received by the same client, one after the other.
#pragma once

#include "delay/measured.h"
#include "delay/protocols.h"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace penstock::delay {

/// How the encoder and what is behind it are set up; latency=normal and latency=low of the shipped
/// descriptions.
struct Setting {
    const char *name;
    const char *encoder; ///< launch text: a queue and x264enc
    int64_t segment;     ///< ns, of HLS
    unsigned srt;        ///< ms
    bool sync;           ///< whether the sink waits until a picture is due
};
std::vector<Setting> settings();

/// What is between source and client.
struct Route {
    std::string name; ///< "RTMP", "nginx-rtmp"
    const Protocol *protocol = nullptr;
    bool is_nginx = false; ///< nginx-rtmp relays, not this process
};
/// All that can be measured here: without nginx if it is not installed.
std::vector<Route> routes();

/// One route with one setting: everything runs from start() until it is destroyed. On the main
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
    /// Monotonic, µs, of the first picture; 0 before it.
    int64_t first_picture() const;
    /// Why there is nothing more to wait for; empty as long as there is.
    std::string failure() const;
    Measured measured() const;

private:
    struct Parts;
    std::unique_ptr<Parts> parts_;
};

} // namespace penstock::delay

// SPDX-License-Identifier: LGPL-2.1-or-later
// Compares measurements with expectations.
#pragma once

#include "description/binding.h"
#include "expect/measure.h"

#include <string>
#include <vector>

namespace penstock::expect {

enum class Verdict {
    pass,
    failure,
    told,       ///< measured, without an expectation
    warning,    ///< measured; nothing was asked, and it is hardly meant so
    unmeasured, ///< an output that was not received
};

struct Check {
    std::string output; ///< "rtmp live/test", "hls live/test", "udp", "pipelines"
    std::string what;   ///< "first frame", "fps", …
    std::string expected, measured;
    Verdict verdict = Verdict::told;
};

/// `expect` with its placeholders expanded; durations in seconds.
struct Limits {
    double within = 10, duration = 5;
    std::optional<double> fps_min, fps_max, keyframe_interval, skew, latency;
    struct Media {
        bool is_wanted = true;
        std::string codec; ///< empty: any
        std::optional<double> width, height, rate, channels;
    };
    std::optional<Media> video, audio;

    /// Makes the limits of one protocol's outputs. Returns nullopt and sets the reason if a
    /// parameter's value is unsuitable.
    static std::optional<Limits> make(const description::Expect &expect,
                                      const std::string &protocol,
                                      const description::Binding &binding, std::string *error);
};

/// The checks of one output. `failure` is the reason it broke off; empty if it did not.
std::vector<Check> judge(const std::string &output, const Limits &limits, const Received &received,
                         const Measures &measures, const std::string &failure);

} // namespace penstock::expect

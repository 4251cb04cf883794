// SPDX-License-Identifier: LGPL-2.1-or-later
// Decides who speaks, from how loud the participants are; with enough inertia that a cough does not
// change the frame.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

namespace penstock::layout {

/// The level of silence, dBFS.
inline constexpr double silence = -100;

/// The level of interleaved samples: the root of their mean square, in dBFS, at least `silence`.
double level_of(const int16_t *samples, size_t count);

/// A participant takes over when they are louder than a threshold, and clearly louder than who
/// speaks now, for half a second, and who speaks now has done so for two seconds. In silence the
/// last one stays.
class Loudest {
public:
    static constexpr double threshold = -50; ///< dBFS; speech is above it
    static constexpr double margin = 6;      ///< dB
    static constexpr int64_t patience = 500'000'000, stay = 2'000'000'000; ///< ns

    struct Level {
        uint32_t id = 0;
        double level = silence; ///< dBFS, of the time since the last step
    };

    /// `now`, in ns, must not go back. All participants that can be heard are in `levels`. Returns
    /// who speaks; empty as long as nobody has.
    std::optional<uint32_t> step(int64_t now, const std::vector<Level> &levels);

private:
    std::map<uint32_t, double> smooth_; ///< dBFS
    std::optional<int64_t> last_;
    std::optional<uint32_t> speaker_, rival_;
    int64_t since_ = 0, rival_since_ = 0;
};

} // namespace penstock::layout

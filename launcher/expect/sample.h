// SPDX-License-Identifier: LGPL-2.1-or-later
// Footage for a test: ten seconds of a moving picture and a tone, in a file that goes again.
#pragma once

#include <string>

namespace penstock::expect {

/// An MP4 with H.264 (640x360, 30 fps, a keyframe every 2 s) and AAC in a directory of its own.
class Sample {
public:
    Sample() = default;
    ~Sample();
    Sample(const Sample &) = delete;
    Sample &operator=(const Sample &) = delete;

    /// Takes some seconds. False and the reason if an element is missing or the disk is full.
    bool make(std::string *error);
    const std::string &file() const { return file_; }

private:
    std::string directory_, file_;
};

} // namespace penstock::expect

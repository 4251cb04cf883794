// SPDX-License-Identifier: LGPL-2.1-or-later
// A generated file for tests: ten seconds of moving test pattern and a tone.
#pragma once

#include <string>

namespace penstock::expect {

/// An MP4 with H.264 (640x360, 30 fps, a keyframe every 2 s) and AAC in a temporary directory,
/// which is removed on destruction.
class Sample {
public:
    Sample() = default;
    ~Sample();
    Sample(const Sample &) = delete;
    Sample &operator=(const Sample &) = delete;

    /// Takes a few seconds. Returns false and sets the reason if an element is missing or the disk
    /// is full.
    bool make(std::string *error);
    const std::string &file() const { return file_; }

private:
    std::string directory_, file_;
};

} // namespace penstock::expect

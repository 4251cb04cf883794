// SPDX-License-Identifier: LGPL-2.1-or-later
// A file that is read again when it has changed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include <sys/types.h>

namespace penstock::authorize {

class WatchedFile {
public:
    WatchedFile(std::string path, size_t max_size) : path_(std::move(path)), max_size_(max_size) {}
    const std::string &path() const { return path_; }

    /// The text, if the file has changed since the last call or this is the first one. Otherwise
    /// nullopt; `error` has the reason if the file can't be read, once for each of its states.
    std::optional<std::string> changed(std::string *error);

private:
    struct State {
        int error = 0;
        int64_t modified = 0; ///< ns
        ino_t inode = 0;
        off_t size = 0;
        bool operator==(const State &) const = default;
    };
    const std::string path_;
    const size_t max_size_;
    std::optional<State> known_;
};

} // namespace penstock::authorize

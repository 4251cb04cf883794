// SPDX-License-Identifier: LGPL-2.1-or-later
// A file that appears when it is complete.
#pragma once

#include "core/bytes/bytes.h"
#include "core/bytes/result.h"

#include <string>

namespace penstock::net {

/// What a new file is called until it is complete: its name with this at its end.
inline constexpr std::string_view temporary_suffix = ".part";

/// Written under another name and renamed by finish(); removed if it never is. Replaces what is
/// there. All calls may block on the disk. Not thread-safe.
class NewFile {
public:
    /// `path` is absolute. An error is told by the next call of write() or finish().
    explicit NewFile(std::string path);
    ~NewFile();
    NewFile(const NewFile &) = delete;
    NewFile &operator=(const NewFile &) = delete;

    /// Appends. After an error the file is not to be used.
    Result write(ByteView content);
    /// Closes the file and gives it its name.
    Result finish();

private:
    Result fail(int error) const;

    const std::string path_, temporary_;
    int fd_ = -1;
    int error_ = 0; ///< of open()
};

/// What an error number of a write means, and a remedy where there is one.
std::string write_error(int error);

} // namespace penstock::net

// SPDX-License-Identifier: LGPL-2.1-or-later
// A file that appears when it is complete.
#pragma once

#include "core/bytes/bytes.h"
#include "core/bytes/result.h"

#include <string>

namespace penstock::net {

/// What a new file is called until it is complete: its name with this at its end.
inline constexpr std::string_view temporary_suffix = ".part";

/// What to do about a file of the same name.
enum class Existing : uint8_t {
    replace,
    keep, ///< finish() fails; so does the constructor if another program is writing one
};

/// Written under another name and renamed by finish(); removed if it never is. All calls may block
/// on the disk. Not thread-safe.
class NewFile {
public:
    /// `path` is absolute. An error is told by the next call of write() or finish().
    explicit NewFile(std::string path, Existing existing = Existing::replace);
    ~NewFile();
    NewFile(const NewFile &) = delete;
    NewFile &operator=(const NewFile &) = delete;

    /// Appends, or only tells an error if there is nothing to append. After one the file is not to
    /// be used.
    Result write(ByteView content);
    /// Closes the file and gives it its name.
    Result finish();

private:
    Result fail(int error) const;
    int rename() const;

    const std::string path_, temporary_;
    const Existing existing_;
    int fd_ = -1;
    Result problem_ = Result::ok(); ///< why there is no file to write to
};

/// What an error number of a write means, and a remedy where there is one.
std::string write_error(int error);

} // namespace penstock::net

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/http/hls/new_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

namespace penstock::net {

std::string write_error(int error) {
    switch (error) {
    case ENOSPC:
    case EDQUOT:
        return "no space left: free some, or lower playlist-length";
    case EACCES:
    case EPERM:
    case EROFS:
        return std::string(std::strerror(error)) + ": give this user the right to write there";
    default:
        return std::strerror(error);
    }
}

NewFile::NewFile(std::string path, Existing existing)
    : path_(std::move(path)), temporary_(path_ + std::string(temporary_suffix)),
      existing_(existing) {
    // Removes an existing file of that name, so that a planted symbolic link is not followed.
    if (existing_ == Existing::replace) ::unlink(temporary_.c_str());
    fd_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd_ >= 0) return;
    problem_ = errno != EEXIST
                   ? fail(errno)
                   : Result::error(temporary_ + " exists: another program is writing it, or was " +
                                   "ended while it did; in that case remove it");
}

NewFile::~NewFile() {
    if (fd_ < 0) return;
    ::close(fd_);
    ::unlink(temporary_.c_str());
}

Result NewFile::fail(int error) const {
    return error == EEXIST ? Result::error(path_ + " exists, and is not overwritten: name " +
                                           "another directory, or remove that file")
                           : Result::error("Can't write " + path_ + ": " + write_error(error));
}

/// Gives the file its name; returns the error's number.
int NewFile::rename() const {
    const char *from = temporary_.c_str(), *to = path_.c_str();
    if (existing_ == Existing::replace) return ::rename(from, to) == 0 ? 0 : errno;
    if (::renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0) return 0;
    // Not all file systems can do that; NFS can't.
    if (errno != EINVAL && errno != ENOSYS) return errno;
    return ::link(from, to) == 0 && ::unlink(from) == 0 ? 0 : errno;
}

Result NewFile::write(ByteView content) {
    if (fd_ < 0) return problem_;
    while (!content.empty()) {
        const ssize_t count = ::write(fd_, content.data(), content.size());
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return fail(errno);
        content = content.subspan(static_cast<size_t>(count));
    }
    return Result::ok();
}

Result NewFile::finish() {
    if (fd_ < 0) return problem_;
    // Some file systems report a full disk only on close.
    int error = ::close(std::exchange(fd_, -1)) == 0 ? 0 : errno;
    if (error == 0) error = rename();
    if (error == 0) return Result::ok();
    ::unlink(temporary_.c_str());
    return problem_ = fail(error);
}

} // namespace penstock::net

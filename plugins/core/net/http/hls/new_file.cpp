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

NewFile::NewFile(std::string path)
    : path_(std::move(path)), temporary_(path_ + std::string(temporary_suffix)) {
    // Removes an existing file of that name, so that a planted symbolic link is not followed.
    ::unlink(temporary_.c_str());
    fd_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd_ < 0) error_ = errno;
}

NewFile::~NewFile() {
    if (fd_ < 0) return;
    ::close(fd_);
    ::unlink(temporary_.c_str());
}

Result NewFile::fail(int error) const {
    return Result::error("Can't write " + path_ + ": " + write_error(error));
}

Result NewFile::write(ByteView content) {
    if (fd_ < 0) return fail(error_);
    while (!content.empty()) {
        const ssize_t count = ::write(fd_, content.data(), content.size());
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return fail(errno);
        content = content.subspan(static_cast<size_t>(count));
    }
    return Result::ok();
}

Result NewFile::finish() {
    if (fd_ < 0) return fail(error_);
    // Some file systems report a full disk only on close.
    if (::close(std::exchange(fd_, -1)) == 0 && ::rename(temporary_.c_str(), path_.c_str()) == 0)
        return Result::ok();
    error_ = errno;
    ::unlink(temporary_.c_str());
    return fail(error_);
}

} // namespace penstock::net

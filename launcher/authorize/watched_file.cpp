// SPDX-License-Identifier: LGPL-2.1-or-later
#include "authorize/watched_file.h"

#include <array>
#include <cerrno>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace penstock::authorize {
namespace {

/// Closes the descriptor.
struct Descriptor {
    explicit Descriptor(int descriptor) : value(descriptor) {}
    ~Descriptor() {
        if (value >= 0) ::close(value);
    }
    Descriptor(const Descriptor &) = delete;
    Descriptor &operator=(const Descriptor &) = delete;
    const int value;
};

} // namespace

std::optional<std::string> WatchedFile::changed(std::string *error) {
    // Without O_NONBLOCK, opening a pipe in the file's place would block.
    const Descriptor file(::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    struct stat info {};
    State state;
    if (file.value < 0 || ::fstat(file.value, &info) != 0)
        state.error = errno;
    else if (!S_ISREG(info.st_mode))
        state.error = S_ISDIR(info.st_mode) ? EISDIR : EINVAL;
    else if (size_t(info.st_size) > max_size_)
        state.error = EFBIG;
    if (state.error == 0) {
        state.modified = int64_t(info.st_mtim.tv_sec) * 1'000'000'000 + info.st_mtim.tv_nsec;
        state.inode = info.st_ino;
        state.size = info.st_size;
    }
    if (known_ == state) return std::nullopt;
    known_ = state;
    const auto fail = [&](int code) {
        if (error) *error = path_ + ": " + std::generic_category().message(code);
        return std::nullopt;
    };
    if (state.error != 0) return fail(state.error);
    std::string text;
    std::array<char, 16 << 10> buffer{};
    while (text.size() <= max_size_) {
        const ssize_t size = ::read(file.value, buffer.data(), buffer.size());
        if (size == 0) return text;
        if (size < 0 && errno == EINTR) continue;
        if (size < 0) return fail(errno);
        text.append(buffer.data(), size_t(size));
    }
    return fail(EFBIG);
}

} // namespace penstock::authorize

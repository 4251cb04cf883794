// SPDX-License-Identifier: LGPL-2.1-or-later
// Memory that is also a file, so that the kernel sends it to sockets without a copy (sendfile).
#pragma once

#include "core/bytes/bytes.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>

namespace penstock::net {

/// Where in a file bytes are.
struct FileRange {
    int file = -1; ///< its descriptor, which is valid as long as the bytes
    uint64_t offset = 0;
};

/// A file without a name (memfd_create) that grows at its end. Where bytes are released it becomes
/// sparse, so it takes no more memory than what is in use. Bytes may outlive this object.
/// Thread-safe.
class FileMemory {
public:
    /// The process' own: one descriptor, however many streams there are.
    static FileMemory &instance();

    /// Bytes below which a copy costs no more than the extra system call of sendfile().
    static constexpr size_t least = 128 << 10;

    /// Returns the pieces as one, copied into the file; in plain memory if they have fewer than
    /// `least` bytes together, or if the file can't be made or can't grow.
    Bytes store(std::span<const Bytes> pieces);
    /// Where stored bytes, or a part of them, are; nullopt: in plain memory.
    static std::optional<FileRange> range_of(const Bytes &bytes);

private:
    struct File;
    struct Unmap;
    Bytes map(std::span<const Bytes> pieces, size_t size);

    std::mutex mutex_; ///< guards the following
    std::shared_ptr<File> file_;
    uint64_t end_ = 0; ///< of the file; whole pages
};

} // namespace penstock::net

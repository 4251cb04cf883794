// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/http/file_memory.h"

#include "core/bytes/join.h"

#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

namespace penstock::net {
namespace {

uint64_t whole_pages(uint64_t size) {
    static const auto page = uint64_t(sysconf(_SC_PAGESIZE));
    return (size + page - 1) / page * page;
}

bool write_all(int file, ByteView bytes, uint64_t offset) {
    while (!bytes.empty()) {
        const ssize_t written = pwrite(file, bytes.data(), bytes.size(), off_t(offset));
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return false;
        bytes = bytes.subspan(size_t(written));
        offset += uint64_t(written);
    }
    return true;
}

} // namespace

struct FileMemory::File {
    explicit File(int descriptor) : descriptor(descriptor) {}
    ~File() { close(descriptor); }
    File(const File &) = delete;
    File &operator=(const File &) = delete;

    /// Gives the memory of whole pages back; sockets that are still sending them keep theirs.
    void release(uint64_t offset, uint64_t size) const {
        fallocate(descriptor, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, off_t(offset),
                  off_t(size));
    }

    const int descriptor;
};

/// Deletes a mapping. range_of() finds it in the bytes' owner.
struct FileMemory::Unmap {
    std::shared_ptr<File> file;
    uint64_t offset;
    uint64_t size; ///< whole pages

    void operator()(const uint8_t *begin) const {
        munmap(const_cast<uint8_t *>(begin), size);
        file->release(offset, size);
    }
};

FileMemory &FileMemory::instance() {
    // Never destroyed: connections may still send when the process ends.
    static auto *the = new FileMemory;
    return *the;
}

Bytes FileMemory::store(std::span<const Bytes> pieces) {
    size_t size = 0;
    for (const Bytes &piece : pieces)
        size += piece.size();
    Bytes stored = size >= least ? map(pieces, size) : Bytes();
    return stored.empty() ? join(pieces) : stored;
}

Bytes FileMemory::map(std::span<const Bytes> pieces, size_t size) {
    const uint64_t taken = whole_pages(size);
    std::shared_ptr<File> file;
    uint64_t begin = 0;
    {
        std::lock_guard lock(mutex_);
        if (!file_) {
            const int descriptor = memfd_create("penstock-segments", MFD_CLOEXEC);
            if (descriptor < 0) return {};
            file_ = std::make_shared<File>(descriptor);
        }
        file = file_;
        begin = std::exchange(end_, end_ + taken);
    }
    bool is_written = true;
    uint64_t at = begin;
    for (const Bytes &piece : pieces) {
        is_written = is_written && write_all(file->descriptor, piece, at);
        at += piece.size();
    }
    void *mapped = is_written
                       ? mmap(nullptr, taken, PROT_READ, MAP_SHARED, file->descriptor, off_t(begin))
                       : MAP_FAILED;
    if (mapped == MAP_FAILED) {
        file->release(begin, taken);
        return {};
    }
    const auto *data = static_cast<const uint8_t *>(mapped);
    return Bytes(std::shared_ptr<const uint8_t>(data, Unmap{file, begin, taken}), data, size);
}

std::optional<FileRange> FileMemory::range_of(const Bytes &bytes) {
    const auto *mapping = std::get_deleter<Unmap>(bytes.owner());
    if (!mapping) return std::nullopt;
    const auto *begin = static_cast<const uint8_t *>(bytes.owner().get());
    return FileRange{mapping->file->descriptor, mapping->offset + uint64_t(bytes.data() - begin)};
}

} // namespace penstock::net

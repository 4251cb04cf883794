// SPDX-License-Identifier: LGPL-2.1-or-later
// Immutable bytes with shared ownership, as packets are passed through Penstock.
#pragma once

#include "core/bytes/recycled.h"

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace penstock {

using ByteView = std::span<const uint8_t>;

/// A view of memory that stays alive as long as a Bytes refers to it. Copying a Bytes copies only a
/// pointer; the memory is never modified.
class Bytes {
public:
    Bytes() = default;
    /// Refers to `size` bytes at `data`, which `owner` keeps alive.
    Bytes(std::shared_ptr<const void> owner, const uint8_t *data, size_t size)
        : owner_(std::move(owner)), data_(data), size_(size) {}

    /// Takes ownership of a vector without copying.
    static Bytes adopt(std::vector<uint8_t> &&bytes) {
        using Vector = std::vector<uint8_t>;
        auto owner = std::allocate_shared<Vector>(RecyclingAllocator<Vector>(), std::move(bytes));
        const uint8_t *data = owner->data();
        const size_t size = owner->size();
        return Bytes(std::move(owner), data, size);
    }
    static Bytes copy_of(ByteView view) {
        return adopt(std::vector<uint8_t>(view.begin(), view.end()));
    }
    static Bytes copy_of(std::string_view text) {
        return copy_of(ByteView(reinterpret_cast<const uint8_t *>(text.data()), text.size()));
    }

    const uint8_t *data() const { return data_; }
    size_t size() const { return size_; }
    bool empty() const { return size_ == 0; }
    uint8_t operator[](size_t i) const {
        assert(i < size_);
        return data_[i];
    }
    const uint8_t *begin() const { return data_; }
    const uint8_t *end() const { return data_ + size_; }
    ByteView view() const { return ByteView(data_, size_); }
    operator ByteView() const { return view(); }
    const std::shared_ptr<const void> &owner() const { return owner_; }

    /// A part of these bytes that shares their memory; clamped to their size.
    Bytes sub(size_t offset, size_t count = SIZE_MAX) const {
        offset = offset < size_ ? offset : size_;
        count = count < size_ - offset ? count : size_ - offset;
        return Bytes(owner_, data_ + offset, count);
    }

private:
    std::shared_ptr<const void> owner_;
    const uint8_t *data_ = nullptr;
    size_t size_ = 0;
};

} // namespace penstock

// SPDX-License-Identifier: LGPL-2.1-or-later
// Memory for small objects that come and go with every message of a stream.
#pragma once

#include <cstddef>
#include <new>

// A sanitizer has to see each object's end. Clang tells of it in another way than GCC.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define PENSTOCK_RECYCLES 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define PENSTOCK_RECYCLES 0
#endif
#endif
#ifndef PENSTOCK_RECYCLES
#define PENSTOCK_RECYCLES 1
#endif

namespace penstock {

/// Blocks of `size` bytes. Each thread keeps up to 512 released ones for itself, so that most need
/// neither malloc() nor a lock: a GOP of them is released at once and needed again within the next,
/// which is more than malloc() keeps at hand. A block may be released by another thread than the
/// one that took it. Suits any fundamental alignment. Throws std::bad_alloc.
template <size_t size>
class Recycled {
public:
    static void *take() {
        List &list = kept();
        Link *const link = list.first;
        if (!link) return ::operator new(block);
        list.first = link->next;
        --list.count;
        return link;
    }
    static void give(void *memory) noexcept {
        List &list = kept();
        if (list.count == list.most && !may_keep(list)) return ::operator delete(memory);
        list.first = new (memory) Link{list.first};
        ++list.count;
    }

private:
    struct Link {
        Link *next;
    };
    static constexpr size_t block = size < sizeof(Link) ? sizeof(Link) : size;
    enum class Stage : unsigned char { unused, used, ended };
    /// Trivial, and therefore valid until the thread's very end.
    struct List {
        Link *first = nullptr;
        unsigned count = 0, most = 0;
        Stage stage = Stage::unused;
    };
    /// Frees the blocks when the thread ends. Others may be released after that.
    struct End {
        ~End() {
            List &list = kept();
            list.stage = Stage::ended;
            list.count = list.most = 0;
            while (Link *const link = list.first) {
                list.first = link->next;
                ::operator delete(link);
            }
        }
    };
    static List &kept() {
        thread_local constinit List list;
        return list;
    }
    /// Prepares the list at its first use.
    static bool may_keep(List &list) {
        if (!PENSTOCK_RECYCLES || list.stage != Stage::unused) return false;
        thread_local const End end;
        list.stage = Stage::used;
        list.most = 512;
        return true;
    }
};

/// For std::allocate_shared().
template <class T>
struct RecyclingAllocator {
    using value_type = T;
    RecyclingAllocator() = default;
    template <class U>
    RecyclingAllocator(const RecyclingAllocator<U> &) {}
    T *allocate(size_t count) {
        static_assert(alignof(T) <= __STDCPP_DEFAULT_NEW_ALIGNMENT__);
        return static_cast<T *>(count == 1 ? Recycled<sizeof(T)>::take()
                                           : ::operator new(count * sizeof(T)));
    }
    void deallocate(T *memory, size_t count) noexcept {
        count == 1 ? Recycled<sizeof(T)>::give(memory) : ::operator delete(memory);
    }
    bool operator==(const RecyclingAllocator &) const { return true; }
};

} // namespace penstock

// SPDX-License-Identifier: LGPL-2.1-or-later
// Restricts the leak check of a fuzz target that uses GLib to the target's own leaks.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

#include <link.h>

namespace fuzz {

/// GLib keeps quark names in a table that threads read without a lock. When it grows during
/// GStreamer's start, at 2048 names, GLib allocates a larger one and deliberately leaves the old
/// one (16 kB, once) unreferenced. A copy of GLib's variables from before gst_init() keeps that
/// table reachable, so that LeakSanitizer reports other leaks only.
class GlibTables {
public:
    /// Call before gst_init().
    GlibTables() {
        dl_iterate_phdr(
            [](dl_phdr_info *library, size_t, void *self) {
                if (std::string_view(library->dlpi_name).find("/libglib-2.0.so") ==
                    std::string_view::npos)
                    return 0;
                for (int i = 0; i < library->dlpi_phnum; ++i)
                    static_cast<GlibTables *>(self)->keep(library->dlpi_addr,
                                                          library->dlpi_phdr[i]);
                return 1;
            },
            this);
    }

private:
    void keep(uintptr_t base, const ElfW(Phdr) & segment) {
        if (segment.p_type != PT_LOAD || !(segment.p_flags & PF_W)) return;
        std::vector<uintptr_t> &copy = copies_.emplace_back(segment.p_memsz / sizeof(uintptr_t));
        const uintptr_t begin = base + segment.p_vaddr;
        // Pointers are aligned to their size.
        std::memcpy(copy.data(), reinterpret_cast<const void *>((begin + 7) & ~uintptr_t(7)),
                    (copy.size() - 1) * sizeof(uintptr_t));
    }

    std::vector<std::vector<uintptr_t>> copies_;
};

} // namespace fuzz

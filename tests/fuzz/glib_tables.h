// SPDX-License-Identifier: LGPL-2.1-or-later
// Keeps the leak check of a fuzz target that uses GLib to what the target itself leaks.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

#include <link.h>

namespace fuzz {

/// GLib keeps the names of quarks in a table that threads read without a lock. When GStreamer's
/// start outgrows it, at 2048 names, GLib makes a larger one and leaves the old one (16 kB, once)
/// on purpose, without a pointer to it. A copy of GLib's variables as they were before
/// gst_init() keeps that table reachable, so that LeakSanitizer does not report it, and everything
/// else still is reported.
class GlibTables {
public:
    /// To be called before gst_init().
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
        // Pointers lie at multiples of their size.
        std::memcpy(copy.data(), reinterpret_cast<const void *>((begin + 7) & ~uintptr_t(7)),
                    (copy.size() - 1) * sizeof(uintptr_t));
    }

    std::vector<std::vector<uintptr_t>> copies_;
};

} // namespace fuzz

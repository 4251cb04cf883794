// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/flv/config_version.h"

#include <atomic>

namespace penstock::flv {

uint32_t next_config_version() {
    static std::atomic<uint32_t> last = 0;
    for (;;)
        if (const uint32_t next = ++last; next != 0) return next;
}

} // namespace penstock::flv

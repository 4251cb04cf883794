// SPDX-License-Identifier: LGPL-2.1-or-later
// A clock that never goes back, and that pipelines do not choose.
#pragma once

#include <glib.h>

#include <cstdint>

namespace penstock {

/// ns since some moment.
inline uint64_t steady_time() {
    return static_cast<uint64_t>(g_get_monotonic_time()) * 1000;
}

} // namespace penstock

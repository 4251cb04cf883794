// SPDX-License-Identifier: LGPL-2.1-or-later
// Process-wide unique versions of codec configurations.
#pragma once

#include <cstdint>

namespace penstock::flv {

/// Returns a number that no other configuration of any stream has; never 0. Wraps after 2^32
/// configurations. Thread-safe.
uint32_t next_config_version();

} // namespace penstock::flv

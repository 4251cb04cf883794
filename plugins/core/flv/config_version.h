// SPDX-License-Identifier: LGPL-2.1-or-later
// Numbers that tell one codec configuration from another, in the whole process.
#pragma once

#include <cstdint>

namespace penstock::flv {

/// A number that no configuration of any stream has had; never 0. Wraps after 2^32 configurations.
/// Thread-safe.
uint32_t next_config_version();

} // namespace penstock::flv

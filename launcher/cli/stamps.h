// SPDX-License-Identifier: LGPL-2.1-or-later
// Advice for a stream without latency stamps.
#pragma once

#include <string>

namespace penstock::cli {

/// The error for a stream whose frames have no readable stamp. If a process of this user publishes
/// the stream, names that process and its setting.
std::string no_stamps(const std::string &url);

} // namespace penstock::cli

// SPDX-License-Identifier: LGPL-2.1-or-later
// A snapshot as JSON: what `penstock top` and other readers get.
#pragma once

#include "supervisor/snapshot.h"

#include <string>

namespace penstock::api {

/// One line: process, version, descriptions, pipelines, mounts. Bytes and frames are counted since
/// the start, times are in ns; `taken-at` is monotonic, so that a reader can make rates of two.
std::string state_json(const supervisor::Snapshot &snapshot);

} // namespace penstock::api

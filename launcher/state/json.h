// SPDX-License-Identifier: LGPL-2.1-or-later
// The model as JSON: what `penstock top` and other readers of the Unix socket get.
#pragma once

#include "state/model.h"

#include <string>

namespace penstock::state {

/// One line: process, version, descriptions, pipelines, mounts. Bytes and frames count from the
/// start, times are in ns; `taken-at` is monotonic, so that a reader can make rates of two answers.
std::string to_json(const Model &model);

} // namespace penstock::state

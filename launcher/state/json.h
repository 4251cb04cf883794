// SPDX-License-Identifier: LGPL-2.1-or-later
// The model as JSON, the answer on the Unix socket for `penstock top` and other readers.
#pragma once

#include "state/model.h"

#include <string>

namespace penstock::state {

/// One line: process, version, descriptions, pipelines, mounts. Bytes and frames count from the
/// start; times are in ns. `taken-at` is monotonic, so that readers can compute rates from two
/// answers.
std::string to_json(const Model &model);

} // namespace penstock::state

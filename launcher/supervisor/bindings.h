// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "description/binding.h"

#include <memory>
#include <vector>

namespace penstock::supervisor {

/// Descriptions with their parameter values. Parts that still run share ownership after a reload.
using Bindings = std::vector<std::shared_ptr<description::Binding>>;

} // namespace penstock::supervisor

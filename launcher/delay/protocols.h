// SPDX-License-Identifier: LGPL-2.1-or-later
// The protocols that latency is measured over: the readers of the launcher's table.
#pragma once

#include "protocols/table.h"

#include <string>

namespace penstock::delay {

using Protocol = protocols::Reader;

/// The first of them: a pipe, which everything else is compared with.
const Protocol &direct();
/// The one that reads this URL; nullptr, with the reason, if there is none.
const Protocol *protocol_of(const std::string &url, std::string *error);

} // namespace penstock::delay

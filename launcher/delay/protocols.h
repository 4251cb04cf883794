// SPDX-License-Identifier: LGPL-2.1-or-later
// The protocols whose latency can be measured: the readers in the launcher's table.
#pragma once

#include "protocols/table.h"

#include <string>

namespace penstock::delay {

using Protocol = protocols::Reader;

/// The baseline, a pipe.
const Protocol &direct();
/// The reader of a URL. Returns nullptr and sets the reason if there is none.
const Protocol *protocol_of(const std::string &url, std::string *error);

} // namespace penstock::delay

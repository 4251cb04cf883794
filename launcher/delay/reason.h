// SPDX-License-Identifier: LGPL-2.1-or-later
// Why a stream did not come, in one sentence, and what to do.
#pragma once

#include "delay/protocols.h"

#include <string>

namespace penstock::delay {

using Failure = protocols::Failure;

/// Why no frame came from `url`. Asks the server once more, and blocks for some seconds at most.
std::string why_nothing_came(const Protocol &protocol, const std::string &url,
                             const Failure &failure);

/// From here on the certificates in the file (PEM) are trusted, and no others. False and the reason
/// if there are none.
bool trust(const std::string &file, std::string *error);

} // namespace penstock::delay

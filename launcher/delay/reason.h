// SPDX-License-Identifier: LGPL-2.1-or-later
// Explains why a stream did not arrive.
#pragma once

#include "delay/protocols.h"

#include <string>

namespace penstock::delay {

using Failure = protocols::Failure;

/// Explains in one sentence why no frame came from `url`, and what to do. May connect to the
/// server; blocks for up to ten seconds.
std::string why_nothing_came(const Protocol &protocol, const std::string &url,
                             const Failure &failure);

/// From now on trusts only the certificates in the file (PEM). Returns false and sets the reason if
/// it contains none.
bool trust(const std::string &file, std::string *error);

} // namespace penstock::delay

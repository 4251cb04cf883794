// SPDX-License-Identifier: LGPL-2.1-or-later
// Why a stream did not come, where GStreamer doesn't say: asks the server once more.
#pragma once

#include "delay/protocols.h"

#include <string>

namespace penstock::delay {

/// For http and https: what the connection or the answer says ("Connection refused", "the server
/// answers 404 Not Found"), and how to mend it. Empty if it finds nothing wrong. Blocks for some
/// seconds at most.
std::string http_reason(const std::string &url);

/// What GStreamer said, and how to mend it if that is known.
std::string with_remedy(const std::string &failure);

/// What to look at if no picture came at all, and nothing said why.
std::string why_no_picture(const Protocol &protocol);

/// From here on the certificates in the file (PEM) are trusted, and no others. False and the reason
/// if there are none.
bool trust(const std::string &file, std::string *error);

} // namespace penstock::delay

// SPDX-License-Identifier: LGPL-2.1-or-later
// The protocols in the JSON Schema of descriptions.
#pragma once

#include <string>

namespace penstock::protocols {

/// Replaces @PUBLISH_SCHEMES@ and @PLAY_SCHEMES@ ("rtmp|http") and @PUBLISH_URLS@ and @PLAY_URLS@
/// ("`rtmp://ADDRESS/PATH` or `http://ADDRESS/PATH`") by what the table has.
std::string complete_schema(std::string text);

} // namespace penstock::protocols

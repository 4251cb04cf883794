// SPDX-License-Identifier: LGPL-2.1-or-later
// Fills the table of protocols into the JSON Schema of descriptions.
#pragma once

#include <string>

namespace penstock::protocols {

/// Replaces @PUBLISH_MATCH@ and @PLAY_MATCH@ by what the table makes of a `match`
/// ("rtmp://[^/]+/[^?]+|http://[^/]+/[^?]+/whip"), and @PUBLISH_URLS@ and @PLAY_URLS@ by the same
/// for people ("`rtmp://ADDRESS/PATH` or `http://ADDRESS/PATH/whip`").
std::string complete_schema(std::string text);

} // namespace penstock::protocols

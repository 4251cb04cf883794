// SPDX-License-Identifier: LGPL-2.1-or-later
// Fills the table of protocols into the JSON Schema of descriptions.
#pragma once

#include <string>

namespace penstock::protocols {

/// Replaces @PUBLISH_SCHEMES@ and @PLAY_SCHEMES@ by the schemes in the table ("rtmp|http"), and
/// @PUBLISH_URLS@ and @PLAY_URLS@ by their URL patterns ("`rtmp://ADDRESS/PATH` or
/// `http://ADDRESS/PATH`").
std::string complete_schema(std::string text);

} // namespace penstock::protocols

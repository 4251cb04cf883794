// SPDX-License-Identifier: LGPL-2.1-or-later
// What servers elsewhere say of who publishes or plays there.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace penstock::protocols {

/// The server's words in the error of a stock element: rtmp2sink and rtmp2src quote its whole
/// answer. nullopt if the error is of something else, such as a connection that is not made.
std::optional<std::string> refusal_in(std::string_view error);

} // namespace penstock::protocols

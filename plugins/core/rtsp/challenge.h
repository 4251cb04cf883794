// SPDX-License-Identifier: LGPL-2.1-or-later
// The values of WWW-Authenticate and Authorization: a scheme with parameters, or with a token.
// RFC 9110, section 11. Thread-safe.
#pragma once

#include "core/rtsp/headers.h"

#include <string>
#include <string_view>
#include <vector>

namespace penstock::rtsp {

struct Challenge {
    std::string scheme; ///< as written: "Digest", "Basic"
    std::string token;  ///< in place of parameters, as credentials of Basic have it
    Headers parameters; ///< without quotes and escapes

    bool is(std::string_view name) const { return sdp::same_word(scheme, name); }
};

inline constexpr size_t max_challenges = 8, max_parameters = 32; ///< more are left out

/// The challenges (or credentials) of one header, which may have several. What is malformed ends
/// the list.
std::vector<Challenge> parse_challenges(std::string_view value);

/// `name="text"`, with quotes and backslashes escaped and without control characters.
std::string quoted_parameter(std::string_view name, std::string_view text);

} // namespace penstock::rtsp

// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace penstock::authorize {

/// The URL of a server that decides about peers or is notified of them.
struct Url {
    bool is_secure = false;
    std::string host; ///< without brackets
    std::string port;
    std::string target; ///< path and query; "/" at least
    std::string authority() const;
    /// nullopt unless it is http:// or https:// with a host and without user and fragment.
    static std::optional<Url> parse(std::string_view text);
};

} // namespace penstock::authorize

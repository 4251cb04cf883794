// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace penstock::authorize {

/// The URL of a web server that is asked for something: whether a peer may publish, what a camera
/// has.
struct Url {
    bool is_secure = false;
    std::string host; ///< without brackets
    std::string port;
    std::string target; ///< path and query; "/" at least
    std::string authority() const;
    std::string to_string() const;
    /// nullopt unless it is http:// or https:// with a host and without user and fragment.
    static std::optional<Url> parse(std::string_view text);
    /// The same of "HOST" and "HOST:PORT", too, which stand for http:// and this target.
    static std::optional<Url> parse_server(std::string_view text, std::string_view target);
};

} // namespace penstock::authorize

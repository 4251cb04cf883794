// SPDX-License-Identifier: LGPL-2.1-or-later
// The article of a noun in messages.
#pragma once

#include <string>

namespace penstock::description {

/// "an int", "a string".
inline std::string with_article(const std::string &noun) {
    const bool has_vowel = noun.find_first_of("aeiou") == 0;
    return (has_vowel ? "an " : "a ") + noun;
}

} // namespace penstock::description

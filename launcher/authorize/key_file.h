// SPDX-License-Identifier: LGPL-2.1-or-later
// The text of a file of stream keys. A line is a key, optionally followed by the publisher's name
// and by patterns of the streams that it may publish:
//   # the key               who    what
//   4tPz9-m2Lq8             anna   live/anna live/anna-*
//   Vd83kMw                 bruno
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::authorize {

class KeyFile {
public:
    static constexpr size_t max_size = 4 << 20; ///< bytes
    static constexpr size_t max_keys = 50'000;

    /// nullopt and the reason with the line number, without the line's text, if a line is wrong.
    static std::optional<KeyFile> parse(std::string_view text, std::string *error);

    struct Owner {
        std::string name;                  ///< empty: not given
        std::vector<std::string> patterns; ///< empty: every stream
        bool may_publish(std::string_view stream) const;
    };
    /// The owner of the key; nullptr if it is unknown. The time taken does not depend on how much
    /// of a key is right.
    const Owner *find(std::string_view key) const;
    size_t size() const { return owners_.size(); }

private:
    std::map<std::string, Owner, std::less<>> owners_; ///< by the key's SHA-256
};

} // namespace penstock::authorize

// SPDX-License-Identifier: LGPL-2.1-or-later
// The header of an HTTP/2 request in one block of memory, since many requests wait with theirs.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace penstock::http2 {

class Fields {
public:
    /// `name` is in lower case; neither has a NUL character.
    void add(std::string_view name, std::string_view value);
    /// The value of a field, by case-insensitive name; of several the first, but for `cookie`,
    /// whose values are one (RFC 9113, section 8.2.3). `host` is `:authority` where there is one
    /// (section 8.3.1). Empty if absent.
    std::string get(std::string_view name) const;
    /// Pseudo-header fields; empty if absent.
    std::string_view method() const { return first(":method"); }
    std::string_view path() const { return first(":path"); }
    std::string_view authority() const { return first(":authority"); }
    bool has(std::string_view name) const { return first(name).data() != nullptr; }
    void clear() { std::string().swap(text_); }

private:
    std::string_view first(std::string_view name) const;

    std::string text_; ///< name NUL value NUL, and so on
};

} // namespace penstock::http2

// SPDX-License-Identifier: LGPL-2.1-or-later
// Byte ranges and entity tags of HTTP requests (RFC 9110 sections 13 and 14). Any thread.
#pragma once

#include <cstdint>
#include <string_view>

namespace penstock::http {

struct ByteRange {
    enum class Kind {
        whole,        ///< no range, or one that a server ignores: answer with everything
        part,         ///< `first` to `last` exist: answer with 206
        unsatisfiable ///< nothing in it exists: answer with 416
    };
    Kind kind = Kind::whole;
    uint64_t first = 0, last = 0; ///< inclusive; 0 unless `kind` is part
    bool operator==(const ByteRange &) const = default;
};

/// What a Range header asks of a body of `size` bytes: "bytes=0-499", "bytes=500-", "bytes=-500".
/// Other units, several ranges and malformed ones are `whole`.
ByteRange parse_range(std::string_view header, uint64_t size);

/// True if an If-None-Match header names this entity tag (`"abc"`, with its quotes) or is "*".
/// Weak comparison: a W/ in front of either is ignored.
bool etag_matches(std::string_view if_none_match, std::string_view etag);

} // namespace penstock::http

// SPDX-License-Identifier: LGPL-2.1-or-later
// Byte ranges and entity tags of HTTP requests (RFC 9110 sections 13 and 14). Thread-safe.
#pragma once

#include <cstdint>
#include <string_view>

namespace penstock::http {

struct ByteRange {
    enum class Kind {
        whole,        ///< no range, or an ignored one: respond with the whole body
        part,         ///< `first` to `last` exist: respond with 206
        unsatisfiable ///< the range is outside the body: respond with 416
    };
    Kind kind = Kind::whole;
    uint64_t first = 0, last = 0; ///< inclusive; 0 unless `kind` is part
    bool operator==(const ByteRange &) const = default;
};

/// Evaluates a Range header for a body of `size` bytes: "bytes=0-499", "bytes=500-", "bytes=-500".
/// Other units, several ranges and malformed ranges give `whole`.
ByteRange parse_range(std::string_view header, uint64_t size);

/// Whether an If-None-Match header contains this entity tag (`"abc"`, including quotes) or is "*".
/// Weak comparison: the prefix W/ is ignored.
bool etag_matches(std::string_view if_none_match, std::string_view etag);

} // namespace penstock::http

// SPDX-License-Identifier: LGPL-2.1-or-later
// Blocking playlist reload: what a request's delivery directives ask for, and whether it is
// answered now, waits, or is refused. draft-pantos-hls-rfc8216bis, 6.2.5.2.
#pragma once

#include "core/bytes/result.h"

#include <cstdint>
#include <optional>
#include <string_view>

namespace penstock::playlist {

enum class Skip : uint8_t { no, yes, v2 };

/// The delivery directives of a query.
struct Directives {
    std::optional<uint64_t> sequence; ///< _HLS_msn
    std::optional<uint64_t> part;     ///< _HLS_part
    Skip skip = Skip::no;             ///< _HLS_skip

    bool operator==(const Directives &) const = default;
};

/// Parses a query without its question mark; other parameters are ignored, and so is a kind of skip
/// that is not known. Errors (status 400): a number that is empty, invalid or above 2^64 - 1, a
/// directive that occurs twice, _HLS_part without _HLS_msn.
Result parse_directives(std::string_view query, Directives &directives);

/// How far a playlist has come.
struct Edge {
    uint64_t next = 0;       ///< sequence number of the segment that is not finished
    uint64_t parts = 0;      ///< finished parts of that segment
    uint64_t last_parts = 0; ///< parts of the segment before it
    int64_t part_target = 0; ///< ns; 0: the playlist has no parts
    bool ended = false;      ///< has EXT-X-ENDLIST
};

/// The moment for which a request waits. Both playlists and parts are waited for by it.
struct Moment {
    uint64_t sequence = 0;
    std::optional<uint64_t> part; ///< absent: the whole segment

    bool operator==(const Moment &) const = default;
};

/// Whether the playlist has what the moment names.
bool has_come(const Moment &moment, const Edge &edge);

struct Decision {
    enum class Action : uint8_t { answer, wait, refuse };
    Action action = Action::answer; ///< refuse: status 400, which must not be cached
    Moment moment;                  ///< of a request that waits
};

Decision decide(const Directives &directives, const Edge &edge);

} // namespace penstock::playlist

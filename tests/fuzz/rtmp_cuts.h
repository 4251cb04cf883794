// SPDX-License-Identifier: LGPL-2.1-or-later
// The law of the RTMP sessions' fuzz targets that cutting the input changes nothing.
#pragma once

#include "core/rtmp/server_session.h"

#include "fuzz/law.h"

#include <algorithm>
#include <string>

namespace fuzz {

/// Limits that small inputs can reach.
inline penstock::rtmp::Limits small_limits() {
    penstock::rtmp::Limits limits;
    limits.max_message_size = 100'000;
    limits.max_in_flight = 150'000;
    limits.max_chunk_streams = 8;
    return limits;
}

/// Feeds the input to `whole` at once and to `parts` in pieces that depend on `choice`. A Peer has
/// feed(), finish(), `events` and `error`.
template <class Peer>
void check_cuts(penstock::ByteView input, uint8_t choice, Peer &whole, Peer &parts) {
    whole.feed(input);
    for (size_t at = 0, step = 1 + choice % 61; at < input.size();
         at += step, step = step * 5 % 257 + 1)
        parts.feed(input.subspan(at, std::min(step, input.size() - at)));
    whole.finish();
    parts.finish();
    // The bound on answers that nobody takes counts between reads, so it depends on the pieces.
    const auto is_unread = [](const std::string &error) {
        return error.find("does not read") != std::string::npos;
    };
    law(whole.events == parts.events &&
            (whole.error == parts.error || is_unread(whole.error) || is_unread(parts.error)),
        "cutting the input changes nothing");
}

} // namespace fuzz

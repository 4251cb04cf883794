// SPDX-License-Identifier: LGPL-2.1-or-later
// How a stream ends whose producer has gone: one rule for every protocol.
#pragma once

#include <chrono>

namespace penstock::net {

struct Ending {
    /// Viewers wait this long for the next producer, counted from the last media.
    std::chrono::nanoseconds grace = std::chrono::seconds(10);
    /// Then they are told that the stream has ended. Those that have not left after this time are
    /// closed. HLS: how long the playlist says so; afterwards its URL answers 404.
    std::chrono::nanoseconds linger = std::chrono::seconds(5);
};

} // namespace penstock::net

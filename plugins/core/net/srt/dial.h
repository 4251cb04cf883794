// SPDX-License-Identifier: LGPL-2.1-or-later
// Connects a client: as a caller, as a listener of one caller, or by rendezvous.
#pragma once

#include "core/net/srt/client.h"
#include "core/net/srt/library.h"

#include <atomic>
#include <string>

namespace penstock::net {

struct SrtDialed {
    SrtSocket socket;     ///< connected; none on failure
    std::string reason;   ///< of the failure
    bool refused = false; ///< it will be so at the next attempt, too
};

/// Makes one attempt; blocks until it is decided or `stop` is set, which is noticed within 50 ms. A
/// listener waits without end.
SrtDialed dial_srt(const SrtClientOptions &options, const std::atomic<bool> &stop);

} // namespace penstock::net

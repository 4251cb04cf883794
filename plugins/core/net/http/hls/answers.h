// SPDX-License-Identifier: LGPL-2.1-or-later
// Answers that requests for playlists, MPDs and segments have in common.
#pragma once

#include "core/net/http/hls/sessions.h"
#include "core/net/http/response.h"

#include <algorithm>
#include <cstdint>
#include <string>

namespace penstock::net {

inline HttpResponse hls_refusal(HlsSessions::Verdict verdict) {
    if (verdict == HlsSessions::Verdict::refused) return http_error(403, "Not allowed.");
    return http_retry("Too many are watching; try again.", 5);
}

inline HttpResponse hls_nothing_there() {
    return http_error(404, "No such stream or segment.");
}

} // namespace penstock::net

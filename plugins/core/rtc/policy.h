// SPDX-License-Identifier: LGPL-2.1-or-later
// What is taken of a publisher's offer (WHIP, RFC 9725). Thread-safe.
#pragma once

#include "core/sdp/answer.h"

#include <cstddef>

namespace penstock::rtc {

/// Layers of simulcast that are received at most.
inline constexpr size_t max_layers = 4;

/// One video track of H.264 (any profile, packetization modes 0 and 1), H.265, AV1, VP9 (profile 0)
/// or VP8, and one audio track of Opus (mono or stereo) or G.711, in this order of preference. The
/// offered parameters are kept. Ingest receives what make_answer() accepts by it.
sdp::AnswerPolicy publish_policy();

} // namespace penstock::rtc

// SPDX-License-Identifier: LGPL-2.1-or-later
// Which of a viewer's offer a stream can be sent with.
#pragma once

#include "core/bytes/result.h"
#include "core/rtc/frame_maker.h"
#include "core/sdp/answer.h"

#include <cstdint>
#include <string>

namespace penstock::rtc {

/// How a stream's tracks are named to all its viewers, each of which has keys of its own.
struct StreamIds {
    uint32_t video = 0, video_rtx = 0, audio = 0; ///< SSRCs, random and different
    std::string cname;                            ///< random, without spaces
};

/// The tracks to answer with. Errors, for people: the stream has nothing that WebRTC can carry, and
/// why.
Result play_policy(const StreamFacts &facts, const StreamIds &ids, sdp::AnswerPolicy &out);

} // namespace penstock::rtc

// SPDX-License-Identifier: LGPL-2.1-or-later
// How the offer of somebody who joins a room is answered: a microphone, a camera and a screen are
// received, and as many slots are sent as are offered and allowed.
#pragma once

#include "core/rtc/codec.h"
#include "core/rtp/extensions.h"
#include "core/sdp/answer.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace penstock::rtc::room {

inline constexpr size_t most_video_slots = 16, most_audio_slots = 8;
/// Bytes of a message over the data channel, in either direction. A client's may have fewer, see
/// max_message; the welcome names everybody.
inline constexpr uint32_t max_channel_message = 64 << 10;

struct JoinPolicy {
    Codec video = Codec::vp8;              ///< or avc; one for the whole room
    size_t video_slots = most_video_slots; ///< at most
    std::string cname;
    std::function<uint32_t()> make_ssrc; ///< each is another one, and not 0
};
sdp::AnswerPolicy make_join_policy(const JoinPolicy &policy);

/// A slot that was agreed.
struct SlotAgreement {
    std::string mid;
    bool is_video = false;
    uint32_t ssrc = 0, rtx_ssrc = 0;
    uint8_t payload_type = 0, rtx = 0; ///< rtx: 0: none
    uint32_t rate = 90'000;            ///< ticks in a second
    uint8_t transport_sequence = 0;    ///< id of the header extension; 0: none
    bool has_feedback = false;         ///< the receiver tells of arrivals (transport-cc)
};
/// Those that an answer by `policy` has, in the order of the offer.
std::vector<SlotAgreement> slots_of(const sdp::AnswerPolicy &policy, const sdp::Answer &answer);

} // namespace penstock::rtc::room

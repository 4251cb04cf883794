// SPDX-License-Identifier: LGPL-2.1-or-later
// Offers of WHIP and WHEP as browsers write them, and what the answer says of them.
#pragma once

#include "core/rtp/extensions.h"
#include "core/sdp/offer.h"

#include <optional>
#include <string>
#include <vector>

namespace rtc_test {

using namespace penstock;

struct OfferSettings {
    /// WHIP: this side sends. Otherwise it receives (WHEP).
    bool sends = false;
    bool video = true, audio = true;
    bool data = false; ///< data channels
    /// Of a room: a second video that is sent, and sections beside those that are received.
    bool screen = false;
    unsigned video_slots = 0, audio_slots = 0;
    /// The layers of simulcast that are sent, best first; empty: no simulcast.
    std::vector<std::string> rids;
    /// Of video that is sent: only this codec is offered, as "H264". Empty: all.
    std::string codec;
    /// Own addresses. OBS offers none: the server learns them from checks.
    std::vector<sdp::Candidate> candidates;
    sdp::Setup setup = sdp::Setup::actpass;
};

/// SSRCs of what is sent, and names that go with them.
struct Sources {
    uint32_t video = 0, video_rtx = 0, audio = 0, screen = 0, screen_rtx = 0;
    std::string cname, stream;
};

/// `fingerprint`: as in SDP, "sha-256 4A:AD:…".
std::string write_offer(const OfferSettings &settings, const stun::Credentials &ice,
                        const std::string &fingerprint, const Sources &sources);

/// A section that the answer accepts.
struct AnsweredTrack {
    sdp::Kind kind = sdp::Kind::video;
    std::string mid;
    sdp::Codec codec;
    std::optional<uint8_t> rtx, red; ///< payload types
    rtp::ExtensionIds extensions;
    uint32_t ssrc = 0, rtx_ssrc = 0; ///< of the answerer, if it sends and says so; else 0
    std::vector<std::string> rids;   ///< that it receives
    bool is_sent = false;            ///< by the answerer
};

struct Answered {
    std::optional<AnsweredTrack> video, audio;
    std::vector<AnsweredTrack> tracks; ///< all that are accepted, in their order
    bool has_data = false;
    sdp::Transport transport; ///< of the first accepted section
    bool ice_lite = false;
    /// The track whose codec, rtx or red has this payload type; nullptr: none.
    const AnsweredTrack *track_of(uint8_t payload_type) const;
};

/// Reads an answer. Errors: those of read_offer(); no section is accepted, or one without codec; no
/// ICE credentials, fingerprint, or setup other than actpass. On error `out` is unchanged.
Result read_answer(std::string_view text, Answered &out);

} // namespace rtc_test

// SPDX-License-Identifier: LGPL-2.1-or-later
// Answers the offers of WHIP and WHEP: ICE-lite, everything in one BUNDLE, one codec for each
// section. RFC 8829 section 5.3, RFC 9725 section 4. Thread-safe.
#pragma once

#include "core/sdp/h264_profile.h"
#include "core/sdp/offer.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace penstock::sdp {

/// A codec that a section may have.
struct WantedCodec {
    std::string name;       ///< "H264", "opus"; compared without case
    uint32_t clock = 90000; ///< Hz
    unsigned channels = 1;  ///< of audio: "opus/48000/2" has 2
    /// Of H.264: the profile of the stream that is sent, or is wished for. The payload type that
    /// fits best is taken. nullopt: the first that is offered.
    std::optional<ProfileLevelId> profile;
    /// Parameters that have to be offered with this value (without case), or be absent if that
    /// means the same: {"profile-id", "0", "0"} of VP9.
    struct Match {
        std::string name, value, absent;
    };
    std::vector<Match> match;
    /// What the answer says in place of, or beside, the offered parameters: {"stereo", "1"}.
    Parameters parameters;
};

/// A track that is received or sent: it takes the first section of its kind that has no track yet.
struct Track {
    Kind kind = Kind::video;
    std::vector<WantedCodec> codecs;     ///< in the order of preference
    std::vector<std::string> feedback;   ///< "nack", "nack pli", "goog-remb": if they are offered
    std::vector<std::string> extensions; ///< URIs: if they are offered
    bool rtx = false;                    ///< if it is offered
    /// Redundancy of audio (RFC 2198), if it is offered. A sender is asked to send nothing else;
    /// one that this side is may choose for each packet.
    bool red = false;
    size_t max_layers = 0; ///< of simulcast, received only; 0 and 1: no simulcast
    bool is_sent = false;  ///< of a conference; otherwise AnswerPolicy::sends counts
    /// Of a track that is sent.
    uint32_t ssrc = 0, rtx_ssrc = 0;
    std::string cname;
    std::string msid; ///< "stream track"
};

/// a=sctp-port of an answer.
inline constexpr uint16_t local_sctp_port = 5000;

struct AnswerPolicy {
    bool sends = false; ///< WHEP: the tracks are sent; WHIP: they are received
    /// Some tracks are sent, others received, as Track::is_sent says. Sections that are left over
    /// are rejected, whatever their direction.
    bool is_conference = false;
    std::vector<Track> tracks;
    /// RTCP may be without reports (RFC 5506), if that is offered.
    bool reduced_size = true;
    /// Data channels are accepted if this is above 0: bytes of a message, sctp::max_message. Of
    /// several sections the first is taken, and only in the form of RFC 8841 (a=sctp-port).
    uint32_t max_message_size = 0;

    bool sends_track(const Track &track) const { return is_conference ? track.is_sent : sends; }
};

/// The side that answers.
struct LocalTransport {
    stun::Credentials ice;
    Fingerprint fingerprint;
    std::vector<Candidate> candidates; ///< all: none follows later
    uint64_t session_id = 0;           ///< below 2^63, random
    bool trickle = false;              ///< fragments of the offerer are taken (PATCH)
};

/// What became of a section of the offer.
struct AnsweredSection {
    std::string mid;
    Kind kind = Kind::other;
    bool is_accepted = false;                  ///< false: its port is 0
    Direction direction = Direction::inactive; ///< of this side
    std::optional<size_t> track;               ///< the index in AnswerPolicy::tracks
    Codec codec;                               ///< with the feedback and parameters of the answer
    std::optional<uint8_t> rtx;                ///< payload type
    std::optional<uint8_t> red;                ///< payload type
    std::vector<Extension> extensions;
    std::vector<std::string> rids; ///< the layers of simulcast, in the sender's order
};

struct Answer {
    std::string text;
    /// Whether this side begins the DTLS handshake: only if the offer says setup:passive.
    bool is_dtls_client = false;
    Transport remote;                      ///< of the whole BUNDLE
    std::vector<AnsweredSection> sections; ///< one for each of the offer
};

/// Answers an offer as a whole or not at all.
///
/// A section is rejected with port 0 if it is offered so, its direction or kind is not of use, or,
/// when sending, no track is left for it; but the first of the BUNDLE is kept as inactive then,
/// because its transport is that of all. H.264 is sent with packetization-mode 1 only, and received
/// with either.
///
/// Errors (status 406): the offerer is ICE-lite, too; sections of use are in no BUNDLE with one
/// another, or without rtcp-mux; no codec of a section is wanted; an offered track is not received;
/// nothing is received or sent; no ICE credentials or fingerprint. On error `out` is unchanged.
Result make_answer(const Offer &offer, const AnswerPolicy &policy, const LocalTransport &local,
                   Answer &out);

} // namespace penstock::sdp

// SPDX-License-Identifier: LGPL-2.1-or-later
// A session description of WebRTC, read: media sections, their codecs and their transport.
// RFC 8829 (JSEP), RFC 8839 (ICE), RFC 8843 (BUNDLE), RFC 8851 and 8853 (simulcast). Thread-safe.
#pragma once

#include "core/sdp/candidate.h"
#include "core/sdp/description.h"
#include "core/stun/credentials.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace penstock::sdp {

enum class Kind : uint8_t { audio, video, application, other };
enum class Direction : uint8_t { sendrecv, sendonly, recvonly, inactive };
std::string_view to_string(Direction direction);
/// What the other side says of the same section: it receives what this one sends.
Direction reversed(Direction direction);

/// Parameters of a format (a=fmtp) in their order; names compare without case.
class Parameters : public std::vector<std::pair<std::string, std::string>> {
public:
    using vector::vector;
    /// The value of the first of this name; nullptr: there is none. One without "=" is "".
    const std::string *find(std::string_view name) const;
    /// Replaces the value of that name, or adds it.
    void set(std::string_view name, std::string value);
    /// "minptime=10;useinbandfec=1"
    std::string to_string() const;
};

struct Codec {
    uint8_t payload_type = 0; ///< 0 to 127
    std::string name;         ///< as written: "H264", "opus", "rtx"
    uint32_t clock = 0;       ///< Hz
    unsigned channels = 1;    ///< of audio
    Parameters parameters;
    std::vector<std::string> feedback; ///< "nack", "nack pli", "transport-cc"; "*" is resolved

    /// Whether its name is that, without case.
    bool is(std::string_view other) const;
    /// Of rtx: the payload type that is repeated (RFC 4588, section 8.1).
    std::optional<uint8_t> apt() const;
};

/// A header extension (RFC 8285, section 5).
struct Extension {
    unsigned id = 0; ///< 1 to 255
    std::string uri;
    Direction direction = Direction::sendrecv;
};

struct Rid {
    std::string id; ///< of [A-Za-z0-9_-]
    bool is_send = false;
    std::vector<uint8_t> payload_types; ///< pt=; empty: all
    Parameters restrictions;            ///< max-width, …
};

/// One stream of a=simulcast: alternatives, of which the first is preferred.
struct SimulcastStream {
    struct Alternative {
        std::string rid;
        bool is_paused = false;
    };
    std::vector<Alternative> alternatives;
};

struct Ssrc {
    uint32_t ssrc = 0;
    std::string cname, msid; ///< empty: not said
};

struct SsrcGroup {
    std::string semantics; ///< "FID", "SIM", "FEC-FR"
    std::vector<uint32_t> ssrcs;
};

/// Who begins the DTLS handshake (RFC 8842, section 5.1).
enum class Setup : uint8_t { actpass, active, passive };

struct Fingerprint {
    std::string hash;            ///< in lower case: "sha-256"
    std::vector<uint8_t> digest; ///< 16 to 64 bytes
    bool operator==(const Fingerprint &) const = default;
};
/// The digest of the value: "AB:CD:…".
std::string to_string(const Fingerprint &fingerprint);

/// What a section says of its transport, or the session in its place. Bundled sections have that of
/// the first.
struct Transport {
    stun::Credentials ice; ///< empty: not said
    std::vector<Fingerprint> fingerprints;
    std::optional<Setup> setup;
    std::vector<Candidate> candidates; ///< as said: names ending with .local are among them
    bool has_all_candidates = false;   ///< a=end-of-candidates
};

struct MediaSection {
    Kind kind = Kind::other;
    std::string kind_name, protocol;
    std::vector<std::string> formats;
    uint16_t port = 0;
    bool is_rejected = false; ///< port 0, and not a=bundle-only
    std::string mid;          ///< empty: not said
    Direction direction = Direction::sendrecv;
    Transport transport;
    bool rtcp_mux = false, rtcp_rsize = false, extmap_allow_mixed = false;
    std::vector<Codec> codecs; ///< in the order of the m= line
    std::vector<Extension> extensions;
    std::vector<Rid> rids;
    std::vector<SimulcastStream> simulcast_send, simulcast_recv;
    std::vector<Ssrc> ssrcs;
    std::vector<SsrcGroup> groups;
    std::string msid;                         ///< "stream track"
    std::optional<uint16_t> sctp_port;        ///< of a data channel
    std::optional<uint64_t> max_message_size; ///< bytes, of a data channel
    size_t line = 0;                          ///< of m=

    const Codec *codec(unsigned payload_type) const;
    /// The rtx codec that repeats this payload type; nullptr: there is none.
    const Codec *rtx_of(unsigned payload_type) const;
    /// The red codec (RFC 2198) whose blocks are of this payload type alone; nullptr: there is
    /// none.
    const Codec *red_of(const Codec &codec) const;
    const Extension *extension(std::string_view uri) const;
    /// Whether it has a protocol of RTP over DTLS.
    bool is_rtp() const;
};

struct Offer {
    bool ice_lite = false;
    bool trickle = false;            ///< a=ice-options:trickle
    std::vector<std::string> bundle; ///< mids of the first BUNDLE group
    std::vector<MediaSection> media;

    bool is_bundled(std::string_view mid) const;
};

/// Reads a description: an offer, or an answer. Errors, which name the line: those of parse(), a
/// malformed or repeated mid, a malformed rtpmap, fingerprint or setup, ICE credentials that are
/// too short. Of what is malformed elsewhere only the attribute is ignored. On error `out` is
/// unchanged.
Result read_offer(std::string_view text, Offer &out);

} // namespace penstock::sdp

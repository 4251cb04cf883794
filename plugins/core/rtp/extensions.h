// SPDX-License-Identifier: LGPL-2.1-or-later
// The elements of RTP header extensions that WebRTC uses, in their one-byte and two-byte forms.
// RFC 8285.
#pragma once

#include "core/rtp/packet.h"

#include <array>
#include <string_view>

namespace penstock::rtp {

/// `profile` of a header extension with one-byte elements (RFC 8285, 4.2); one with two-byte
/// elements has 0x100 in its upper 12 bits (4.3).
inline constexpr uint16_t one_byte_profile = 0xBEDE;
inline constexpr uint16_t two_byte_profile = 0x1000;

enum class ExtensionKind : uint8_t {
    mid,                   ///< RFC 9143
    rid,                   ///< RFC 8852
    repaired_rid,          ///< RFC 8852
    transport_sequence,    ///< draft-holmer-rmcat-transport-wide-cc-extensions-01
    absolute_send_time,    ///< http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time
    playout_delay,         ///< http://www.webrtc.org/experiments/rtp-hdrext/playout-delay
    audio_level,           ///< RFC 6464
    video_orientation,     ///< 3GPP TS 26.114, 7.4.5
    dependency_descriptor, ///< AV1's RTP specification, appendix A
};
inline constexpr size_t extension_kinds = 9;

/// The URI by which SDP's `a=extmap` names a kind.
std::string_view uri_of(ExtensionKind kind);
std::optional<ExtensionKind> extension_of(std::string_view uri);

/// The ids of a session's `a=extmap` lines.
class ExtensionIds {
public:
    /// Gives the id, 1 to 255 but for 15, to the kind; both lose what they had before. False for
    /// another id. Ids above 14 need two-byte elements.
    bool set(ExtensionKind kind, uint8_t id);
    /// 0: none.
    uint8_t id_of(ExtensionKind kind) const { return ids_[size_t(kind)]; }
    std::optional<ExtensionKind> kind_of(uint8_t id) const;

private:
    std::array<uint8_t, extension_kinds> ids_{};
};

/// How long a receiver should hold frames back.
struct PlayoutDelay {
    /// The largest of both; ms.
    static constexpr uint16_t most = 40'950;
    uint16_t min = 0, max = 0; ///< ms; sent in units of 10
    bool operator==(const PlayoutDelay &) const = default;
};
struct AudioLevel {
    bool voice = false;
    uint8_t level = 127; ///< -dBov, 0 (loudest) to 127
    bool operator==(const AudioLevel &) const = default;
};

/// The known elements of a packet. The views refer to it.
struct Extensions {
    std::string_view mid, rid, repaired_rid; ///< empty: none
    std::optional<uint16_t> transport_sequence;
    std::optional<uint32_t> absolute_send_time; ///< 24 bits: 2^-18 s, modulo 64 s
    std::optional<PlayoutDelay> playout_delay;
    std::optional<AudioLevel> audio_level;
    /// Bits 0-1: rotation in steps of 90°; 2: mirrored; 3: camera that looks back.
    std::optional<uint8_t> video_orientation;
    ByteView dependency_descriptor; ///< as it is; empty: none
};

/// Reads the elements with known ids. What is malformed is left out: of an element, its value; of
/// the list, its rest. A text has printable ASCII only.
Extensions parse_extensions(const std::optional<HeaderExtension> &extension,
                            const ExtensionIds &ids);

/// Replaces the contents of `storage` by the elements that have an id, in two-byte form if one
/// needs it, and returns the header extension that refers to it; nothing if there are none. An
/// element longer than 255 bytes is left out. Allocates only until `storage` has grown.
std::optional<HeaderExtension> write_extensions(const Extensions &extensions,
                                                const ExtensionIds &ids, Writer &storage);

/// `time` in ns as the value of Extensions::absolute_send_time.
constexpr uint32_t absolute_send_time(int64_t time) {
    constexpr int64_t second = 1'000'000'000;
    const int64_t whole = (time % (64 * second) + 64 * second) % (64 * second);
    return static_cast<uint32_t>((whole << 18) / second);
}

} // namespace penstock::rtp

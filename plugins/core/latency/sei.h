// SPDX-License-Identifier: LGPL-2.1-or-later
// A stamp per hop in an encoded stream: an SEI message of H.264 and H.265 (user data unregistered,
// ITU-T H.274 8.5), a metadata OBU of AV1 (ITU-T T.35), in front of the picture.
#pragma once

#include "core/bytes/bytes.h"

#include <optional>
#include <string_view>
#include <vector>

namespace penstock::latency {

/// Where a frame passes, in the order in which it does. The numbers are in the stream.
enum class Hop : uint8_t { capture = 1, encode, mux, network, server, segment, client };
inline constexpr Hop all_hops[] = {Hop::capture, Hop::encode,  Hop::mux,   Hop::network,
                                   Hop::server,  Hop::segment, Hop::client};

/// "capture", "encode", …
const char *name_of(Hop hop);
std::optional<Hop> hop_named(std::string_view name);

/// One hop of one frame.
struct HopStamp {
    Hop hop = Hop::capture;
    int64_t utc = 0; ///< microseconds since 1970
    bool operator==(const HopStamp &) const = default;
};

/// What a frame carries: whose it is, and where it was when. A hop may be there more than once
/// (two servers in a row).
struct FrameStamps {
    static constexpr size_t most_hops = 24;
    uint32_t source = 0; ///< an id that whoever stamps first chooses
    uint32_t frame = 0;  ///< counts from that one's first frame, and wraps
    std::vector<HopStamp> hops;
    bool operator==(const FrameStamps &) const = default;

    /// When the frame last passed this hop; none if it did not.
    std::optional<int64_t> time_of(Hop hop) const;
};

enum class Codec : uint8_t { h264, h265, av1 };
/// How access units (temporal units) are framed.
struct Framing {
    Codec codec = Codec::h264;
    /// Of H.264 and H.265: bytes of a NAL unit's length, 1 to 4; 0 for a byte stream.
    uint8_t length_size = 0;
};

/// What an access unit has, and where the next stamps go.
struct StampPlace {
    /// The bytes of the access unit that new stamps replace: the unit of the old ones, or nothing
    /// in front of the first picture unit.
    size_t begin = 0, end = 0;
    std::optional<FrameStamps> stamps; ///< none if there are none, or only damaged ones
    bool damaged = false;              ///< there is a message of ours that can't be read
    uint8_t temporal_id = 1;           ///< of H.265: the picture's nuh_temporal_id_plus1
};

/// Looks at an access unit up to its first picture. None if it has no picture or its framing is
/// broken: such a unit is best left alone. Costs the units in front of the picture only.
std::optional<StampPlace> find_stamps(const Framing &framing, ByteView unit);

/// The unit (with its start code, length or OBU header) to put at `place`. Empty if it does not
/// fit: more than `most_hops`, or a length field too small.
std::vector<uint8_t> build_stamps(const Framing &framing, const StampPlace &place,
                                  const FrameStamps &stamps);

} // namespace penstock::latency

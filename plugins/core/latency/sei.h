// SPDX-License-Identifier: LGPL-2.1-or-later
// Per-hop stamps in an encoded stream: an SEI message in H.264 and H.265 (user data unregistered,
// ITU-T H.274 8.5), a metadata OBU in AV1 (ITU-T T.35), ahead of the frame's data.
#pragma once

#include "core/bytes/bytes.h"

#include <optional>
#include <string_view>
#include <vector>

namespace penstock::latency {

/// The hops of a frame in stream order. The values are part of the bitstream.
enum class Hop : uint8_t { capture = 1, encode, mux, network, server, segment, client };
inline constexpr Hop all_hops[] = {Hop::capture, Hop::encode,  Hop::mux,   Hop::network,
                                   Hop::server,  Hop::segment, Hop::client};

/// "capture", "encode", …
const char *name_of(Hop hop);
std::optional<Hop> hop_named(std::string_view name);

/// One hop's stamp.
struct HopStamp {
    Hop hop = Hop::capture;
    int64_t utc = 0; ///< microseconds since 1970
    bool operator==(const HopStamp &) const = default;
};

/// The stamps that a frame carries. A hop may occur more than once (two servers in a row).
struct FrameStamps {
    static constexpr size_t most_hops = 24;
    uint32_t source = 0; ///< chosen by the first element that stamps
    uint32_t frame = 0;  ///< counts the source's frames; wraps
    std::vector<HopStamp> hops;
    bool operator==(const FrameStamps &) const = default;

    /// The time at which the frame last passed this hop; nullopt if it did not.
    std::optional<int64_t> time_of(Hop hop) const;
};

enum class Codec : uint8_t { h264, h265, av1 };
/// How access units (temporal units) are framed.
struct Framing {
    Codec codec = Codec::h264;
    /// H.264 and H.265: bytes of a NAL unit length, 1 to 4; 0 for a byte stream.
    uint8_t length_size = 0;
};

/// The stamps of an access unit, and where new ones go.
struct StampPlace {
    /// The range that new stamps replace: the unit of the old stamps, or an empty range ahead of
    /// the first VCL unit.
    size_t begin = 0, end = 0;
    std::optional<FrameStamps> stamps; ///< nullopt: none, or only damaged ones
    bool damaged = false;              ///< it has a message with our UUID that can't be parsed
    uint8_t temporal_id = 1;           ///< H.265: nuh_temporal_id_plus1 of the frame
};

/// Parses an access unit up to its first VCL unit, so the cost does not depend on the frame's size.
/// nullopt if it has none or its framing is broken; such a unit should be left unchanged.
std::optional<StampPlace> find_stamps(const Framing &framing, ByteView unit);

/// Builds the unit to put at `place`, including its start code, length or OBU header. Empty if it
/// does not fit: more than `most_hops`, or a length field that is too small.
std::vector<uint8_t> build_stamps(const Framing &framing, const StampPlace &place,
                                  const FrameStamps &stamps);

} // namespace penstock::latency

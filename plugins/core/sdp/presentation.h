// SPDX-License-Identifier: LGPL-2.1-or-later
// A session description of RTSP, read: what a camera or server offers. Cameras write odd ones, so
// that nothing but a description without streams is an error. Thread-safe.
#pragma once

#include "core/sdp/offer.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::sdp {

/// Where a stream is sent by multicast (c= and m=).
struct MulticastGroup {
    std::string address;
    uint16_t port = 0; ///< of RTP; the next one is that of RTCP
    unsigned ttl = 0;
    bool operator==(const MulticastGroup &) const = default;
};

/// One stream that a camera sends, or that it receives.
struct PresentedStream {
    Kind kind = Kind::other;
    std::string kind_name; ///< "video", "audio", "application"
    /// In the order of the m= line; those without a usable rtpmap have the name that their
    /// parameters tell, or none.
    std::vector<Codec> codecs;
    std::string control;  ///< a=control as it is; empty: none
    bool is_back = false; ///< sound to be sent to the camera (ONVIF's back channel)
    std::optional<MulticastGroup> multicast;
    /// a=framesize or a=x-dimensions; pixels; 0: not told.
    unsigned width = 0, height = 0;

    const Codec *codec(unsigned payload_type) const;
};

struct Presentation {
    std::string name;    ///< s=
    std::string control; ///< of the session; empty or "*": that of the description
    std::vector<PresentedStream> streams;
};

/// Reads a description as well as it can. Lines that are none, control characters, odd o= and c=
/// lines, broken m= lines with all that belongs to them, and broken attributes are left out; the
/// version line may be missing. Errors: it is too long, or no stream is left.
Result read_presentation(std::string_view text, Presentation &out);

} // namespace penstock::sdp

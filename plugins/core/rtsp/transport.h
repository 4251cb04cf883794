// SPDX-License-Identifier: LGPL-2.1-or-later
// The Transport header of RTSP (RFC 2326, section 12.39). Thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::rtsp {

/// Ports of UDP, or interleaved channels: of RTP, and of RTCP.
struct PortPair {
    uint16_t rtp = 0, rtcp = 0;
    bool operator==(const PortPair &) const = default;
};

/// One way to carry a track, as a client offers it or a server has chosen it.
struct Transport {
    std::string profile = "RTP/AVP"; ///< in capitals: "RTP/AVP", "RTP/SAVP", "RTP/AVPF"
    bool is_tcp = false;             ///< of the lower transport; UDP otherwise
    bool is_multicast = false;
    std::optional<PortPair> interleaved; ///< channels, 0 to 255
    std::optional<PortPair> client_port, server_port;
    std::optional<PortPair> port; ///< of multicast
    std::optional<uint8_t> ttl;   ///< of multicast
    std::string destination, source;
    std::optional<uint32_t> ssrc;
    std::string mode; ///< in lower case: "play", "record"; empty: not said, which is play

    bool is_record() const { return mode == "record" || mode == "receive"; }
    bool operator==(const Transport &) const = default;
};

inline constexpr size_t max_transports = 16; ///< more are left out

/// The ways of a header, the preferred one first. Parameters that are unknown or malformed are left
/// out, and so are ways of protocols other than RTP.
std::vector<Transport> parse_transports(std::string_view value);
/// One way; it has no control characters, commas or semicolons.
std::string write(const Transport &transport);

} // namespace penstock::rtsp

// SPDX-License-Identifier: LGPL-2.1-or-later
// The attribute `candidate` of ICE (RFC 8839, section 5.1; RFC 6544, section 4.5). Thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace penstock::sdp {

struct Candidate {
    enum class Tcp : uint8_t { no, active, passive, so };

    std::string foundation = "1"; ///< 1 to 32 of [A-Za-z0-9+/]
    uint16_t component = 1;       ///< 1: RTP, and RTCP with rtcp-mux
    Tcp tcp = Tcp::no;            ///< no: UDP
    uint32_t priority = 0;
    std::string address; ///< IPv4, IPv6 or a name, which may end with .local (mDNS)
    uint16_t port = 0;
    std::string type = "host"; ///< "host", "srflx", "prflx", "relay"

    bool operator==(const Candidate &) const = default;
};

/// Parses the value of the attribute, what is behind "candidate:". Related addresses and unknown
/// extensions are ignored. nullopt: it is malformed, or of a transport that is neither UDP nor TCP.
std::optional<Candidate> parse_candidate(std::string_view value);

/// The value of the attribute.
std::string write_candidate(const Candidate &candidate);

/// The priority of a host candidate (RFC 8445, section 5.1.2; RFC 6544, section 4.2). `rank`: 0 for
/// the address that is preferred, 1 for the next, …; TCP is below all UDP.
uint32_t host_priority(Candidate::Tcp tcp, uint16_t rank);

} // namespace penstock::sdp

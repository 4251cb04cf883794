// SPDX-License-Identifier: LGPL-2.1-or-later
// The addresses at which peers reach this machine's UDP port (RFC 8445, section 5.1.1).
#pragma once

#include "core/net/loop/address.h"
#include "core/sdp/candidate.h"

#include <string>
#include <vector>

namespace penstock::net {

/// All addresses of the machine's interfaces that are up, IPv4 first, without link-local ones:
/// those of loopback last.
std::vector<std::string> interface_addresses();
/// Whether a text is an IP address.
bool is_ip_address(const std::string &text);
/// Whether it is one of 127.0.0.0/8 or ::1.
bool is_loopback_address(const std::string &text);

/// Host candidates for UDP, the preferred ones first: of the address that is listened at, or of
/// `announce`, or of the interfaces. `is_local`: the peer is on this machine, and loopback is
/// preferred; otherwise left out, unless there is nothing else. `tcp`: behind them are passive ones
/// for TCP at the same port (RFC 6544, section 4).
std::vector<sdp::Candidate> candidates_of(const Address &listener,
                                          const std::vector<std::string> &announce, bool is_local,
                                          bool tcp);

} // namespace penstock::net

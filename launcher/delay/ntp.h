// SPDX-License-Identifier: LGPL-2.1-or-later
// How far this machine's clock is from an NTP server's: a client that asks a few times (RFC 5905,
// 14: simple NTP) and sets nothing.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace penstock::delay {

/// Seconds since 1900 and their 2^-32nds; wraps in 2036, and differences are right all the same.
using NtpTime = uint64_t;
/// Of nanoseconds since 1970.
NtpTime to_ntp(int64_t utc);

inline constexpr size_t ntp_size = 48;
/// `cookie` comes back in the answer and need be no time.
std::array<uint8_t, ntp_size> ntp_request(NtpTime cookie);

/// Nanoseconds.
struct ClockOffset {
    int64_t offset = 0; ///< by how much this machine's clock is ahead of the server's
    int64_t error = 0;  ///< at most so much more or less: half the round trip, and the server's own
};
/// What an answer says; none, with the reason, if it is none to this request, or none to go by.
/// `sent` and `received` are this machine's clock at both ends of the exchange.
std::optional<ClockOffset> ntp_answer(std::span<const uint8_t> answer, NtpTime cookie, NtpTime sent,
                                      NtpTime received, std::string *error);

/// Asks `server` ("HOST", "HOST:PORT"; 123) and takes the answer that was on its way the shortest
/// time. Blocks for some seconds at most. None, with the reason, if no answer can be gone by.
std::optional<ClockOffset> ask_ntp(const std::string &server, std::string *error);

} // namespace penstock::delay

// SPDX-License-Identifier: LGPL-2.1-or-later
// Measures the offset of this machine's clock from an NTP server (simple NTP, RFC 5905 section 14).
// Never sets the clock.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace penstock::delay {

/// Seconds since 1900 in 32.32 fixed point. Wraps in 2036; differences remain valid.
using NtpTime = uint64_t;
/// Converts nanoseconds since 1970.
NtpTime to_ntp(int64_t utc);

inline constexpr size_t ntp_size = 48;
/// `cookie` is echoed in the answer; it need not be a time.
std::array<uint8_t, ntp_size> ntp_request(NtpTime cookie);

/// Nanoseconds.
struct ClockOffset {
    int64_t offset = 0; ///< by which this machine's clock is ahead of the server's
    int64_t error = 0;  ///< bound of the error: half the round trip plus the server's own error
};
/// Evaluates an answer; `sent` and `received` are this machine's clock at both ends of the
/// exchange. Returns nullopt and sets the reason if the answer does not belong to the request or is
/// unusable.
std::optional<ClockOffset> ntp_answer(std::span<const uint8_t> answer, NtpTime cookie, NtpTime sent,
                                      NtpTime received, std::string *error);

/// Queries `server` ("HOST" or "HOST:PORT", default port 123) several times and returns the answer
/// with the smallest error. Blocks for a few seconds at most. Returns nullopt and sets the reason
/// on failure.
std::optional<ClockOffset> ask_ntp(const std::string &server, std::string *error);

} // namespace penstock::delay

// SPDX-License-Identifier: LGPL-2.1-or-later
// Values of the headers Session, Range and RTP-Info (RFC 2326, section 12). Thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::rtsp {

/// "12345678;timeout=60".
struct SessionField {
    std::string id;
    std::optional<unsigned> timeout; ///< s, 1 to 86,400; empty: not said, which means 60
    bool operator==(const SessionField &) const = default;
};
/// Ids of cameras have any printable characters. nullopt: no id, or one longer than 256 bytes.
std::optional<SessionField> parse_session(std::string_view value);
std::string write(const SessionField &session);

/// One stream of RTP-Info: where it begins.
struct RtpInfo {
    std::string url; ///< of the track
    std::optional<uint16_t> sequence;
    std::optional<uint32_t> timestamp; ///< RTP clock
    bool operator==(const RtpInfo &) const = default;
};
inline constexpr size_t max_rtp_infos = 32; ///< more are left out
std::vector<RtpInfo> parse_rtp_info(std::string_view value);
std::string write(const std::vector<RtpInfo> &streams);

/// The unit of a Range, and whether it begins now.
struct RangeField {
    enum class Unit : uint8_t { npt, clock, smpte, other };
    Unit unit = Unit::npt;
    bool is_now = false;         ///< "npt=now-"
    std::optional<double> start; ///< s of npt
    std::optional<double> end;   ///< s of npt
};
/// nullopt: it is no range.
std::optional<RangeField> parse_range(std::string_view value);

/// The names of a list such as that of Public or Require.
std::vector<std::string_view> parse_list(std::string_view value);

} // namespace penstock::rtsp

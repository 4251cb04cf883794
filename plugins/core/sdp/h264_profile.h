// SPDX-License-Identifier: LGPL-2.1-or-later
// The parameter profile-level-id of H.264 (RFC 6184, section 8.1), and which of the offered payload
// types a stream is sent with. Thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace penstock::sdp {

/// The three bytes of an SPS behind its NAL unit header: profile_idc, the constraint flags,
/// level_idc.
struct ProfileLevelId {
    uint8_t profile = 0x42, constraints = 0xE0, level = 31;
    bool operator==(const ProfileLevelId &) const = default;
};

/// What is meant where the parameter is absent: constrained baseline, level 3.1, as all browsers
/// have it (RFC 6184 says baseline, level 1).
inline constexpr ProfileLevelId default_profile_level_id{};

/// Six hexadecimal digits; nullopt: it is anything else.
std::optional<ProfileLevelId> parse_profile_level_id(std::string_view text);

/// How well a stream goes with an offered payload type; the lowest is the best.
enum class ProfileFit : uint8_t {
    same,    ///< its own profile
    greater, ///< a profile whose decoders have to play it, if it has no B slices and no fields
    common,  ///< constrained baseline, which all take and most decode whatever comes
    none     ///< any other
};

/// Levels do not count: offers name one that decoders exceed.
ProfileFit profile_fit(const ProfileLevelId &stream, const ProfileLevelId &offered);

} // namespace penstock::sdp

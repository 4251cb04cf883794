// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/sdp/h264_profile.h"

#include <charconv>

namespace penstock::sdp {
namespace {

enum class Profile : uint8_t {
    constrained_baseline,
    baseline,
    main,
    extended,
    constrained_high,
    high,
    other
};

/// RFC 6184, table 5; the flags of the constraints are numbered from the highest bit.
Profile profile_of(const ProfileLevelId &id) {
    const auto flag = [&id](int index) { return (id.constraints >> (7 - index) & 1) != 0; };
    switch (id.profile) {
    case 0x42:
        return flag(1) ? Profile::constrained_baseline : Profile::baseline;
    case 0x4D:
        return flag(0) ? Profile::constrained_baseline : Profile::main;
    case 0x58:
        if (!flag(0)) return Profile::extended;
        return flag(1) ? Profile::constrained_baseline : Profile::baseline;
    case 0x64:
        return flag(4) && flag(5) ? Profile::constrained_high : Profile::high;
    default:
        return Profile::other;
    }
}

/// Whether decoders of the one profile have to play streams of the other (ITU-T H.264, A.2).
/// Streams of WebRTC have neither B slices nor fields; what is left of main and high is in
/// constrained high, which Safari offers in their place.
bool plays(Profile decoder, Profile stream) {
    switch (stream) {
    case Profile::constrained_baseline:
        return decoder != Profile::other;
    case Profile::baseline:
        return decoder == Profile::extended;
    case Profile::main:
        return decoder == Profile::high || decoder == Profile::constrained_high;
    case Profile::constrained_high:
        return decoder == Profile::high;
    case Profile::high:
        return decoder == Profile::constrained_high;
    default:
        return false;
    }
}

} // namespace

std::optional<ProfileLevelId> parse_profile_level_id(std::string_view text) {
    uint32_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
    if (text.size() != 6 || error != std::errc{} || end != text.data() + text.size())
        return std::nullopt;
    return ProfileLevelId{static_cast<uint8_t>(value >> 16), static_cast<uint8_t>(value >> 8),
                          static_cast<uint8_t>(value)};
}

ProfileFit profile_fit(const ProfileLevelId &stream, const ProfileLevelId &offered) {
    const Profile own = profile_of(stream), other = profile_of(offered);
    if (own == Profile::other ? stream.profile == offered.profile : own == other)
        return ProfileFit::same;
    if (plays(other, own)) return ProfileFit::greater;
    return other == Profile::constrained_baseline ? ProfileFit::common : ProfileFit::none;
}

} // namespace penstock::sdp

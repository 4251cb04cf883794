// SPDX-License-Identifier: LGPL-2.1-or-later
// Configuration records of video codecs to caps, and back. See Codec for the functions.
#pragma once

#include "flv/codecs.h"

namespace penstock::flv {

Result describe_avc(ByteView config, StreamInfo &info);
Result configure_avc(const GstCaps *caps, std::vector<uint8_t> &config);
Result describe_hevc(ByteView config, StreamInfo &info);
Result configure_hevc(const GstCaps *caps, std::vector<uint8_t> &config);
Result describe_vvc(ByteView config, StreamInfo &info);
Result configure_vvc(const GstCaps *caps, std::vector<uint8_t> &config);
Result describe_av1(ByteView config, StreamInfo &info);
/// Gives an empty configuration if the caps have none: av1parse puts none into them.
Result configure_av1(const GstCaps *caps, std::vector<uint8_t> &config);
Result describe_vp9(ByteView config, StreamInfo &info);
Result describe_vp8(ByteView config, StreamInfo &info);
/// VP Codec ISO Media File Format Binding 1.0, with the four bytes of version and flags.
Result configure_vpx(const GstCaps *caps, std::vector<uint8_t> &config);

} // namespace penstock::flv

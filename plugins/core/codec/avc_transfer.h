// SPDX-License-Identifier: LGPL-2.1-or-later
// The transfer function of H.264 video, which says whether it has a high dynamic range.
#pragma once

#include "core/bytes/bytes.h"

namespace penstock::codec {

/// transfer_characteristics in the VUI of an SPS NAL unit (ITU-T H.264, E.2.1; values of H.273): 16
/// PQ, 18 HLG; 2 if it is not stated or the SPS is invalid.
unsigned avc_transfer(ByteView sps);

} // namespace penstock::codec

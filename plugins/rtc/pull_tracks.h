// SPDX-License-Identifier: LGPL-2.1-or-later
// What is taken from a server of WHEP, and how it becomes FLV.
#pragma once

#include "core/sdp/offer.h"
#include "rtc/connection.h"

#include <string>

namespace penstock::rtc {

/// Adds to the connection's offer what can be taken: one video and one audio track.
void add_receivers(Connection &connection);

/// Adds flvlivemux and, in front of it, pads for the tracks that the answer promises. Returns the
/// source pad with `video/x-flv`; nullptr: `reason` says why not. `interleave` is flvlivemux's.
GstPtr<GstPad> add_muxer(Connection &connection, const sdp::Offer &answer, bool interleave,
                         std::string &reason);

/// Links a new pad of webrtcbin to the muxer; what there is no place for is thrown away. Returns
/// whether the pad has video. On a thread of the pipeline.
bool link_track(GstBin *bin, GstPad *pad);

} // namespace penstock::rtc

// SPDX-License-Identifier: LGPL-2.1-or-later
// The short form of a GOP: its frames within the last milliseconds before the live edge, so that a
// player decodes them all at once and then is at the edge.
#pragma once

#include "core/fanout/packet.h"
#include "core/flv/tag.h"

#include <functional>

namespace penstock::fanout {

inline constexpr size_t max_folded_frames = 500;

/// `gop` begins with a keyframe and consists of whole tags (Packet::payload) with their time on the
/// wire. Returns its video alone, decoding times 1 ms apart up to that of the newest, shown in the
/// same order as before; a frame that is shown later than the newest decoding time keeps its time.
/// Empty if the GOP has too many frames, or codec headers without a composition time.
std::vector<PacketPtr>
fold_flv(const std::vector<PacketPtr> &gop,
         const std::function<std::shared_ptr<Packet>(const flv::Tag &, uint32_t)> &make_packet);

} // namespace penstock::fanout

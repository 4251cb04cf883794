// SPDX-License-Identifier: LGPL-2.1-or-later
// Fast-forward: folds a GOP into the last milliseconds before the live edge, so that a player
// decodes its frames at once and is at the edge.
#pragma once

#include "core/fanout/packet.h"
#include "core/flv/tag.h"

#include <functional>

namespace penstock::fanout {

inline constexpr size_t max_folded_frames = 500;

/// `gop` begins with a keyframe and consists of whole tags (Packet::payload) with their times on
/// the wire. Returns only its video that every player takes (Packet::needs, plain), with decoding
/// times 1 ms apart up to the newest one and in unchanged display order; a frame displayed after
/// the newest decoding time keeps its presentation time. `make_packet` serializes a tag with
/// another timestamp, ms. Returns an empty list if the GOP has too many frames, or B-frames in a
/// form that has no composition time.
std::vector<PacketPtr>
fold_flv(const std::vector<PacketPtr> &gop,
         const std::function<std::shared_ptr<Packet>(const flv::Tag &, uint32_t)> &make_packet);

/// The same for tags instead of packets, with their own timestamps; empty in the same cases.
std::vector<flv::Tag> fold_tags(const std::vector<flv::Tag> &gop);

} // namespace penstock::fanout

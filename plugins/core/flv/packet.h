// SPDX-License-Identifier: LGPL-2.1-or-later
// A tag as HTTP-FLV and WebSocket-FLV send it: serialized once, shared by all viewers.
#pragma once

#include "core/fanout/packet.h"
#include "core/flv/tag.h"

namespace penstock::flv {

/// Makes a packet of the tag with another timestamp (ms). The body is not copied.
std::shared_ptr<fanout::Packet> make_packet(const Tag &tag, uint32_t timestamp);

} // namespace penstock::flv

// SPDX-License-Identifier: LGPL-2.1-or-later
// One tag as HTTP-FLV and WebSocket-FLV send it to every viewer: serialized once, shared by all.
#pragma once

#include "core/fanout/packet.h"
#include "core/flv/tag.h"

namespace penstock::flv {

/// The tag with another timestamp (milliseconds). Its body is not copied.
std::shared_ptr<fanout::Packet> make_packet(const Tag &tag, uint32_t timestamp);

} // namespace penstock::flv

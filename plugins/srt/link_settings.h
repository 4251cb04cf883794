// SPDX-License-Identifier: LGPL-2.1-or-later
// The properties on which both ends of an SRT connection have to agree, and the fields of `stats`
// about its network: the same for all elements here.
#pragma once

#include "core/net/srt/network.h"
#include "core/net/srt/traits.h"

#include <gst/gst.h>

namespace penstock::srt {

/// Installs `passphrase`, `pbkeylen` and `latency` with ids from `first` on; returns the next free
/// id.
guint install_link_settings(GObjectClass *klass, guint first);
/// False if `id` is none of them.
bool set_link_setting(net::SrtTraits &traits, guint first, guint id, const GValue *value);
bool get_link_setting(const net::SrtTraits &traits, guint first, guint id, GValue *value);

/// Names of the fields that add_network_stats() adds, for the blurb of `stats`.
inline constexpr char network_stats[] =
    " rtt (ns) bandwidth (bit/s that the line carries, estimated) rate (bit/s) buffer (ns of media "
    "that is not acknowledged, or not due yet) lost retransmitted late (packets); of several peers "
    "the worst, and sums";
void add_network_stats(GstStructure *stats, const net::SrtNetwork &network);

} // namespace penstock::srt

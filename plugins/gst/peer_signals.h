// SPDX-License-Identifier: LGPL-2.1-or-later
// The signals authorize, peer-connected and peer-disconnected of elements and of the library.
#pragma once

#include "core/net/stream/peer.h"

#include <gst/gst.h>

#include <memory>

namespace penstock {

/// Signal ids of an object class; each signal passes the peer as a GstStructure.
struct PeerSignals {
    guint authorize = 0, connected = 0, disconnected = 0;
};

/// Adds them to the class of `type`. A handler of authorize refuses by returning FALSE.
PeerSignals install_peer_signals(GType type);

/// Where peer-connected and peer-disconnected are emitted. authorize is always emitted on separate
/// threads: handlers may block, and several may run at once.
enum class PeerEvents {
    thread,       ///< one thread for all objects, in order
    main_context, ///< the default main context
};

/// Emits the signals of `object`, to which it holds a weak reference. While no handler is
/// connected, peers are allowed at once.
std::shared_ptr<net::PeerWatch> make_signal_watch(GObject *object, const PeerSignals &signals,
                                                  PeerEvents events);

} // namespace penstock

// SPDX-License-Identifier: LGPL-2.1-or-later
// The signals authorize, peer-connected and peer-disconnected, of elements and of the library.
#pragma once

#include "core/net/stream/peer.h"

#include <gst/gst.h>

#include <memory>

namespace penstock {

/// Ids of an object class's signals; each has the peer as a GstStructure.
struct PeerSignals {
    guint authorize = 0, connected = 0, disconnected = 0;
};

/// Adds them to the class of `type`. Returning FALSE from any handler of authorize refuses.
PeerSignals install_peer_signals(GType type);

/// Where peer-connected and peer-disconnected come. authorize comes on a thread of its own always:
/// it may take time, and several may run at once.
enum class PeerEvents {
    thread,       ///< one thread for all objects, in order
    main_context, ///< the default main context
};

/// Emits the signals of `object`, to which it holds a weak reference. Nothing is asked and nobody
/// waits while no handler is connected.
std::shared_ptr<net::PeerWatch> make_signal_watch(GObject *object, const PeerSignals &signals,
                                                  PeerEvents events);

} // namespace penstock

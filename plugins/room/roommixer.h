// SPDX-License-Identifier: LGPL-2.1-or-later
// The element roommixer.
#pragma once

#include <gst/gst.h>

namespace penstock::room {
class Mixer;
}

G_BEGIN_DECLS

#define PENSTOCK_TYPE_ROOM_MIXER (penstock_room_mixer_get_type())
G_DECLARE_FINAL_TYPE(PenstockRoomMixer, penstock_room_mixer, PENSTOCK, ROOM_MIXER, GstBin)

/// impl: created in init, deleted in finalize.
struct _PenstockRoomMixer {
    GstBin parent;
    penstock::room::Mixer *impl;
};

GST_ELEMENT_REGISTER_DECLARE(roommixer)

G_END_DECLS

// SPDX-License-Identifier: LGPL-2.1-or-later
// The caps of the pads for each container, and the formats of CMAF's tracks.
#pragma once

#include "core/hls/format.h"
#include "gst/ptr.h"
#include "hls/settings.h"

namespace penstock::hls {

/// The caps of a pad in this container.
GstPtr<GstCaps> caps_of(Media media, ContainerType container);
/// The caps for all containers together, for the pad templates.
GstPtr<GstCaps> all_caps_of(Media media);

/// A format for CmafWriter. Errors: caps without a configuration that the codec needs, or with an
/// invalid one.
Result cmaf_format_of(Kind kind, const GstCaps *caps, FormatPtr &format);

} // namespace penstock::hls

// SPDX-License-Identifier: LGPL-2.1-or-later
// The source that a goptee's channel passes to its readers.
#pragma once

#include "core/gop/channels.h"
#include "gst/ptr.h"

namespace penstock::gop {

class TeeSource final : public ChannelSource {
public:
    explicit TeeSource(GstElement *tee) : tee_(tee) {}
    /// Call only within ChannelListener::on_source(), while the goptee exists.
    GstPtr<GstElement> tee() const { return GstPtr<GstElement>::ref(tee_); }

private:
    GstElement *const tee_;
};

} // namespace penstock::gop

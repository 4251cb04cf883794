// SPDX-License-Identifier: LGPL-2.1-or-later
// What a goptee's channel hands to its readers.
#pragma once

#include "core/gop/channels.h"
#include "gst/ptr.h"

namespace penstock::gop {

class TeeSource final : public ChannelSource {
public:
    explicit TeeSource(GstElement *tee) : tee_(tee) {}
    /// Only from within ChannelListener::on_source(), which runs while the goptee is there.
    GstPtr<GstElement> tee() const { return GstPtr<GstElement>::ref(tee_); }

private:
    GstElement *const tee_;
};

} // namespace penstock::gop

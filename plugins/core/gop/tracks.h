// SPDX-License-Identifier: LGPL-2.1-or-later
// The tracks of an input, as far as another one has to have the same to be its replacement.
#pragma once

#include "core/flv/tag.h"

#include <string>

namespace penstock::gop {

/// The codecs of the first video and the first audio track; empty: it has none, or none yet.
struct Tracks {
    std::string video, audio;

    bool operator==(const Tracks &) const = default;
    /// From media or configuration. Returns whether they have changed.
    bool learn(const flv::Tag &tag);
    /// For messages: "avc1 with mp4a", "avc1 alone", "nothing".
    std::string text() const;
};

} // namespace penstock::gop

// SPDX-License-Identifier: LGPL-2.1-or-later
// Helpers for those who receive what an answer accepts.
#pragma once

#include "core/rtp/extensions.h"
#include "core/sdp/offer.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::rtc {

/// Whether a list, as of feedback, has this text.
inline bool has_text(const std::vector<std::string> &list, std::string_view text) {
    return std::find(list.begin(), list.end(), text) != list.end();
}

/// All sections of a BUNDLE have the same ids (RFC 8843, 9.2); the first that says one counts.
inline void add_ids(const std::vector<sdp::Extension> &extensions, rtp::ExtensionIds &ids) {
    for (const sdp::Extension &one : extensions) {
        const auto kind = rtp::extension_of(one.uri);
        if (!kind || one.id > 255 || ids.id_of(*kind) != 0 || ids.kind_of(uint8_t(one.id)))
            continue;
        ids.set(*kind, static_cast<uint8_t>(one.id));
    }
}

} // namespace penstock::rtc

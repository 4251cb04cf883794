// SPDX-License-Identifier: LGPL-2.1-or-later
// The URLs of what a description serves, for display.
#pragma once

#include "description/binding.h"

#include <string>
#include <vector>

namespace penstock::cli {

struct Url {
    std::string label; ///< "Page", "Publish", "OBS", …
    std::string text;  ///< a URL, or a text that contains one
    std::string kind; ///< machine-readable: "page", "publish", "play", …; protocols may add others
    /// Ffmpeg's output format for publishing; nullptr: ffmpeg can't publish to it.
    const char *ffmpeg_format = nullptr;
};

/// host:port for clients on this machine; a wildcard address is replaced by `here`.
std::string reachable(net::Address address, const std::string &here = "127.0.0.1");

/// Captures are shown as NAME; secrets are not shown.
std::vector<Url> urls_of(const description::Binding &binding,
                         const std::string &here = "127.0.0.1");

} // namespace penstock::cli

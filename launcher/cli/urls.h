// SPDX-License-Identifier: LGPL-2.1-or-later
// What a description serves, as lines that a person can try.
#pragma once

#include "description/binding.h"

#include <string>
#include <vector>

namespace penstock::cli {

struct Url {
    std::string label; ///< "Page", "Publish", "OBS", …
    std::string text;  ///< a URL, or a line around one
    std::string kind;  ///< for machines: "page", "publish", "play", …; protocols add others
    const char *ffmpeg_format = nullptr; ///< ffmpeg's muxer for it; nullptr: ffmpeg can't publish
};

/// host:port as a client on this machine can use it; `here` stands for an address of every
/// interface.
std::string reachable(net::Address address, const std::string &here = "127.0.0.1");

/// Captures appear as NAME, secrets never.
std::vector<Url> urls_of(const description::Binding &binding,
                         const std::string &here = "127.0.0.1");

} // namespace penstock::cli

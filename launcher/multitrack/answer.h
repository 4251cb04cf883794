// SPDX-License-Identifier: LGPL-2.1-or-later
// OBS' multitrack video: the answer to its request for a configuration ("GetClientConfiguration",
// schema 2025-01-25). No sockets.
#pragma once

#include "description/multitrack.h"

#include <string>
#include <string_view>
#include <vector>

namespace penstock::multitrack {

inline constexpr size_t max_request = 64 << 10; ///< bytes; OBS sends about 2 kB

/// An address to publish to: "RTMP" or "RTMPS", and the URL with "{stream_key}" for the name.
struct Ingest {
    std::string protocol, url;
};

/// The answer, JSON. Out of the ladder it has what the request allows: the codecs that this OBS
/// has, at most the canvas' size, the number of tracks and the sum of bitrates that the user set.
/// If nothing is left, or the request makes no sense, the answer is a message that OBS shows.
/// `config_id` comes back as ?clientConfigId= of the stream's name. The stream key in the request
/// is neither looked at nor repeated.
std::string answer(std::string_view request, const description::Multitrack &ladder,
                   const std::vector<Ingest> &ingest, const std::string &config_id);

} // namespace penstock::multitrack

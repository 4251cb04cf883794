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

/// Returns the answer as JSON: those tracks of the ladder that the request allows. They have a
/// codec that this OBS can encode, are no larger than its canvas, and are within the number of
/// tracks and the total bitrate that the user set. If no track remains, or the request is invalid,
/// the answer is a message that OBS shows to the user. OBS later appends `config_id` to the
/// stream's name as ?clientConfigId=. The stream key in the request is ignored and not repeated.
std::string answer(std::string_view request, const description::Multitrack &ladder,
                   const std::vector<Ingest> &ingest, const std::string &config_id);

} // namespace penstock::multitrack

// SPDX-License-Identifier: LGPL-2.1-or-later
// What of a stream goes over WebRTC, and by which payloaders.
#pragma once

#include "core/flv/tag.h"
#include "rtc/connection.h"

#include <cstdint>
#include <string>

namespace penstock::rtc {

/// The codecs of a stream, by their names in Enhanced RTMP; 0: there is no such track.
struct PushTracks {
    uint32_t video = 0, audio = 0;
    std::string profile; ///< of H.264: profile-level-id, in hexadecimal
    bool operator==(const PushTracks &other) const {
        return video == other.video && audio == other.audio;
    }
};

/// Whether the codec can be sent, with the elements that are installed. If not, says in `remedy`,
/// if given, what to do.
bool can_push(flv::TagType type, uint32_t codec, std::string *remedy = nullptr);

/// The profile-level-id of a tag with the configuration of H.264; empty: it is none.
std::string profile_of(const flv::Tag &config);

/// Adds flvlivedemux and payloaders in front of the connection's webrtcbin, for those tracks that
/// can be sent. Returns the sink pad for `video/x-flv`; nullptr: `reason` says why not.
GstPtr<GstPad> add_payloaders(Connection &connection, const PushTracks &tracks,
                              std::string &reason);

} // namespace penstock::rtc

// SPDX-License-Identifier: LGPL-2.1-or-later
// The MPD of a stream that is written to a directory.
#pragma once

#include "core/bytes/result.h"
#include "core/net/http/hls/manifest.h"

#include <string>
#include <vector>

namespace penstock::net {

/// `index.mpd` beside `index.m3u8`. Of a package it appears at the end, and is static; else it is
/// written again with each segment. Not thread-safe.
class DashFile {
public:
    /// `segments`: those that are kept; 0: all.
    DashFile(const std::string &playlist_path, bool is_vod, unsigned segments);

    void add(const hls::Stream &stream, const std::string &rendition, const hls::Segment &segment);
    /// Writes it if it has changed. Errors: those of the disk.
    Result write(const std::vector<dash::Offer> &offers, int64_t target_duration, bool has_ended);

private:
    const std::string path_;
    const bool is_vod_;
    const unsigned segments_;
    DashManifest manifest_{false};
    Bytes written_;
};

} // namespace penstock::net

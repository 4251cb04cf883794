// SPDX-License-Identifier: LGPL-2.1-or-later
// HLS multivariant playlists as text. RFC 8216, 4.3.4; draft-pantos-hls-rfc8216bis, 4.4.6.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::playlist {

/// EXT-X-MEDIA of TYPE=AUDIO. Members of a group have the same codec and different names.
struct AudioRendition {
    std::string group, name;
    std::string language;  ///< BCP 47; empty: not stated
    std::string uri;       ///< relative
    unsigned channels = 0; ///< 0: not stated
    bool is_default = false;
};

/// EXT-X-MEDIA of TYPE=SUBTITLES.
struct SubtitleRendition {
    std::string group, name;
    std::string language; ///< BCP 47; empty: not stated
    std::string uri;      ///< relative
    bool is_default = false;
};

/// EXT-X-STREAM-INF and its URI.
struct Variant {
    std::string uri;                 ///< relative
    uint64_t bandwidth = 0;          ///< bit/s: the largest sum that its renditions can need
    uint64_t average_bandwidth = 0;  ///< bit/s; 0: not stated
    std::string codecs;              ///< RFC 6381, of all its renditions; empty: not stated
    std::string supplemental_codecs; ///< empty: none
    unsigned width = 0, height = 0;  ///< 0: no video, or not known
    unsigned frame_rate = 0;         ///< frames in 1000 s; 0: not stated
    std::string_view video_range;    ///< "SDR", "HLG" or "PQ"; empty: no video
    std::string audio;               ///< GROUP-ID of its audio renditions; empty: none
    std::string subtitles;           ///< the same of subtitles
};

struct Multivariant {
    bool independent_segments = true;
    std::vector<AudioRendition> audio;
    std::vector<SubtitleRendition> subtitles;
    std::vector<Variant> variants;
};

/// Writes the playlist as text. In quoted strings what they can't contain (quotes and control
/// characters) is left out.
std::string write(const Multivariant &playlist);

} // namespace penstock::playlist

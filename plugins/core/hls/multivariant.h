// SPDX-License-Identifier: LGPL-2.1-or-later
// What the renditions of a stream have in common where they are served or stored: the multivariant
// playlist, rendition reports, and numbers of segments.
#pragma once

#include "core/hls/stream.h"
#include "core/playlist/multivariant.h"
#include "core/playlist/reload.h"

#include <span>

namespace penstock::hls {

/// A rendition's playlist is `NAME/index.m3u8` beside its segments, in a folder that is named after
/// the multivariant playlist's file.
inline constexpr std::string_view rendition_playlist = "index.m3u8";

/// A rendition as it is served.
struct Listed {
    std::string name;
    Stream::Info info;
};

/// The multivariant playlist of those that have media; empty: none has. Variants are in order of
/// size and bitrate, the largest first. Where there are video and audio renditions, each video
/// rendition is a variant with each group of audio: those with the same codec. `prefix` is that of
/// all URIs ("index/").
std::string multivariant(std::span<const Listed> renditions, std::string_view prefix);

/// The EXT-X-RENDITION-REPORT (bis, 4.4.5.4) of a rendition for a playlist in a folder beside it.
std::string rendition_report(std::string_view name, const playlist::Edge &edge);

/// Media Sequence Numbers that are the same in all renditions, while producers come and go and gaps
/// are filled in.
class Numbers {
public:
    /// For a new producer, whose segments count from 0. `next`: the largest number that a rendition
    /// has next; a playlist with parts begins with a gap, so one more if it is new.
    void restart(uint64_t next) { shift_ = next; }
    /// The number of a producer's segment, in a rendition whose next number is `next`.
    uint64_t place(uint64_t number, uint64_t next) {
        if (number + shift_ < next) shift_ = next - number;
        return number + shift_;
    }

private:
    uint64_t shift_ = 0;
};

} // namespace penstock::hls

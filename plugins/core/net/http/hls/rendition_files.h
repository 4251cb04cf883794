// SPDX-License-Identifier: LGPL-2.1-or-later
// Writes a stream of several renditions to a directory: the multivariant playlist, and each
// rendition's playlist and segments in a folder of its own.
#pragma once

#include "core/hls/multivariant.h"
#include "core/hls/presentation.h"
#include "core/net/http/hls/directory.h"

#include <map>
#include <mutex>

namespace penstock::net {

/// DIRECTORY/index.m3u8 and DIRECTORY/index/video_0/index.m3u8 …: the same places as over HTTP.
/// The multivariant playlist appears when all renditions have begun, and is written again when what
/// it says changes; with Options::is_vod, at the end. Calls may block on the disk. Not thread-safe,
/// but for set_renditions() and info().
class HlsRenditionFiles {
public:
    /// As HlsDirectory::open().
    static std::unique_ptr<HlsRenditionFiles> open(const std::string &playlist_path,
                                                   const HlsDirectory::Options &options,
                                                   std::string *error);

    /// What the renditions are; by Segment::rendition.
    void set_renditions(std::vector<hls::Presentation::Expected> renditions);
    /// Writes a segment, its rendition's playlist and, if it changes, the multivariant playlist. An
    /// error loses only this segment.
    Result publish(hls::Segment segment);
    /// Ends all playlists.
    Result end();

    hls::Stream::Info info() const;
    uint64_t bytes_written() const;

private:
    HlsRenditionFiles(std::string playlist_path, const HlsDirectory::Options &options)
        : playlist_path_(std::move(playlist_path)), options_(options),
          manifest_(playlist_path_, options.is_vod, options.playlist_length) {}
    Result write_multivariant();
    Result write_manifest();

    const std::string playlist_path_;
    const HlsDirectory::Options options_;
    bool has_ended_ = false;
    std::map<std::string, std::unique_ptr<HlsDirectory>> directories_; ///< by rendition
    hls::Numbers numbers_;
    DashFile manifest_;
    std::string written_;      ///< the multivariant playlist
    mutable std::mutex mutex_; ///< guards the following; never held during a write
    std::vector<hls::Presentation::Expected> renditions_;
    hls::Stream::Info info_;
    uint64_t bytes_ = 0, multivariant_bytes_ = 0;
};

} // namespace penstock::net

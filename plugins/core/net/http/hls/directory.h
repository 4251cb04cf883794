// SPDX-License-Identifier: LGPL-2.1-or-later
// An HLS stream as files: segments and a playlist in a directory that any web server can serve.
#pragma once

#include "core/hls/stream.h"

#include <memory>

namespace penstock::net {

/// Files appear whole or not at all (written under another name and renamed), the playlist names
/// only files that exist, and segments that have left the window are removed. The playlist of an
/// earlier run is continued: its numbers, and its segments if this class made them. Other files
/// are never removed. Calls may wait for the disk. Not thread-safe.
class HlsDirectory {
public:
    struct Options {
        unsigned playlist_length = 6; ///< segments; 0 keeps all
        int64_t target_duration = 2'000'000'000;
        uint64_t epoch = 0; ///< as hls::Stream::Options::epoch
        hls::Container container = hls::ts_container;
    };
    /// `playlist_path`: of the playlist, absolute; the directory is made if it is not there. On
    /// failure nullptr, and `error` says what is wrong and how to mend it.
    static std::unique_ptr<HlsDirectory> open(const std::string &playlist_path,
                                              const Options &options, std::string *error);

    /// Writes a segment and the playlist. An error (a full disk) loses this segment alone: the
    /// next one is tried again, and begins with a discontinuity.
    Result publish(const hls::Segment &segment);
    void interrupt() { stream_.interrupt(); }
    /// Writes ENDLIST, after which publish() fails.
    Result end();

    hls::Stream::Info info() const { return stream_.info(); }
    uint64_t bytes_written() const { return bytes_written_; }

private:
    HlsDirectory(std::string playlist_path, const hls::Stream::Options &options);
    void resume();
    Result write(const std::string &name, ByteView content);

    std::string directory_, playlist_name_;
    hls::Stream stream_;
    uint64_t bytes_written_ = 0;
};

} // namespace penstock::net

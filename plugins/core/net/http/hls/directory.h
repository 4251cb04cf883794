// SPDX-License-Identifier: LGPL-2.1-or-later
// Writes an HLS stream to a directory that any web server can serve.
#pragma once

#include "core/hls/stream.h"
#include "core/net/http/hls/manifest_file.h"
#include "core/net/http/hls/new_file.h"

#include <memory>

namespace penstock::net {

/// Files are complete when they appear (written under another name and renamed), the playlist lists
/// only existing files, and segments outside the window are removed. The playlist of an earlier run
/// is continued: its numbering, and its segments if this class created them. Other files are never
/// removed. Calls may block on the disk. Not thread-safe.
class HlsDirectory {
public:
    ~HlsDirectory();

    struct Options {
        unsigned playlist_length = 6; ///< segments in the playlist; 0: all
        int64_t target_duration = 2'000'000'000;
        uint64_t epoch = 0; ///< see hls::Stream::Options::epoch
        hls::Container container = hls::ts_container;
        /// The stream is packaged as a whole: the playlist appears at its end. What is there
        /// already is neither continued nor replaced.
        bool is_vod = false;
        bool has_manifest = true; ///< of CMAF segments: an MPD beside the playlist
        /// All segments are in one file, named after the playlist ("index.mp4"), of which the
        /// playlist has byte ranges (EXT-X-BYTERANGE). It appears with the playlist, and one that
        /// is there is an error. With `is_vod` only.
        bool is_single_file = false;
    };
    /// `playlist_path` is absolute; its directory is created if missing. On failure returns nullptr
    /// and sets `error` to the reason and a remedy.
    static std::unique_ptr<HlsDirectory> open(const std::string &playlist_path,
                                              const Options &options, std::string *error);

    /// Makes the directory of a playlist, if there is none. Errors: a path that is not absolute or
    /// is no playlist's, a directory that can't be made or written to; with `is_vod`, a playlist
    /// or MPD that exists or is being written.
    static Result prepare(const std::string &playlist_path, const Options &options);
    /// Writes a file that is complete when it appears. Errors: those of the disk; a file that is
    /// there, if that is to be kept.
    static Result write_file(const std::string &path, ByteView content,
                             Existing existing = Existing::replace);
    /// Whether there is an MPD: of CMAF segments that are files of their own.
    static bool has_manifest(const Options &options);

    /// Writes a segment and the playlist. An error (such as a full disk) loses only this segment;
    /// the next call tries again and starts with a discontinuity.
    Result publish(const hls::Segment &segment);
    void interrupt() { stream_.interrupt(); }
    /// Writes EXT-X-ENDLIST; publish() fails from then on. With Options::is_vod and a segment
    /// missing there is no playlist, but an error.
    Result end();

    hls::Stream &stream() { return stream_; }
    hls::Stream::Info info() const { return stream_.info(); }
    uint64_t bytes_written() const { return bytes_written_; }

private:
    HlsDirectory(std::string playlist_path, const hls::Stream::Options &options);
    void resume();
    Result write(const std::string &name, ByteView content, Existing existing = Existing::replace);
    Result write_manifest();
    Result store(const std::string &name, ByteView content);

    std::string directory_, playlist_name_;
    bool is_vod_ = false;
    bool is_final_ = false; ///< the playlist with its end is written
    bool has_hole_ = false; ///< a segment could not be written
    hls::Stream stream_;
    std::unique_ptr<DashFile> manifest_; ///< null: there is none
    std::unique_ptr<NewFile> file_;      ///< of all segments
    uint64_t bytes_written_ = 0;
};

} // namespace penstock::net

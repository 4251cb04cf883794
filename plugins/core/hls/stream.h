// SPDX-License-Identifier: LGPL-2.1-or-later
// What of an HLS stream outlives the pipeline that makes it: the window of segments, the
// sequence numbers, the names.
#pragma once

#include "core/hls/segmenter.h"
#include "core/hls/ts_writer.h"
#include "core/playlist/playlist.h"

#include <mutex>

namespace penstock::hls {

/// Thread-safe.
class Stream {
public:
    struct Options {
        unsigned playlist_length = 6; ///< segments in the playlist; 0 keeps all (an EVENT)
        /// Segments that have left the playlist and are still served: who read the playlist just
        /// before may ask for them for as long as that playlist lasted (RFC 8216, 6.2.2).
        unsigned extra = 7;
        int64_t target_duration = 2'000'000'000; ///< nanoseconds; the playlist's never shrinks
        std::string uri_prefix;                  ///< in front of the names in the playlist
        /// Makes names unique over all runs: "seg-<it in base 36>-<n>", and the container's
        /// extension. Milliseconds since 1970, for instance.
        uint64_t epoch = 0;
        Container container = ts_container;
        bool keep_data = true; ///< false: the bytes are kept elsewhere (in files)
    };
    struct Info {
        uint64_t segments = 0; ///< published since the beginning
        uint64_t media_sequence = 0;
        uint64_t bitrate = 0; ///< of the last segment, bit/s
        std::string codecs;
        unsigned width = 0, height = 0;
        bool has_video = false, has_audio = false;
        bool ended = false;
    };

    explicit Stream(Options options);

    /// The name of the segment that publish() takes next.
    std::string next_name() const;
    /// Appends a segment and returns the names that are not served any more.
    std::vector<std::string> publish(const Segment &segment);
    /// Media is missing before the next segment: it begins with a discontinuity. A new producer
    /// says so, and one that lost a segment.
    void interrupt();
    /// No more segments: ENDLIST. publish() takes it back.
    void end();
    /// Goes on where an earlier run ended: numbers behind its numbers, and its segments `kept`
    /// (names, URIs in the playlist made of them) at the window's beginning.
    void resume(const playlist::MediaPlaylist &earlier, bool keep_segments);

    /// The playlist; empty before the first segment.
    Bytes playlist() const;
    const Container &container() const { return options_.container; }
    /// A segment by name. False if it is not there (any more).
    bool segment(std::string_view name, Bytes &data) const;
    Info info() const;
    int64_t target_duration() const; ///< as the playlist says it, nanoseconds

    void set_target_duration(int64_t nanoseconds);
    /// Takes effect with the next segment.
    void set_playlist_length(unsigned segments, unsigned extra);

private:
    struct Entry {
        playlist::Segment listed;
        std::string name;
        Bytes data;
    };
    std::string name_of(uint64_t number) const;
    void render();

    Options options_;
    mutable std::mutex mutex_;
    std::vector<Entry> entries_; ///< in the playlist and, before them, still served
    size_t removed_ = 0;         ///< how many of entries_ have left the playlist
    playlist::MediaPlaylist list_;
    uint64_t next_number_ = 0;
    bool interrupted_ = false;
    Info info_;
    Bytes text_;
};

/// True for names that next_name() makes with this extension; `epoch` and `number` are its parts.
bool parse_segment_name(std::string_view name, std::string_view extension, uint64_t &epoch,
                        uint64_t &number);

} // namespace penstock::hls

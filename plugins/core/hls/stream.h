// SPDX-License-Identifier: LGPL-2.1-or-later
// The state of an HLS stream that outlives the pipeline that makes it: the window of segments, the
// sequence numbers and the names.
#pragma once

#include "core/hls/segmenter.h"
#include "core/hls/ts_writer.h"
#include "core/playlist/playlist.h"

#include <mutex>

namespace penstock::hls {

/// Keeps what RFC 8216 (6.2.1) asks of a playlist: EXT-X-TARGETDURATION is what the first segment
/// says (Segment::target_duration), or more if the options do, and does not change afterwards;
/// nothing follows EXT-X-ENDLIST. EXT-X-INDEPENDENT-SEGMENTS is there while it is true of all
/// segments in the playlist. Thread-safe.
class Stream {
public:
    struct Options {
        unsigned playlist_length = 6; ///< segments in the playlist; 0 keeps all (an EVENT)
        /// Segments that have left the playlist and are still served. A player that read the
        /// playlist before may ask for them for the duration of that playlist (RFC 8216, 6.2.2).
        unsigned extra = 7;
        int64_t target_duration = 2'000'000'000; ///< nanoseconds
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
        uint64_t target_duration = 0; ///< seconds, as announced; 0 before the first segment
    };

    explicit Stream(Options options);

    /// The name of the segment that publish() takes next.
    std::string next_name() const;
    /// Appends a segment and returns the names that are not served any more. Does nothing after
    /// end().
    std::vector<std::string> publish(const Segment &segment);
    /// Media is missing before the next segment, which begins with a discontinuity: for a new
    /// producer, and one that lost a segment.
    void interrupt();
    /// No more segments: ENDLIST.
    void end();
    /// Goes on where an earlier run ended: numbers behind its numbers and, if `keep_segments`, its
    /// segments at the beginning of the window. An ENDLIST of that run does not count, since this
    /// is another life of the stream.
    void resume(const playlist::MediaPlaylist &earlier, bool keep_segments);

    /// The playlist; empty before the first segment.
    Bytes playlist() const;
    const Container &container() const { return options_.container; }
    /// Gives a segment by name. False if it does not exist, or not any more.
    bool segment(std::string_view name, Bytes &data) const;
    Info info() const;
    int64_t target_duration() const; ///< EXT-X-TARGETDURATION, in nanoseconds

    /// Without effect after the first segment.
    void set_target_duration(int64_t nanoseconds);
    /// Takes effect with the next segment.
    void set_playlist_length(unsigned segments, unsigned extra);

private:
    struct Entry {
        playlist::Segment listed;
        std::string name;
        Bytes data;
        bool independent = true;
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

// SPDX-License-Identifier: LGPL-2.1-or-later
// The state of an HLS stream that outlives its pipeline: the window of segments, sequence numbers
// and names.
#pragma once

#include "core/bytes/join.h"
#include "core/hls/rate_meter.h"
#include "core/hls/segmenter.h"
#include "core/hls/ts_writer.h"
#include "core/playlist/playlist.h"
#include "core/playlist/reload.h"

#include <array>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>

namespace penstock::hls {

/// Follows RFC 8216, 6.2.1: EXT-X-TARGETDURATION is that of the first segment
/// (Segment::target_duration) or of the options, whichever is larger, and never changes; nothing
/// follows EXT-X-ENDLIST but another stream (reopen()). EXT-X-INDEPENDENT-SEGMENTS is present while
/// it applies to all segments in the playlist. Thread-safe.
///
/// With parts (draft-pantos-hls-rfc8216bis) the playlist is there as soon as the first of them; it
/// then begins with a gap, because players refuse one without a segment. Parts are listed until
/// they are three target durations behind the end, and served as long as their segment. They are
/// numbered through, whatever segment they belong to, so that the next one's name is known.
class Stream {
public:
    struct Options {
        unsigned playlist_length = 6; ///< segments in the playlist; 0 keeps all (an EVENT)
        /// Number of segments that have left the playlist and are still served. Players that read
        /// the playlist earlier may request them for the duration of that playlist (RFC 8216,
        /// 6.2.2).
        unsigned extra = 7;
        int64_t target_duration = 2'000'000'000; ///< ns
        std::string uri_prefix;                  ///< prefix of the names in the playlist
        /// Makes names unique across runs: "seg-<epoch in base 36>-<n>" and the container's
        /// extension. For instance milliseconds since 1970.
        uint64_t epoch = 0;
        Container container = ts_container;
        /// The playlist is read only when it is whole: its target duration is that of the longest
        /// segment, and there are no dates, which a file does not have.
        bool is_vod = false;
        /// The file that all segments are stored in, one after the other, each after its init
        /// segment where it needs a new one: the playlist has byte ranges of it. Empty: each is a
        /// file. With `is_vod` only.
        std::string file;
        bool keep_data = true; ///< false: the bytes are stored elsewhere (in files)
        /// Joins the parts of a segment, and decides in what memory they, or a single one, stay.
        /// Called with the stream locked.
        std::function<Bytes(std::span<const Bytes>)> store = join;
    };
    struct Info {
        uint64_t segments = 0; ///< published since the start
        uint64_t media_sequence = 0;
        uint64_t bitrate = 0; ///< bit/s of the last segment
        std::string codecs;
        unsigned width = 0, height = 0;
        bool has_video = false, has_audio = false;
        bool ended = false;
        uint64_t target_duration = 0; ///< seconds, as announced; 0 before the first segment
        int64_t part_target = 0;      ///< ns, as announced; 0: no parts
        /// bit/s; see RateMeter. Before the first whole segment: of what is there, and 0.
        uint64_t peak_bitrate = 0, average_bitrate = 0;
        bool is_independent = true;         ///< no segment has begun without a keyframe
        bool is_away = false;               ///< the last segments are gaps
        std::shared_ptr<const About> about; ///< null: not stated

        /// Whether it has video, although its last segment may have had no frame.
        bool is_video() const { return width > 0 || has_video; }
    };

    explicit Stream(Options options);

    /// The name of the segment that will be published next.
    std::string next_name() const;
    /// The name of the init segment that this segment needs and earlier ones did not; empty: none.
    std::string next_init(const Segment &segment) const;
    /// The number of the segment that comes next.
    uint64_t next_number() const;
    /// The media to store for a segment: that of one without media is not empty, as no byte range
    /// is.
    Bytes stored(const Segment &segment) const;
    /// Goes on to a segment's number (Segment::sequence): by gaps, or anew if that is too far away.
    /// publish() does it too. Returns the names that are no longer served.
    std::vector<std::string> align(const Segment &segment);
    /// Appends a segment, or a piece of one, and returns the names that are no longer served. No
    /// effect after end().
    std::vector<std::string> publish(const Segment &segment);
    /// Marks the next segment with a discontinuity: for a new producer, or one that lost a segment.
    void interrupt();
    /// With parts: ends the segment that is not finished, and appends one of a target duration that
    /// is a gap. For a time in which no media comes. No effect before the first segment.
    void fill_gap();
    /// Ends the stream with EXT-X-ENDLIST.
    void end();
    /// Begins another one in the same place, if it has ended: the numbers go on, and the playlist
    /// is empty until the next segment. What was in it can still be fetched.
    void reopen();
    /// Continues an earlier run: numbers follow its numbers and, with `keep_segments`, its segments
    /// stay at the beginning of the window. An ENDLIST of that run is ignored.
    void resume(const playlist::MediaPlaylist &earlier, bool keep_segments);

    /// The playlist; empty before the first segment. `delta`: as a delta update, if it is long
    /// enough for one.
    Bytes playlist(bool delta = false) const;
    playlist::Edge edge() const;
    /// The number of the part that comes next, which is in its name.
    uint64_t next_part() const;
    std::string part_name(uint64_t number) const;
    /// The number in a part's name; nullopt for other names, and those of an earlier run.
    std::optional<uint64_t> part_number(std::string_view name) const;
    /// Whether the segment or part of this name has been, so that it will not be again.
    bool is_past(std::string_view name) const;
    const Container &container() const { return options_.container; }
    /// Returns the bytes of a segment, a part or an init segment by name. False if it does not
    /// exist, or no longer.
    bool segment(std::string_view name, Bytes &data) const;
    /// The last segment, or what there is of it.
    struct Newest {
        uint64_t number = 0;
        std::string init; ///< name of its init segment; empty: it needs none
        bool discontinuity = false, independent = true, is_gap = false;
        std::optional<int64_t> date; ///< ms since 1970
        int64_t skipped = 0;         ///< ns of its media that came before a gap ended the segment
    };
    std::optional<Newest> newest() const;
    /// How far a segment is.
    enum class Progress : uint8_t { unknown, next, open, complete };
    /// Appends the parts of a segment from a number on, counted from 0, to `parts`. `unknown`, too,
    /// for segments that came whole; `next`: it follows the last one.
    Progress parts_of(uint64_t segment, size_t from, std::vector<Bytes> &parts) const;
    /// The number in a segment's name; nullopt for other names, and those of an earlier run.
    std::optional<uint64_t> segment_number(std::string_view name) const;
    std::string segment_name(uint64_t number) const { return name_of(number); }
    /// The names of segments with $Number$ in place of the number, for MPDs.
    std::string name_template() const;
    Info info() const;
    int64_t target_duration() const; ///< EXT-X-TARGETDURATION in ns

    /// Without effect after the first segment.
    void set_target_duration(int64_t nanoseconds);
    /// For the first segment of a rendition among others: its number, and how many discontinuities
    /// there have been up to it. Without effect after it.
    void begin_at(uint64_t number, uint64_t discontinuities);
    /// Discontinuities so far, up to and with the segment of this number.
    uint64_t discontinuities(uint64_t number) const;
    /// Whether there has been no segment, not even in an earlier run.
    bool is_new() const;
    /// Takes effect with the next segment.
    void set_playlist_length(unsigned segments, unsigned extra);

private:
    struct Init {
        std::string name;
        Bytes data;
        std::optional<playlist::ByteRange> range = {}; ///< in Options::file
    };
    struct Entry {
        playlist::Segment listed;
        std::string name;
        Bytes data;
        bool independent = true;
        std::shared_ptr<const Init> init; ///< null: it needs none
        uint64_t first_part = 0;          ///< number of the first of `parts`
        std::vector<Bytes> parts;         ///< of a gap: empty
        int64_t skipped = 0;              ///< as in Newest
    };
    Entry make_entry(const Segment &segment);
    playlist::ByteRange place(size_t size);
    std::vector<std::string> publish_piece(const Segment &segment);
    std::vector<std::string> close_open(const Bytes &own = {});
    std::vector<std::string> append(Entry entry);
    std::vector<std::string> move_to(const Segment &segment);
    std::vector<std::string> append_gap(std::optional<int64_t> date, const Entry &beside);
    void fix_control(const Segment &segment);
    bool has_list() const { return removed_ < entries_.size() || open_; }
    bool keeps(size_t listed) const;
    std::string name_of(uint64_t number) const;
    bool has_same_init(const Segment &segment) const;
    std::string next_init_name() const;
    void changed();
    int64_t announced() const;
    Bytes gap_media() const;
    bool is_text() const;
    void take_ranges(const Segment &segment);
    std::vector<playlist::DateRange> ranges_in(const playlist::MediaPlaylist &list) const;
    Bytes render(bool delta) const;

    Options options_;
    mutable std::mutex mutex_;
    std::vector<Entry> entries_; ///< those in the playlist, preceded by those still served
    size_t removed_ = 0;         ///< number of entries_ that have left the playlist
    playlist::MediaPlaylist list_;
    std::optional<Entry> open_; ///< the segment of which only parts are there
    uint64_t next_number_ = 0, next_part_ = 0;
    uint64_t file_size_ = 0; ///< of Options::file
    bool interrupted_ = false;
    bool is_resumed_ = false; ///< goes on with an earlier run's numbers
    Info info_;
    RateMeter rates_;
    std::shared_ptr<const DateRangeList> ranges_; ///< the producer's
    DateRangeList old_ranges_;                    ///< of earlier producers
    unsigned gaps_ = 0;                           ///< the last segments that are gaps
    mutable std::array<Bytes, 2> texts_;          ///< whole and delta; empty: not made yet
};

/// Parses a name made by next_name() with this extension into `epoch` and `number`. Returns false
/// for other names.
bool parse_segment_name(std::string_view name, std::string_view extension, uint64_t &epoch,
                        uint64_t &number);
/// The same for the name of a part.
bool parse_part_name(std::string_view name, std::string_view extension, uint64_t &epoch,
                     uint64_t &number);
/// The same for the name of an init segment; `number` is that of the first segment that needed it.
bool parse_init_name(std::string_view name, uint64_t &epoch, uint64_t &number);

} // namespace penstock::hls

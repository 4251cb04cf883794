// SPDX-License-Identifier: LGPL-2.1-or-later
// Cuts a video and an audio track into HLS segments. Depends on neither GStreamer nor I/O, and is
// given its clocks.
#pragma once

#include "core/hls/date_ranges.h"
#include "core/hls/segment_writer.h"

#include <deque>
#include <functional>
#include <memory>

namespace penstock::hls {

/// A part of a segment (EXT-X-PART).
struct Part {
    Bytes data;               ///< empty: a gap
    int64_t duration = 0;     ///< ns
    bool independent = false; ///< begins with a keyframe, or the stream has no video
};

/// What a multivariant playlist says of a rendition; immutable.
struct About {
    std::string name;             ///< its pad's: "video_0"
    std::string title, language;  ///< of audio and subtitles; empty: not stated
    bool is_default = false;      ///< of audio and subtitles
    bool is_text = false;         ///< subtitles
    unsigned channels = 0;        ///< of audio; 0: not known
    unsigned frame_rate = 0;      ///< frames in 1000 s; 0: not known
    std::string_view video_range; ///< "SDR", "HLG" or "PQ"
};

/// Where a piece is on its producer's timeline; ns.
struct Place {
    int64_t segment = 0; ///< where its segment begins
    int64_t begin = 0, end = 0;
    int64_t offset = 0;    ///< to the stream's timeline
    bool has_media = true; ///< false: it only completes its segment
    bool is_last = false;  ///< its timeline ends here, with whatever has been sent by then
};

/// A finished segment or, with Options::part_duration, a piece of one: each part as it is finished.
struct Segment {
    Bytes data;           ///< empty for pieces: a segment is its parts, one after the other
    Bytes init;           ///< the init segment it needs (EXT-X-MAP); empty: none
    int64_t duration = 0; ///< ns, up to the first timestamp of the next segment; of pieces: so far
    bool discontinuity = false;    ///< does not continue the previous segment
    bool independent = true;       ///< its video starts with a keyframe, or it has no video
    int64_t program_date_time = 0; ///< ms since 1970 of its first frame
    /// EXT-X-TARGETDURATION in seconds for a playlist that begins with this segment. The same for
    /// all segments of a Segmenter, unless it does not fix it; no segment's rounded duration
    /// exceeds it.
    uint64_t target_duration = 0;
    std::string codecs; ///< RFC 6381, comma-separated; empty if unknown
    unsigned width = 0, height = 0;
    bool has_video = false, has_audio = false;

    bool begins = true, complete = true; ///< the first and the last piece of a segment
    std::vector<Part> parts;             ///< those of this piece; a last piece may have none
    /// EXT-X-PART-INF in ns; the same for all segments of a Segmenter. 0: without parts.
    int64_t part_target = 0;

    // With several renditions.
    unsigned rendition = 0;
    uint64_t number = 0; ///< of the segment, from 0; the same in all renditions
    /// Its Media Sequence Number, where it is given; else that of the playlist's end.
    std::optional<uint64_t> sequence;
    int64_t part_hold_back = 0; ///< ns, the same in all renditions; 0: three part targets
    std::shared_ptr<const About> about;
    Place place;
    /// Of the producer's stream so far; null: there are none.
    std::shared_ptr<const DateRangeList> ranges;
};

/// A piece of another rendition, without its media: what the reference's piece decides.
Segment piece_beside(const Segment &reference);

/// Metadata that wait for the segments of their times.
class MetadataQueue {
public:
    /// In real time. A file's may all come before its media, and only memory bounds them.
    static constexpr size_t max_entries = 256, max_bytes = 1 << 20, max_file_bytes = 64 << 20;

    /// The oldest are dropped where there are too many; returns how many.
    size_t add(Metadata metadata, bool is_realtime = true);
    /// Gives a writer those before `end`.
    void move_to(SegmentWriter &writer, int64_t end);
    void clear();

private:
    std::deque<Metadata> waiting_;
    size_t bytes_ = 0;
};

/// Interleaves two tracks by decoding time; samples of either are accepted at any time. A segment
/// begins at a video keyframe once the current one has its target duration; without video, at any
/// audio frame. It is finished once the other track has advanced as far, or is silent.
///
/// The first finished segment fixes the target duration that playlists announce. Later segments are
/// never longer: one whose keyframe is late ends at another frame, one whose video pauses ends by
/// the audio's time, and a gap in all tracks is shortened.
///
/// With parts (draft-pantos-hls-rfc8216bis, 4.4.4.9) both target durations are fixed by the first
/// part: that of segments is 2 s, or the one asked for if that is longer, since the keyframe
/// interval is not known yet; that of parts is as many whole frames as come closest to the duration
/// asked for. A part lasts between 85 and 100 % of it, unless it is the last of its segment. It
/// ends at a frame, in decoding order; where frames are late, its duration in the playlist is
/// shorter than theirs, and the next parts make up for it. Audio that begins before that frame
/// belongs to it.
///
/// Not thread-safe.
class Segmenter {
public:
    struct Options {
        /// ns; at most `announced` if that is set.
        int64_t target_duration = 2'000'000'000;
        /// ns by which a keyframe may be early and still end a segment, since timestamps may be
        /// rounded to milliseconds.
        int64_t tolerance = 10'000'000;
        /// ns after which segments no longer wait for a track that sends nothing while the other
        /// continues.
        int64_t max_lag = 1'000'000'000;
        /// ns by which timestamps of audio and video may differ on arrival. Audio that differs more
        /// is shifted to the video's timeline.
        int64_t max_skew = 10'000'000'000;
        /// ns that audio waits for a possible video track, for a declared one, and for one that has
        /// sent no keyframe yet.
        int64_t wait_undeclared = 1'000'000'000;
        int64_t wait_declared = 3'000'000'000;
        int64_t wait_keyframe = 10'000'000'000;
        /// Bounds of unfinished data; bytes and number of samples.
        size_t max_bytes = 64 << 20;
        size_t max_samples = 20'000;
        /// EXT-X-TARGETDURATION in seconds of an existing playlist that the segments continue; 0:
        /// fixed by the first segment.
        uint64_t announced = 0;
        /// ns that a part should last; 0: no parts. Needs a writer that can write them.
        int64_t part_duration = 0;
        /// The target duration of parts (ns) in such a playlist; 0: fixed by the first part.
        int64_t part_target = 0;
        /// False: segments may be of any length, and end at keyframes only; the playlist is written
        /// when all of them are known.
        bool fixes_target = true;
        /// ns by which segments stay below the longest that the announced duration allows.
        int64_t margin = 0;
        /// Media arrive in real time. If false, tracks wait for one another within the bounds of
        /// bytes and samples only, and neither date nor skew is corrected.
        bool realtime = true;
        /// Returns ns since 1970. Without it segments have no date.
        std::function<int64_t()> wall_clock;
        /// Returns ns of a monotonic clock. If it goes back, it counts on from there.
        std::function<int64_t()> monotonic_clock;
    };
    struct Stats {
        uint64_t samples = 0; ///< accepted
        uint64_t dropped = 0; ///< invalid, late, before the first keyframe, or above a bound
        uint64_t discontinuities = 0;
        size_t kept_bytes = 0, kept_samples = 0;
    };

    Segmenter(Options options, std::unique_ptr<SegmentWriter> writer);

    /// The track exists; its format may follow.
    void declare(Kind kind);
    /// Sets the track's format from now on; a different one begins a new segment with a
    /// discontinuity.
    void set_format(FormatPtr format);
    /// The track no longer exists.
    void remove(Kind kind);

    void add(Kind kind, Sample sample);
    /// Nothing follows on this track before `time` (ns).
    void gap(Kind kind, int64_t time);
    /// The next sample does not continue the track's timeline.
    void discontinuity(Kind kind);
    /// The track has ended; a later sample reactivates it.
    void end(Kind kind);
    /// Goes into the segment or part of its time; late, into the next.
    /// Returns how many are dropped.
    size_t add_metadata(Metadata metadata) {
        const size_t dropped = metadata_.add(std::move(metadata), options_.realtime);
        drop(dropped);
        return dropped;
    }
    /// Discards unfinished data, as after a seek.
    void flush();
    /// Finishes the current segment with the data so far. Later data follow with a discontinuity.
    void finish();

    /// Whether take() or take_warnings() would return anything.
    bool has_output() const { return !finished_.empty() || !warnings_.empty(); }
    /// Takes the oldest finished segment or piece; returns false if there is none.
    bool take(Segment &segment);
    /// Returns and clears the readable warnings since the last call.
    std::vector<std::string> take_warnings() { return std::exchange(warnings_, {}); }
    const Stats &stats() const { return stats_; }
    void set_realtime(bool realtime) { options_.realtime = realtime; }
    /// The next keyframe begins a segment with a discontinuity.
    void cut_soon() { force_cut_ = running() && video_driven_; }
    /// A segment begins at the first keyframe at or after `time`, or audio frame without video. No
    /// effect for times before the current segment.
    void split(int64_t time);
    /// ns since 1970 of a time of the tracks; empty before the first segment, and without a clock.
    std::optional<int64_t> date(int64_t time) const {
        return date_anchor_ ? std::optional(time + *date_anchor_) : std::nullopt;
    }
    /// ns that are added to timestamps of audio.
    int64_t audio_shift() const { return audio_shift_; }

private:
    struct Entry {
        Sample sample;
        FormatPtr format;
        int64_t arrival = 0;     ///< wall clock minus pts
        bool begins_cut = false; ///< video: the first frame of a segment
        bool after_gap = false;  ///< audio: follows a gap, may belong to the next run
    };
    struct Track {
        bool declared = false;
        bool ended = false;
        bool stalled = false; ///< segments do not wait for it until it sends again
        bool in_program = false;
        FormatPtr configured; ///< from set_format()
        FormatPtr format;     ///< from the samples
        FormatPtr accepted;   ///< format of the last sample accepted in this run
        std::deque<Entry> queue;
        std::optional<int64_t> last_pts, last_dts;
        std::optional<int64_t> latest;   ///< largest pts
        std::optional<int64_t> position; ///< end of its media
        std::optional<int64_t> reached;  ///< largest time passed to moved()
        int64_t silence = 0;             ///< ns by which the other track has advanced without it
        int64_t arrived = 0;             ///< monotonic time of its last sample; ns
        bool present() const { return format != nullptr; }
    };
    /// The oldest segment, as far as its parts are written. Times are the tracks'.
    struct Open {
        int64_t begin = 0;      ///< of its next part
        bool has_begun = false; ///< frames have been taken for it
        std::array<FormatPtr, 2> formats;
        Segment piece; ///< what its pieces have in common
        size_t parts = 0;
    };
    struct Cut {
        int64_t pts;
        bool discontinuity;
        bool fresh;    ///< begins a run: earlier audio is dropped
        bool at_video; ///< begins with a video frame, else by time
        bool keyframe; ///< that frame is a keyframe
    };

    Track &track(Kind kind) { return tracks_[static_cast<size_t>(kind)]; }
    bool running() const { return !cuts_.empty(); }
    void warn(std::string text);
    void drop(size_t count = 1) { stats_.dropped += count; }
    int64_t now();
    int64_t target() const;
    int64_t limit() const;

    void add_video(Sample sample, FormatPtr format);
    bool begin_segment(const Sample &sample, const FormatPtr &format);
    bool must_cut_before(const Sample &sample) const;
    bool is_split(int64_t pts);
    bool jumps(const Track &t, const Track &other, int64_t from, int64_t to);
    void moved(Kind kind, int64_t time);
    bool silent(Kind kind);

    void add_audio(Sample sample, FormatPtr format);
    bool align_audio(Sample &sample);
    void align_queued_audio(int64_t pts);
    bool order_audio(const Sample &sample);
    void queue_audio(Entry entry);
    void cut_in_pause();
    void start_audio_only();
    void leave_video();
    void start(int64_t pts, bool at_video);
    void cut(int64_t pts, bool at_video, bool keyframe, bool discontinuity);
    void push(Track &track, Entry entry);
    void forget(Entry &entry);
    void clear_queue(Track &track);
    void reset_tracks();
    bool cut_at_newest_keyframe();
    void enforce_bounds();

    void finish_ready();
    bool holds_up(Kind kind, int64_t pts);
    void divide(int64_t end);
    void emit(int64_t end, bool last);
    int64_t date_of(int64_t pts, int64_t arrival);
    bool may_step_back();
    bool changes_program(const std::array<TrackSamples, 2> &inputs);
    static int64_t end_of(const std::vector<Sample> &samples);
    static void describe(Segment &segment, const std::array<TrackSamples, 2> &inputs);
    std::vector<Entry> collect_video();
    std::vector<Entry> collect_audio(int64_t end, bool last);
    void finish_run();
    void pass_on_discontinuity(bool discontinuity);

    // Parts: segmenter_parts.cpp.
    struct Boundary {
        int64_t time; ///< of the frame before which a part ends
        size_t video; ///< video frames before it
    };
    using Entries = std::vector<Entry>;
    void open_segment();
    int64_t part_time(const Sample &sample) const;
    bool ends_part(int64_t length, int64_t step, size_t frames);
    std::optional<Boundary> video_boundary();
    std::optional<Boundary> audio_boundary();
    bool waits_for_format() const;
    void finish_parts();
    void emit_part(const Boundary &at);
    void emit_parts(int64_t end, bool last);
    void write_rest(int64_t end, bool last, Entries video, Entries audio);
    void end_pieces();
    void make_room(int64_t duration);
    bool write_part(Entries video, Entries audio, int64_t duration, int64_t next);
    void begin_piece(const std::array<TrackSamples, 2> &inputs);

    Options options_;
    Stats stats_;
    const std::unique_ptr<SegmentWriter> writer_;
    std::array<Track, 2> tracks_;
    MetadataQueue metadata_;
    std::vector<int64_t> splits_; ///< times at which segments should begin
    std::deque<Cut> cuts_;        ///< starts of the unfinished segments; empty: none
    bool video_driven_ = false;
    bool need_keyframe_ = true;
    bool force_cut_ = false;  ///< the next keyframe begins a segment with a discontinuity
    unsigned late_keys_ = 0;  ///< in a row, until 2: then it is told
    bool paused_ = false;     ///< video is silent, and segments are cut by the audio's time
    int64_t audio_floor_ = 0; ///< audio alone begins no segment before this time
    int64_t audio_shift_ = 0; ///< added to audio timestamps; ns
    /// Pts of the first in a series of audio samples with too much skew.
    std::optional<int64_t> skewed_since_;
    uint64_t broken_ = 0;
    int64_t clock_ = 0;     ///< the monotonic clock's last time
    int64_t clock_set_ = 0; ///< by how much it was put back
    bool next_discontinuity_ = false;
    bool emitted_ = false;
    Bytes init_;                         ///< of the last segment
    uint64_t announced_;                 ///< seconds; 0 before the first segment
    int64_t part_target_;                ///< ns; 0 before the first part
    std::optional<Open> open_;           ///< with parts
    std::optional<int64_t> video_shift_; ///< from decoding to display times of parts; ns
    int64_t behind_ = 0; ///< ns by which the parts so far end before the last segment's end
    std::optional<int64_t> offset_;      ///< ns from the producer's timeline to the stream's
    int64_t stream_end_ = 0;             ///< ns on the stream's timeline
    std::optional<int64_t> date_anchor_; ///< wall clock minus pts, ns
    std::optional<int64_t> clock_shift_; ///< wall clock minus monotonic one, ns
    unsigned free_dates_ = 0;            ///< segments whose dates may step back
    struct Dated {
        int64_t pts = 0, date = 0; ///< ns
    };
    std::optional<Dated> dated_; ///< the segment before
    std::deque<Segment> finished_;
    std::vector<std::string> warnings_;
};

} // namespace penstock::hls

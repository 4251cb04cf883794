// SPDX-License-Identifier: LGPL-2.1-or-later
// Cuts a video and an audio track into HLS segments. No GStreamer, no I/O, no clock of its own.
#pragma once

#include "core/hls/segment_writer.h"

#include <deque>
#include <functional>
#include <memory>

namespace penstock::hls {

/// A finished segment.
struct Segment {
    Bytes data;
    int64_t duration = 0;          ///< nanoseconds, to the first timestamp of the next segment
    bool discontinuity = false;    ///< it does not continue the one before
    bool independent = true;       ///< its video begins with a keyframe, or it has none
    int64_t program_date_time = 0; ///< ms since 1970 at its first frame
    /// Seconds: EXT-X-TARGETDURATION of a playlist that begins with this segment. The same for all
    /// segments of a Segmenter, and none of their durations is rounded to more.
    uint64_t target_duration = 0;
    std::string codecs; ///< RFC 6381, comma-separated; empty if unknown
    unsigned width = 0, height = 0;
    bool has_video = false, has_audio = false;
};

/// Interleaves two tracks by decoding time; neither waits for the other to be taken in. A segment
/// begins at a video keyframe once the running one has its target duration; without video, at any
/// audio frame. It is finished when the other track has come as far, or is silent.
///
/// The first finished segment fixes the target duration that playlists announce. From then on no
/// segment is longer: one whose keyframe is late ends at another frame, one whose video pauses ends
/// by the audio's time, and a hole in all media is shortened.
///
/// Not thread-safe.
class Segmenter {
public:
    struct Options {
        /// Nanoseconds; at most `announced`, if that is set.
        int64_t target_duration = 2'000'000'000;
        /// A keyframe that comes earlier by this much (nanoseconds) still ends a segment, because
        /// timestamps in milliseconds are not exact.
        int64_t tolerance = 10'000'000;
        /// Nanoseconds after which a track that sends nothing, while the other goes on, is not
        /// waited for.
        int64_t max_lag = 1'000'000'000;
        /// Nanoseconds that the timestamps of audio and video may be apart when they arrive. Audio
        /// that is further away is moved to where video is.
        int64_t max_skew = 10'000'000'000;
        /// How long (nanoseconds) audio waits for a video track that may come, one that is
        /// declared, and one that sends but has had no keyframe yet.
        int64_t wait_undeclared = 1'000'000'000;
        int64_t wait_declared = 3'000'000'000;
        int64_t wait_keyframe = 10'000'000'000;
        /// Bounds of what is kept unfinished.
        size_t max_bytes = 64 << 20;
        size_t max_samples = 20'000;
        /// EXT-X-TARGETDURATION (seconds) of a playlist that viewers have already and that the
        /// segments continue; 0: the first segment decides.
        uint64_t announced = 0;
        /// Media comes at the pace of the clock. If not, tracks wait for one another within the
        /// bounds of bytes and samples alone, and neither date nor skew is corrected.
        bool realtime = true;
        /// Nanoseconds since 1970.
        std::function<int64_t()> wall_clock;
        /// Nanoseconds that pass evenly, from any beginning.
        std::function<int64_t()> monotonic_clock;
    };
    struct Stats {
        uint64_t samples = 0; ///< taken in
        uint64_t dropped = 0; ///< broken, late, before the first keyframe, or over a bound
        uint64_t discontinuities = 0;
        size_t kept_bytes = 0, kept_samples = 0;
    };

    Segmenter(Options options, std::unique_ptr<SegmentWriter> writer);

    /// The track exists, though its format may come later.
    void declare(Kind kind);
    /// The track's format from now on; another one begins a new segment with a discontinuity.
    void set_format(FormatPtr format);
    /// The track is gone.
    void remove(Kind kind);

    void add(Kind kind, Sample sample);
    /// Nothing comes on this track before `time`.
    void gap(Kind kind, int64_t time);
    /// The next sample does not continue the track.
    void discontinuity(Kind kind);
    /// The track ends; a later sample revives it.
    void end(Kind kind);
    /// Forgets what is unfinished, as after a seek.
    void flush();
    /// Ends the running segment with what is there. More may follow, with a discontinuity.
    void finish();

    /// Takes the oldest finished segment; false if there is none.
    bool take(Segment &segment);
    /// What went wrong since the last call, for people; empty if nothing.
    std::vector<std::string> take_warnings() { return std::exchange(warnings_, {}); }
    const Stats &stats() const { return stats_; }
    void set_realtime(bool realtime) { options_.realtime = realtime; }

private:
    struct Entry {
        Sample sample;
        FormatPtr format;
        int64_t arrival = 0;     ///< wall clock minus pts
        bool begins_cut = false; ///< video: the first frame of a segment
        bool after_gap = false;  ///< audio: came after a hole, may belong to the next run
    };
    struct Track {
        bool declared = false;
        bool ended = false;
        bool stalled = false; ///< segments don't wait for it until it sends again
        bool in_program = false;
        FormatPtr configured; ///< as set_format() said
        FormatPtr format;     ///< as the samples say
        FormatPtr accepted;   ///< of the last sample that came into this run
        std::deque<Entry> queue;
        std::optional<int64_t> last_pts, last_dts;
        std::optional<int64_t> latest;   ///< the largest pts
        std::optional<int64_t> position; ///< where its media ends
        std::optional<int64_t> reached;  ///< the largest time that moved() was told of
        int64_t silence = 0;             ///< how far the other has gone on without it
        int64_t arrived = 0;             ///< monotonic time of its last sample
        bool present() const { return format != nullptr; }
    };
    struct Cut {
        int64_t pts;
        bool discontinuity;
        bool fresh;    ///< begins a run: earlier audio is dropped
        bool at_video; ///< begins with a video frame, else by time
        bool keyframe; ///< and that frame is a keyframe
    };

    Track &track(Kind kind) { return tracks_[static_cast<size_t>(kind)]; }
    bool running() const { return !cuts_.empty(); }
    void warn(std::string text);
    void drop(size_t count = 1) { stats_.dropped += count; }
    int64_t now() const { return options_.monotonic_clock ? options_.monotonic_clock() : 0; }
    int64_t target() const;
    int64_t limit() const;

    void add_video(Sample sample, FormatPtr format);
    bool begin_segment(const Sample &sample, const FormatPtr &format);
    bool must_cut_before(const Sample &sample) const;
    bool jumps(const Track &t, const Track &other, int64_t from, int64_t to) const;
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
    void enforce_bounds();

    void finish_ready();
    bool holds_up(Kind kind, int64_t pts);
    void divide(int64_t end);
    void emit(int64_t end, bool last);
    std::vector<Entry> collect_video();
    std::vector<Entry> collect_audio(int64_t end, bool last);
    void finish_run();

    Options options_;
    Stats stats_;
    const std::unique_ptr<SegmentWriter> writer_;
    std::array<Track, 2> tracks_;
    std::deque<Cut> cuts_; ///< where the unfinished segments begin; empty: none has begun
    bool video_driven_ = false;
    bool need_keyframe_ = true;
    bool force_cut_ = false;  ///< the next keyframe begins a segment with a discontinuity
    bool paused_ = false;     ///< video sends nothing, and segments are cut by the audio's time
    int64_t audio_floor_ = 0; ///< audio alone begins no segment before it
    int64_t audio_shift_ = 0; ///< added to the timestamps of audio
    std::optional<int64_t> skewed_since_; ///< pts of the first audio in a row that is too far away
    uint64_t broken_ = 0;
    bool next_discontinuity_ = false;
    bool emitted_ = false;
    uint64_t announced_;                 ///< seconds; 0 before the first segment
    std::optional<int64_t> offset_;      ///< from the producer's timeline to the stream's
    int64_t stream_end_ = 0;             ///< on the stream's timeline
    std::optional<int64_t> date_anchor_; ///< wall clock minus pts, ns
    std::deque<Segment> finished_;
    std::vector<std::string> warnings_;
};

} // namespace penstock::hls

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
    int64_t duration = 0;          ///< nanoseconds, to the next segment's first timestamp
    bool discontinuity = false;    ///< it does not continue the one before
    int64_t program_date_time = 0; ///< ms since 1970 at its first picture (or sample)
    std::string codecs;            ///< RFC 6381, comma-separated; empty if unknown
    unsigned width = 0, height = 0;
    bool has_video = false, has_audio = false;
};

/// Tracks never wait for one another: samples are kept and interleaved by decoding time. A segment
/// begins at a video keyframe once the running one has its target duration (without video: at any
/// audio frame). It is finished when the other track has come as far, or lags too much. Not
/// thread-safe.
class Segmenter {
public:
    struct Options {
        int64_t target_duration = 2'000'000'000;
        /// A keyframe that early still ends a segment: timestamps in milliseconds are not exact.
        int64_t tolerance = 10'000'000;
        /// How long a finished segment waits for the other track.
        int64_t max_lag = 1'000'000'000;
        /// How long audio waits for a video track that may come, one that is declared, and one
        /// that sends but has had no keyframe yet.
        int64_t wait_undeclared = 1'000'000'000;
        int64_t wait_declared = 3'000'000'000;
        int64_t wait_keyframe = 10'000'000'000;
        /// Bounds of what is kept unfinished.
        size_t max_bytes = 64 << 20;
        size_t max_samples = 20'000;
        /// Media comes at the pace of the wall clock. If not, the waits above are bounded by
        /// bytes and samples alone, and the date is not corrected.
        bool realtime = true;
        /// Nanoseconds since 1970.
        std::function<int64_t()> wall_clock;
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
        int64_t arrival; ///< wall clock minus pts
        bool begins_cut; ///< video: the keyframe a segment begins with
        bool after_gap;  ///< audio: came after a hole, may belong to the next run
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
        std::optional<int64_t> last_pts, last_dts, position;
        bool present() const { return format != nullptr; }
    };
    struct Cut {
        int64_t pts;
        bool discontinuity;
        bool fresh;    ///< begins a run: earlier audio is dropped
        bool at_video; ///< begins with a keyframe
    };

    Track &track(Kind kind) { return tracks_[static_cast<size_t>(kind)]; }
    bool running() const { return !cuts_.empty(); }
    void warn(std::string text);
    void drop(size_t count = 1) { stats_.dropped += count; }

    void add_video(Sample sample, FormatPtr format);
    void add_audio(Sample sample, FormatPtr format);
    bool order_audio(const Sample &sample);
    void queue_audio(Entry entry);
    void start_audio_only();
    void leave_video();
    void start(int64_t pts, bool at_video);
    void cut(int64_t pts, bool at_video, bool discontinuity);
    void push(Track &track, Entry entry);
    void clear_queue(Track &track);
    void enforce_bounds();

    void finish_ready();
    bool holds_up(Kind kind, int64_t pts);
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
    int64_t audio_floor_ = 0; ///< audio alone begins no segment before it
    uint64_t broken_ = 0;
    bool next_discontinuity_ = false;
    bool emitted_ = false;
    int64_t audio_alone_ = 0;            ///< how much sound came since the last picture
    std::optional<int64_t> offset_;      ///< from the producer's timeline to the stream's
    int64_t stream_end_ = 0;             ///< on the stream's timeline
    std::optional<int64_t> date_anchor_; ///< wall clock minus pts, ns
    std::deque<Segment> finished_;
    std::vector<std::string> warnings_;
};

} // namespace penstock::hls

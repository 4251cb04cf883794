// SPDX-License-Identifier: LGPL-2.1-or-later
// One of several renditions of a presentation: its segments begin and end where those of the
// reference do. rendition_audio.cpp has the parts of audio by itself.
#pragma once

#include "core/hls/segmenter.h"

#include <deque>
#include <memory>

namespace penstock::hls {

/// Cuts a video track, an audio track or both into the segments and parts of a reference, whose
/// decisions come by follow(). A video frame belongs to the piece in which it is decoded, by
/// times that are moved to where its segment's display begins; so frames that are reordered in one
/// rendition only don't matter. An audio frame belongs to the segment in which it begins.
///
/// A piece waits until its tracks have come to its end, for as long as they send anything. Where
/// nothing came it is a gap. The first segment is one that begins with a keyframe; those before
/// it are not in this rendition. Not thread-safe.
class Rendition {
public:
    struct Options {
        std::array<bool, 2> tracks{true, false}; ///< by Kind
        bool has_parts = false;
        int64_t part_target =
            0;                ///< ns, of audio by itself in a playlist that goes on; 0: not fixed
        bool realtime = true; ///< false: pieces wait for tracks within `max_behind`
        /// ns of real time after which a track that sends nothing is not waited for; the second
        /// until its first sample.
        int64_t patience = 1'500'000'000;
        int64_t first_patience = 10'000'000'000;
        /// ns by which pieces may be behind the reference's while they wait.
        int64_t max_behind = 30'000'000'000;
        size_t max_bytes = 64 << 20;
        size_t max_samples = 20'000;
        std::function<int64_t()> monotonic_clock; ///< ns
    };
    Rendition(Options options, std::unique_ptr<SegmentWriter> writer);

    void set_format(FormatPtr format);
    void set_about(About about);
    /// Errors: an invalid sample, or one before the format; it is dropped.
    Result add(Kind kind, Sample sample);
    /// Returns how many are dropped.
    size_t add_metadata(Metadata metadata) {
        const size_t dropped = metadata_.add(std::move(metadata), options_.realtime);
        dropped_ += dropped;
        return dropped;
    }
    /// Nothing follows on this track before `time` (ns).
    void gap(Kind kind, int64_t time);
    /// The track has ended; a later sample reactivates it.
    void end(Kind kind);
    /// Discards unfinished data, as after a seek.
    void flush();
    /// The next pieces, as far as they have come, wait for nothing.
    void finish();
    void set_realtime(bool realtime) { options_.realtime = realtime; }

    /// The reference's next segment or piece. With parts: a piece with at most one of them.
    void follow(const Segment &reference);
    /// Finishes what does not have to wait any longer.
    void advance();
    bool take(Segment &segment);

    bool has_format(Kind kind) const { return track(kind).format != nullptr; }
    const FormatPtr &format(Kind kind) const { return track(kind).format; }
    std::optional<int64_t> position(Kind kind) const { return track(kind).position; }
    /// Whether its first segment has begun.
    bool has_begun() const { return has_begun_; }
    /// Whether a track's format changed inside a segment. Resets it.
    bool wants_cut() { return std::exchange(wants_cut_, false); }
    uint64_t dropped() const { return dropped_; }
    size_t kept_bytes() const { return kept_bytes_; }
    size_t kept_samples() const { return tracks_[0].queue.size() + tracks_[1].queue.size(); }
    /// The queued samples, for a reference that is to begin with them.
    template <class Use>
    void for_each_queued(Kind kind, Use use) const {
        for (const Entry &entry : track(kind).queue)
            use(entry.sample);
    }

private:
    struct Entry {
        Sample sample;
        FormatPtr format;
        unsigned run = 0; ///< counts the track's timelines
    };
    using Entries = std::vector<Entry>;
    struct Track {
        FormatPtr configured, format;
        std::deque<Entry> queue;
        std::optional<int64_t> last;     ///< time of the last sample
        std::optional<int64_t> position; ///< end of its media
        std::optional<int64_t> shift;    ///< video: from decoding times to those of pieces
        unsigned run = 0, next_run = 0;  ///< of what is written, and of the last sample
        bool switching = false;          ///< the reference is on a new timeline already
        bool ended = false, needs_keyframe = true;
        int64_t arrived = 0; ///< monotonic time of the last sample; ns
        bool has_sent = false;
    };
    struct Reference {
        Segment piece;
        bool jumps = false; ///< begins a new timeline
    };
    /// The segment that is not finished.
    struct Open {
        std::array<FormatPtr, 2> formats;
        int64_t duration = 0; ///< of its pieces so far
        bool has_pieces = false, has_media = false, independent = true;
        size_t frames = 0;
        std::optional<int64_t> begin; ///< of audio's first frame
    };

    Track &track(Kind kind) { return tracks_[static_cast<size_t>(kind)]; }
    const Track &track(Kind kind) const { return tracks_[static_cast<size_t>(kind)]; }
    bool has(Kind kind) const { return options_.tracks[static_cast<size_t>(kind)]; }
    Kind main() const { return has(Kind::video) ? Kind::video : Kind::audio; }
    int64_t now() const { return options_.monotonic_clock ? options_.monotonic_clock() : 0; }
    void drop(Track &track, size_t count);
    void enforce_bounds(Track &track);

    bool is_silent(const Track &track) const;
    void switch_run(Kind kind, const Reference &reference);
    bool may_begin(const Reference &reference, bool &wait);
    int64_t time_of(Kind kind, const Sample &sample) const;
    bool is_begin(Kind kind, const Sample &sample, int64_t time) const;
    std::optional<size_t> boundary(Kind kind, const Place &place, bool complete) const;
    bool waits_for(Kind kind, const Segment &reference) const;
    Entries collect(Kind kind, const Segment &reference);
    void write(const Segment &reference);
    void write_audio(const Segment &reference);

    Segment begin_piece(const Segment &reference) const;
    Bytes write_media(Segment &piece, std::array<Entries, 2> entries, const Segment &reference,
                      int64_t next, int64_t begin);
    void finish_piece(Segment piece);
    void measure_frame_rate(const Segment &reference);

    // Audio by itself: rendition_audio.cpp.
    void fix_part_target(const Segment &reference);
    int64_t end_of_audio(size_t count) const;
    void write_audio_segment(const Segment &reference);
    void write_audio_parts(const Segment &reference);
    void write_audio_part(const Segment &reference, size_t frames, int64_t end);

    Options options_;
    const std::unique_ptr<SegmentWriter> writer_;
    std::array<Track, 2> tracks_;
    MetadataQueue metadata_;
    std::deque<Reference> references_;
    std::optional<int64_t> reference_end_;
    Open open_;
    std::shared_ptr<const About> about_;
    bool knows_frame_rate_ = false;
    bool has_begun_ = false, is_final_ = false, wants_cut_ = false;
    unsigned skipped_ = 0; ///< segments that might have been the first
    uint64_t dropped_ = 0;
    size_t kept_bytes_ = 0;
    int64_t part_target_ = 0; ///< of audio by itself; ns
    int64_t at_ = 0;          ///< audio by itself: where its next part begins
    std::deque<Segment> finished_;
};

/// "SDR", "HLG" or "PQ" by a video format's own description of its colours (ITU-T H.273).
std::string_view video_range_of(const Format &format);

} // namespace penstock::hls

// SPDX-License-Identifier: LGPL-2.1-or-later
// A rendition of subtitles: WebVTT segments and parts that begin and end where those of the
// reference do.
#pragma once

#include "core/hls/segmenter.h"
#include "core/webvtt/cue.h"

#include <deque>

namespace penstock::hls {

inline constexpr Container webvtt_container{".vtt", "text/vtt", 6};

/// A cue is in each segment and part that it overlaps (RFC 8216, 3.5), with its own times; one that
/// comes later than that is in the next. Where nothing is said, a segment has no cue. Nothing waits
/// for text that may not come: only a track that sends is waited for, and not for long. Not
/// thread-safe.
class Subtitles {
public:
    struct Options {
        bool has_parts = false;
        bool realtime = true;
        /// ns of real time that a segment waits for a track that has sent something and has not
        /// come to its end.
        int64_t patience = 200'000'000;
        /// ns by which pieces may be behind the reference's while they wait, if not in real time.
        int64_t max_behind = 30'000'000'000;
        /// In real time. A file's cues may all come before its media, and only memory bounds them.
        size_t max_cues = 1000, max_bytes = 1 << 20, max_file_bytes = 64 << 20;
        std::function<int64_t()> monotonic_clock; ///< ns
    };
    explicit Subtitles(Options options) : options_(std::move(options)) {}

    void set_about(About about);
    /// Times are those of the tracks. False: it says nothing, or is never shown.
    bool add(webvtt::Cue cue);
    /// Nothing follows before `time` (ns).
    void gap(int64_t time);
    /// The track has ended; a later cue reactivates it.
    void end() { has_ended_ = true; }
    void flush();
    /// The next pieces, as far as they have come, wait for nothing.
    void finish();
    void set_realtime(bool realtime) { options_.realtime = realtime; }

    /// The reference's next segment or piece.
    void follow(const Segment &reference);
    void advance();
    bool take(Segment &segment);

    size_t kept_bytes() const { return bytes_; }
    size_t kept_cues() const { return cues_.size(); }
    uint64_t dropped() const { return dropped_; } ///< cues above a bound that were in no segment

private:
    struct Kept {
        webvtt::Cue cue;
        bool is_written = false;
    };
    struct Reference {
        Segment piece;
        int64_t since = 0; ///< monotonic, ns: when it came
    };
    int64_t now() const { return options_.monotonic_clock ? options_.monotonic_clock() : 0; }
    bool waits_for(const Reference &reference) const;
    void write(const Segment &reference);
    Bytes text_of(const Place &place, int64_t begin, bool is_whole);
    void forget(int64_t end);
    bool is_full() const;
    void drop_front();

    Options options_;
    std::deque<Kept> cues_; ///< by their beginnings
    size_t bytes_ = 0;
    uint64_t dropped_ = 0;
    std::deque<Reference> references_;
    std::deque<Segment> finished_;
    std::shared_ptr<const About> about_ = std::make_shared<const About>();
    std::optional<int64_t> position_; ///< nothing follows before it; ns
    std::optional<int64_t> reference_end_;
    std::vector<webvtt::Cue> late_; ///< of the open segment: cues of earlier times
    int64_t duration_ = 0;          ///< of the open segment's pieces so far; ns
    bool has_begun_ = false, has_ended_ = false, is_final_ = false;
};

} // namespace penstock::hls

// SPDX-License-Identifier: LGPL-2.1-or-later
// The tracks of an HLS stream and the renditions that are made of them. Depends neither on
// GStreamer nor on I/O.
#pragma once

#include "core/hls/rendition.h"
#include "core/hls/subtitles.h"

#include <memory>

namespace penstock::hls {

/// How tracks become renditions.
enum class Layout : uint8_t {
    single,   ///< one video and one audio track in the same segments; one media playlist
    muxed,    ///< each video track with the first audio track
    separate, ///< each track by itself
};

/// All renditions have the same segments: their numbers, where they begin and end, dates,
/// discontinuities and, of video, parts. A Segmenter decides that by a reference: the first video
/// track and the first audio track that there are. Where another goes on for half a second after
/// the reference's end, or for three without it, that becomes the reference.
///
/// A track without a format after one second of the others' media, and of time if they are live, is
/// not waited for; if it comes later, its rendition begins with the next segment. One that ends, or
/// sends nothing, has gaps while the others go on. A new codec or configuration of any track begins
/// a segment with a discontinuity in all renditions, at the reference's next keyframe. Not
/// thread-safe.
class Presentation {
public:
    struct Options {
        Segmenter::Options segmenter;
        Layout layout = Layout::single;
        std::function<std::unique_ptr<SegmentWriter>()> make_writer;
        /// The part target (ns) of a rendition in a playlist that goes on; 0: not fixed. May be
        /// null.
        std::function<int64_t(const std::string &name)> part_target;
    };
    /// A rendition, and whether viewers should wait for it to begin.
    struct Expected {
        std::string name;
        bool is_awaited = true;
        bool is_text = false; ///< subtitles: its segments are WebVTT
        bool operator==(const Expected &) const = default;
    };

    explicit Presentation(Options options);

    /// The track exists; its format may follow. Returns its id; nullopt if the layout has no place
    /// for it. A name that was removed returns with its rendition.
    std::optional<size_t> declare(Kind kind, std::string name);
    void set_format(size_t track, FormatPtr format);
    /// `about.name` is ignored.
    void set_about(size_t track, About about);
    void remove(size_t track);

    /// The same for subtitles, whose ids are their own; Layout::single has no place for them.
    std::optional<size_t> declare_text(const std::string &name);
    void set_text_about(size_t text, About about);
    void add_text(size_t text, webvtt::Cue cue);
    void gap_text(size_t text, int64_t time);
    void end_text(size_t text);
    void remove_text(size_t text);

    void add(size_t track, Sample sample);
    /// Nothing follows on this track before `time` (ns).
    void gap(size_t track, int64_t time);
    /// The track has ended; a later sample reactivates it.
    void end(size_t track);
    /// Into the renditions with video, or all without one.
    void add_metadata(const Metadata &metadata);
    /// As Segmenter's, of the reference.
    void split(int64_t time) { segmenter_->split(time); }
    std::optional<int64_t> date(int64_t time) const { return segmenter_->date(time); }
    /// Discards unfinished data, as after a seek.
    void flush();
    /// Finishes the current segments with the data so far.
    void finish();

    bool has_output() const;
    /// Takes the oldest finished segment or piece of any rendition.
    bool take(Segment &segment);
    std::vector<std::string> take_warnings();
    Segmenter::Stats stats() const;
    void set_realtime(bool realtime);
    /// By Segment::rendition. Empty: Layout::single.
    const std::vector<Expected> &expected() const { return expected_; }

private:
    struct Track {
        Kind kind = Kind::video;
        std::string name;
        std::optional<size_t> rendition; ///< its own; absent: audio that is muxed
        FormatPtr format;
        bool is_removed = false, has_ended = false;
        uint64_t broken = 0;
    };
    struct Text {
        std::string name;
        size_t slot = 0;
        bool is_removed = false, has_ended = false;
    };
    struct Slot {
        std::unique_ptr<Rendition> rendition; ///< null: subtitles
        std::unique_ptr<Subtitles> text;
        std::optional<int64_t> since; ///< the reference's time when it was first missed
        int64_t since_at = 0;         ///< monotonic, ns: when that was
    };

    bool is_single() const { return layout_ == Layout::single; }
    std::optional<size_t> &reference(Kind kind) { return reference_[static_cast<size_t>(kind)]; }
    size_t add_rendition(Kind kind, const std::string &name);
    template <class Use>
    void for_renditions_of(size_t track, Use use);
    void elect(Kind kind);
    void refer_to(size_t track);
    void compare_with_reference(size_t track);
    void succeed(size_t track);
    void pump();
    Subtitles &subtitles(size_t text) { return *slots_[texts_[text].slot].text; }
    void take_from(Slot &slot, unsigned number);
    void update_expected();
    int64_t now() const;

    const Layout layout_;
    Options options_;
    std::unique_ptr<Segmenter> segmenter_; ///< of the only rendition, or of the reference
    std::vector<Track> tracks_;
    std::vector<Text> texts_;
    std::vector<Slot> slots_;
    std::vector<Expected> expected_;
    std::array<std::optional<size_t>, 2> reference_; ///< tracks, by Kind
    std::optional<int64_t> media_;                   ///< where the reference's segments end
    uint64_t number_ = 0;                            ///< of the reference's segment
    bool has_segment_ = false;
    std::deque<Segment> finished_;
    std::vector<std::string> warnings_;
    uint64_t samples_ = 0, undeclared_ = 0;
    bool has_lost_metadata_ = false; ///< and has told it
};

} // namespace penstock::hls

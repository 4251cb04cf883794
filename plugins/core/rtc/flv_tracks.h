// SPDX-License-Identifier: LGPL-2.1-or-later
// Decides which FLV track each track of a publisher becomes.
#pragma once

#include "core/rtc/received_track.h"

#include <cstdint>
#include <optional>
#include <vector>

namespace penstock::rtc {

/// FLV's default video track, 0, is what most players show, and it never becomes another layer. So
/// where there are several layers, the first frames are held until each layer has sent a keyframe,
/// but for `wait` at most: browsers begin with low layers, and add higher ones when they know what
/// the network carries. Then the layers that are there are ordered: those of an earlier section of
/// the description first, then by size in pixels, then by the bytes that came. A layer that comes
/// later gets the next free id. Audio has the ids in the order of the description; it is held as
/// long as video is, so that neither is far ahead. A single video track is never held. Times are ns
/// of any steady clock. Not thread-safe.
class FlvTracks {
public:
    struct Limits {
        int64_t wait = 2'000'000'000; ///< ns
        size_t max_held = 8 << 20;    ///< bytes; beyond, the decision is made at once
    };
    struct Out {
        size_t track = 0;
        uint8_t id = 0; ///< FLV's
        TrackFrame frame;
    };

    explicit FlvTracks(const Limits &limits) : limits_(limits) {}

    /// Adds a track, whose index is the number of those before. `section`: that of the description.
    void add(bool is_video, size_t section);
    /// A frame of a track with so many pixels; 0: not known, or audio.
    void push(size_t track, TrackFrame &&frame, uint64_t pixels, int64_t now);
    /// Appends what may be passed on, in the order in which it came.
    void pop(int64_t now, std::vector<Out> &out);
    /// When pop() has something although no frame came.
    std::optional<int64_t> deadline() const;
    /// Empty: not decided, or the layer has sent nothing.
    std::optional<uint8_t> id_of(size_t track) const { return tracks_[track].id; }

private:
    struct Track {
        bool is_video = false;
        size_t section = 0;
        bool has_begun = false;
        uint64_t pixels = 0, bytes = 0;
        std::optional<uint8_t> id;
    };
    struct Held {
        size_t track = 0;
        TrackFrame frame;
    };
    bool is_due(int64_t now) const;
    void decide();

    const Limits limits_;
    std::vector<Track> tracks_;
    bool decided_ = false; ///< about video
    uint8_t next_video_ = 0, next_audio_ = 0;
    std::optional<int64_t> first_; ///< ns; the first frame of video
    std::vector<Held> held_;
    size_t held_bytes_ = 0;
};

} // namespace penstock::rtc

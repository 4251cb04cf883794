// SPDX-License-Identifier: LGPL-2.1-or-later
// What roommixer draws itself: what is below the tiles, and the names on them. Text is laid out by
// Pango and is never read as markup.
#pragma once

#include "core/layout/stamp.h"
#include "gst/ptr.h"

#include <gst/video/video.h>

#include <string>
#include <vector>

namespace penstock::room {

/// A tile that has no video.
struct Card {
    layout::Rect at;
    std::string name;
};

/// What is written on a picture.
struct Label {
    std::string text;
    bool is_muted = false; ///< a crossed out microphone is in front of it
};

/// Everything in a frame that is no video.
struct Backdrop {
    std::vector<Card> cards;
    std::vector<layout::Rect> frames; ///< around the picture of who speaks
    std::string text;                 ///< in the middle; empty: none
};

/// "AB" for "Ann van Berg", "A" for "Ann", "?" without a letter or digit.
std::string initials_of(const std::string &name);

/// Draws for frames of one format. Not thread-safe.
class Drawing {
public:
    /// I420, with the matrix of its colorimetry.
    explicit Drawing(const GstVideoInfo &info);

    /// A whole frame.
    GstPtr<GstBuffer> backdrop(const Backdrop &what) const;
    /// In the lower left corner of a picture; nothing on pictures that are too small for it.
    layout::Stamp label(const Label &what, const layout::Rect &picture) const;

private:
    void draw_card(const layout::Frame &frame, const Card &card) const;

    GstVideoInfo info_;
    layout::Matrix matrix_;
};

} // namespace penstock::room

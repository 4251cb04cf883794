// SPDX-License-Identifier: LGPL-2.1-or-later
// An input's video, which is scaled to the size of its tile before it is laid into the frame, and
// its audio, whose level is measured.
#pragma once

#include "core/layout/tiles.h"
#include "room/track.h"

#include <functional>
#include <mutex>
#include <optional>

namespace penstock::room {

class VideoTrack : public Track {
public:
    /// `changed` is called, on any thread, when the video's shape is another; `colorimetry` is the
    /// output's.
    VideoTrack(GstBin *owner, GstElement *compositor, const char *colorimetry,
               std::function<void()> changed)
        : Track(owner, compositor), colorimetry_(colorimetry), changed_(std::move(changed)) {}

    /// Of upright frames, in square pixels; empty before the first one. Any thread.
    std::optional<layout::Size> shape() const;
    /// Puts the video there, from the next frame on. Any thread.
    void place(const layout::Rect &at);
    /// Leaves it out.
    void hide();

private:
    std::vector<GstElement *> make_tail(std::string &reason) override;
    void prepare(GstPad *mixer_pad) override;
    void decoded(GstPtr<GstBuffer> &frame) override;
    void take_caps(GstCaps *caps);

    const char *const colorimetry_;
    const std::function<void()> changed_;
    GstPtr<GstElement> filter_;
    GstPtr<GstPad> pad_;
    mutable std::mutex mutex_;
    std::optional<layout::Size> shape_;
    layout::Size scaled_;
};

class AudioTrack : public Track {
public:
    using Track::Track;

    /// dBFS, of what came within the last tenth of a second before `now` (steady_time()). Any
    /// thread.
    double level(guint64 now) const;

private:
    std::vector<GstElement *> make_tail(std::string &reason) override;
    void prepare(GstPad *) override {}
    void decoded(GstPtr<GstBuffer> &frame) override;

    std::atomic<double> level_ = 0;
};

/// What is mixed: 16 bit, interleaved.
extern const char *const mixed_audio;

} // namespace penstock::room

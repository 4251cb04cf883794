// SPDX-License-Identifier: LGPL-2.1-or-later
// The implementation of roommixer: inputs, compositor and audiomixer, and the layout of each frame.
// Lock order: lock_, an input's locks. Nothing is pushed, queried or posted under either.
#pragma once

#include "core/layout/loudest.h"
#include "core/layout/stamp.h"
#include "core/layout/tiles.h"
#include "gst/ptr.h"
#include "gst/stats.h"
#include "room/drawing.h"
#include "room/input.h"

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace penstock::room {

/// What to do when the last input has gone.
enum class OnEmpty { wait, eos };

struct MixerSettings {
    layout::Kind layout = layout::Kind::grid;
    unsigned width = 1280, height = 720, framerate = 30;
    guint64 latency = 200 * GST_MSECOND;
    unsigned max_tiles = 16;
    guint64 keyframe_interval = 0; ///< ns; 0: the encoder's own
    std::string empty_text = "There is nothing to see yet";
    OnEmpty on_empty = OnEmpty::wait;
};

/// compositor ! capsfilter ! tee, audiomixer ! capsfilter ! tee, and an Input for each pad. Where
/// everything stands is decided on the compositor's thread, between two frames.
class Mixer final : private InputOwner {
public:
    Mixer(GstBin *bin, GstPad *video, GstPad *audio);

    // Called on any thread.
    MixerSettings settings() const;
    void set_settings(const MixerSettings &settings);
    GstPad *request_pad(GstPadTemplate *templ, const char *name);
    void release_pad(GstPad *pad);
    GstPtr<GstStructure> stats() const;
    /// Whether an error is an input's own, and so no reason for the whole to end.
    bool take_error(GstMessage *message);
    /// Ends both outputs with the next frame.
    void end() { is_ending_ = true; }

    bool start(); ///< READY to PAUSED, before the children; false after posting an element error
    void play();  ///< PAUSED to PLAYING, before the children
    /// The children have got a clock.
    void note_clock();
    void stop(); ///< PAUSED to READY, after the children

private:
    using InputPtr = std::shared_ptr<Input>;
    using Inputs = std::vector<InputPtr>;
    /// What an input was, when the layout was last made.
    struct Known {
        InputPtr input;
        bool has_video = false;
        int64_t spoke = -1; ///< running time at which it became the speaker; -1: never
    };

    GstBin *bin() const override { return bin_; }
    GstElement *compositor() const override { return compositor_; }
    GstElement *audiomixer() const override { return audiomixer_; }
    const char *colorimetry() const override { return colorimetry_; }
    void note_change() override { is_changed_ = true; }
    std::optional<int64_t> running_now() const override;

    void set_mixers_clock(GstClock *clock);
    bool build();
    GstElement *add(const char *factory, const char *name);
    static GstPtr<GstPad> make_source(GstElement *mixer, const char *name);
    Inputs inputs() const;
    void remove(const InputPtr &input);
    static void on_unlinked(GstPad *pad, GstPad *peer, gpointer data);

    GstPadProbeReturn video_frame(GstPad *pad, GstPadProbeInfo *info);
    GstPadProbeReturn audio_frame(GstPadProbeInfo *info);
    int64_t behind(int64_t time) const;
    void warn_if_due(int64_t by);
    void ask_for_keyframe(GstPad *pad, int64_t time);
    bool look(int64_t now);
    void end_if_empty(int64_t now);
    std::vector<Known *> chosen();
    void lay_out(int64_t now);
    void draw_labels(GstBuffer *frame) const;
    void push_backdrop(const Backdrop &what, GstClockTime time);

    GstBin *const bin_;
    GstPad *const video_, *const audio_;
    // Made once, under build_lock_, and kept.
    std::mutex build_lock_;
    bool is_built_ = false;
    GstElement *compositor_ = nullptr, *audiomixer_ = nullptr, *format_ = nullptr,
               *audio_format_ = nullptr;
    GstPtr<GstPad> backdrop_, silence_; ///< linked to the mixers, and to nothing else

    mutable std::mutex lock_;
    MixerSettings settings_;
    Inputs inputs_;
    uint32_t next_id_ = 0;
    std::vector<layout::Rect> tiles_; ///< for stats

    std::atomic<bool> is_changed_ = true, is_ending_ = false, has_begun_playing_ = false;
    Counters counters_;
    std::atomic<guint64> late_ = 0, layouts_ = 0, sounds_ = 0; ///< sounds_: buffers of audio
    /// When it was too slow last, since when, and when that was told; steady_time(); 0: never.
    std::atomic<guint64> slow_at_ = 0, slow_since_ = 0, warned_ = 0;

    // While it runs, of the compositor's thread alone.
    MixerSettings used_;
    GstVideoInfo info_{};
    const char *colorimetry_ = "bt709";
    std::optional<Drawing> drawing_;
    layout::Loudest loudest_;
    std::optional<uint32_t> speaker_;
    std::vector<Known> known_;
    std::vector<layout::Loudest::Level> levels_; ///< kept from frame to frame
    std::vector<layout::Stamp> labels_, next_labels_;
    bool has_next_labels_ = false;
    bool has_had_inputs_ = false;
    std::optional<int64_t> asked_;       ///< for a keyframe; running time
    std::optional<int64_t> empty_since_; ///< running time
};

} // namespace penstock::room

// SPDX-License-Identifier: LGPL-2.1-or-later
// The implementation of copyorencode: builds a copying or an encoding chain for the stream's caps.
#pragma once

#include "gst/ptr.h"
#include "gst/stats.h"
#include "transcode/codecs.h"
#include "transcode/decode_times.h"
#include "transcode/orientation.h"
#include "transcode/overlap.h"

#include <atomic>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace penstock::transcode {

enum class Mode { automatic, always, never };

/// sink ! parser ! src, or sink ! decodebin ! [videoflip !] convert ! encoder ! parser ! src.
/// A copy that needs no parser goes from pad to pad, past the children; only audio can be one.
///
/// Caps and the orientation tag decide. Since the tag follows the caps, the children of a coded
/// video stream are built when its first buffer comes, all others when caps come. The children
/// change in the streaming thread; nothing streams through them then.
class Converter {
public:
    Converter(GstBin *bin, GstPad *sink, GstPad *src);

    // The sink pad's thread.
    /// A stream of which neither caps nor orientation are known begins.
    void begin_stream();
    /// The stream's caps: builds the children, or leaves that to decide(). False after an element
    /// error was posted.
    bool take_caps(const GstCaps *caps);
    /// A TAG event, which may change the orientation. Returns the event for downstream.
    GstPtr<GstEvent> take_tags(GstPtr<GstEvent> event);
    /// Builds what take_caps() and take_tags() left open; before data or anything else that cannot
    /// be stored goes through. False after an element error was posted.
    bool decide();
    /// Pad to pad, without children. The events and queries of both pads go the same way.
    bool is_direct() const { return direct_; }
    /// What is pushed before and after the caps event, after take_caps() has chosen this way.
    void begin_direct();
    void continue_direct();
    GstPad *sink_pad() const { return sink_; }
    GstPad *src_pad() const { return src_; }
    /// The stream ended before caps came: sends EOS downstream, where a muxer may wait.
    void end_without_caps();

    void start();
    void begin_stop(); ///< before the children stop
    void stop();       ///< while nothing streams

    /// "copied", "encoded by x264enc"; empty before caps.
    std::string action() const;
    /// Why the stream is encoded: "the video is rotated by 90° clockwise"; empty if it is copied.
    std::string reason() const;
    GstPtr<GstStructure> stats() const;
    bool is_configured() const;

    Settings settings() const;
    Mode mode() const;
    GstClockTime stream_wait() const;
    template <class Change>
    void change(Change change) {
        std::lock_guard lock(lock_);
        change(settings_, mode_, stream_wait_);
    }

private:
    bool configure(const GstCaps *caps);
    bool build_copy(const Codec &codec, const GstCaps *caps);
    bool build_encode(const Codec &codec, const GstCaps *caps);
    std::string why_encode(const Codec &codec, Mode mode, const GstCaps *caps) const;
    GstElement *add(const char *factory);
    void on_decoded(GstPad *pad);
    GstPadProbeReturn behind_copy(GstPad *pad, GstPadProbeInfo *info);
    GstPadProbeReturn before_encoder(GstPad *pad, GstPadProbeInfo *info);
    void ask_for_keyframe(GstPad *encoder_in, int64_t now);
    void remove_children();
    bool fail(const std::string &text, const std::string &debug = {});
    void finish(const std::string &action);
    GstPadProbeReturn before_sink(GstPadProbeInfo *info);

    GstBin *const bin_;         ///< borrowed; owns this object
    GstPad *const sink_, *src_; ///< ghost pads; bin_ owns them

    // The sink pad's thread alone.
    std::vector<GstElement *> children_; ///< bin_ owns them
    GstElement *first_behind_decoder_ = nullptr;
    const Codec *codec_ = nullptr;
    std::string input_; ///< the media type of the caps
    bool copying_ = false;
    std::atomic<bool> direct_{false};
    Orientation orientation_ = GST_VIDEO_ORIENTATION_IDENTITY; ///< as the newest tag says
    Orientation turned_ = GST_VIDEO_ORIENTATION_IDENTITY; ///< what the children do to the frames
    GstPtr<GstCaps> undecided_;                           ///< for decide(); empty: nothing is open
    DecodeTimes decode_times_;
    // The thread of the encoder's sink pad alone.
    std::optional<int64_t> next_keyframe_; ///< running time
    GstSegment segment_;                   ///< the latest from the decoder
    bool has_segment_ = false;             ///< the encoder was sent its one segment
    Overlap overlap_;

    mutable std::mutex lock_;
    Settings settings_;
    Mode mode_ = Mode::automatic;
    GstClockTime stream_wait_ = 2 * GST_SECOND;
    GstClockID timer_ = nullptr;
    bool ended_ = false; ///< end_without_caps() has sent EOS
    std::string action_, reason_;

    Counters counters_;
};

} // namespace penstock::transcode

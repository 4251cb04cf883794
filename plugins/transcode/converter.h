// SPDX-License-Identifier: LGPL-2.1-or-later
// The implementation of copyorencode: builds a copying or an encoding chain for the stream's caps.
#pragma once

#include "gst/ptr.h"
#include "gst/stats.h"
#include "transcode/codecs.h"
#include "transcode/decode_times.h"
#include "transcode/frame_order.h"
#include "transcode/orientation.h"
#include "transcode/overlap.h"
#include "transcode/source_rate.h"

#include <atomic>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace penstock::transcode {

enum class Mode { automatic, always, never };

/// sink ! parser ! src, or sink ! decodebin ! [videoflip !] convert ! encoder ! parser ! src.
/// A copy that needs no parser goes from pad to pad, bypassing the children; only audio can be one.
///
/// Caps and orientation tag decide, and with `b-frames` false the order of the first frames, which
/// are held until it is known. B-frames that come later are waited out up to a keyframe. Since the
/// tag follows the caps, the children for an encoded video stream are built at its first buffer,
/// others when caps arrive. Children change on the streaming thread while nothing streams through
/// them.
class Converter {
public:
    Converter(GstBin *bin, GstPad *sink, GstPad *src);

    // Called on the sink pad's thread.
    /// Begins a stream whose caps and orientation are unknown.
    void begin_stream();
    /// Receives the stream's caps: builds the children, or leaves that to decide(). Returns false
    /// after posting an element error.
    bool take_caps(const GstCaps *caps);
    /// A TAG event, which may change the orientation. Returns the event for downstream.
    GstPtr<GstEvent> take_tags(GstPtr<GstEvent> event);
    /// Builds the children that take_caps() and take_tags() left undecided. Call before passing on
    /// data or anything else that can't be stored. Returns false after posting an element error.
    bool decide();
    /// Whether every frame has to go through take_frame(). Otherwise none does.
    bool watches_frames() const { return order_.has_value() || rate_.has_value(); }
    /// Looks at the next frame, before it enters, and appends those that may enter now to `out`.
    /// Returns false after posting an element error.
    bool take_frame(GstPtr<GstBuffer> frame, std::vector<GstPtr<GstBuffer>> &out);
    /// Decides by what is known, and appends to `out` the frames that are held. Call before passing
    /// on a serialized event. Returns false after posting an element error.
    bool release_held(std::vector<GstPtr<GstBuffer>> &out);
    bool has_held() const { return !held_.empty(); }
    void drop_held() { held_.clear(); }
    /// Whether data goes from pad to pad without children. Events and queries then do as well.
    bool is_direct() const { return direct_; }
    /// Push what precedes and follows the caps event, after take_caps() has chosen this way.
    void begin_direct();
    void continue_direct();
    GstPad *sink_pad() const { return sink_; }
    GstPad *src_pad() const { return src_; }
    /// Called if the stream ended before caps came: sends EOS downstream, where a muxer may wait.
    void end_without_caps();

    void start();
    void begin_stop(); ///< call before the children stop
    void stop();       ///< call while nothing streams

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
    bool watch_frames(const GstCaps *caps);
    void follow_rate(const GstBuffer *frame);
    bool build_copy(const Codec &codec, const GstCaps *caps);
    bool build_encode(const Codec &codec, const GstCaps *caps);
    std::string why_encode(const Codec &codec, Mode mode, const GstCaps *caps);
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

    // Used by the sink pad's thread only.
    std::vector<GstElement *> children_; ///< bin_ owns them
    GstElement *first_behind_decoder_ = nullptr;
    const Codec *codec_ = nullptr;
    std::string input_; ///< media type of the caps
    bool copying_ = false;
    std::atomic<bool> direct_{false};
    Orientation orientation_ = GST_VIDEO_ORIENTATION_IDENTITY; ///< from the latest tag
    Orientation turned_ = GST_VIDEO_ORIENTATION_IDENTITY; ///< applied to the frames by the children
    GstPtr<GstCaps> undecided_;           ///< for decide(); empty: nothing is undecided
    std::optional<uint64_t> longest_gop_; ///< of the stream, ns; empty: not asked yet
    DecodeTimes decode_times_;
    std::optional<FrameOrder> order_;     ///< of coded video, where it matters
    GstPtr<GstCaps> order_caps_;          ///< of the stream that order_ is about
    std::vector<GstPtr<GstBuffer>> held_; ///< until order_ is known; bounded by FrameOrder
    std::optional<SourceRate> rate_;      ///< of coded video that is encoded at this rate
    GstElement *encoder_ = nullptr;       ///< among children_
    guint bitrate_ = 0;                   ///< of encoder_, by rate_; bit/s; 0: not set yet
    // Used by the encoder's sink pad thread only.
    std::optional<int64_t> next_keyframe_; ///< running time
    GstSegment segment_;                   ///< the decoder's latest segment
    bool has_segment_ = false;             ///< the encoder has got its only segment
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

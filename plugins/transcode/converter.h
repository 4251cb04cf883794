// SPDX-License-Identifier: LGPL-2.1-or-later
// What copyorencode does: looks at the stream's caps and builds what is needed behind them.
#pragma once

#include "gst/ptr.h"
#include "gst/stats.h"
#include "transcode/codecs.h"
#include "transcode/overlap.h"

#include <atomic>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace penstock::transcode {

enum class Mode { automatic, always, never };

/// sink ! parser ! src, or sink ! decodebin ! convert ! encoder ! parser ! src. A copy that needs
/// no parser goes past the bin, from pad to pad.
///
/// The children change in the streaming thread, when caps come; nothing streams through them then.
class Converter {
public:
    Converter(GstBin *bin, GstPad *sink, GstPad *src);

    // The sink pad's thread.
    /// Builds the way for a stream with these caps. False after an element error was posted.
    bool configure(const GstCaps *caps);
    /// Pad to pad, without children. The events and queries of both pads go the same way.
    bool is_direct() const { return direct_; }
    /// What is pushed before and after the caps event, after configure() has chosen this way.
    void begin_direct();
    void continue_direct();
    GstPad *sink_pad() const { return sink_; }
    GstPad *src_pad() const { return src_; }
    /// Nothing ever came: downstream is told that it is over.
    void end_without_caps();

    void start();
    void begin_stop(); ///< before the children stop
    void stop();       ///< while nothing streams

    /// "copied", "encoded by x264enc"; empty before caps.
    std::string action() const;
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
    bool build_copy(const Codec &codec, const GstCaps *caps);
    bool build_encode(const Codec &codec, const GstCaps *caps);
    GstElement *add(const char *factory);
    void on_decoded(GstPad *pad);
    GstPadProbeReturn before_encoder(GstPad *pad, GstPadProbeInfo *info);
    void ask_for_keyframe(GstPad *encoder_in, int64_t now);
    void remove_children();
    bool fail(const std::string &text, const std::string &debug = {});
    void finish(const std::string &action);

    GstBin *const bin_;         ///< borrowed: it owns us
    GstPad *const sink_, *src_; ///< ghost pads, the bin's

    // The sink pad's thread alone.
    std::vector<GstElement *> children_; ///< the bin's
    GstElement *first_behind_decoder_ = nullptr;
    const Codec *codec_ = nullptr;
    std::string input_; ///< the caps' name
    bool copying_ = false;
    std::atomic<bool> direct_{false};
    // The encoder's input alone.
    std::optional<int64_t> next_keyframe_; ///< running time
    GstSegment segment_;                   ///< as it came
    bool has_segment_ = false;             ///< the encoder has its own
    Overlap overlap_;

    mutable std::mutex lock_;
    Settings settings_;
    Mode mode_ = Mode::automatic;
    GstClockTime stream_wait_ = 2 * GST_SECOND;
    GstClockID timer_ = nullptr;
    bool ended_ = false; ///< nothing came, and downstream was told
    std::string action_;

    Counters counters_;
};

} // namespace penstock::transcode

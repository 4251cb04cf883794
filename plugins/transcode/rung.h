// SPDX-License-Identifier: LGPL-2.1-or-later
// A rung of the element ladder: from a decoded frame to H.264 of one size on a source pad.
#pragma once

#include "core/ladder/load.h"
#include "core/ladder/rungs.h"
#include "gst/ptr.h"
#include "transcode/codecs.h"

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace penstock::transcode {

/// The frames that video caps describe; empty if they describe none.
std::optional<ladder::Frame> frame_of(const GstCaps *caps);

/// The element's always pad of this name.
inline GstPtr<GstPad> pad_of(GstElement *element, const char *name) {
    return GstPtr<GstPad>::adopt(gst_element_get_static_pad(element, name));
}

/// tee ! queue ! videoscale ! capsfilter ! x264enc ! capsfilter ! pad, once there is something to
/// encode. The tee's thread is the decoder's; the queue has a thread of its own. Times are running
/// times, in ns.
class Rung {
public:
    /// `pad`: a ghost pad without target, not yet part of `bin`.
    Rung(GstBin *bin, GstPad *pad, ladder::Rung what, Latency latency);
    Rung(const Rung &) = delete;
    Rung &operator=(const Rung &) = delete;

    const ladder::Rung &what() const { return what_; }
    GstPad *pad() const { return pad_.get(); }
    /// "720p"
    std::string name() const { return std::to_string(what_.height) + "p"; }

    // Called on the decoder's thread.
    bool is_built() const { return tee_pad_ != nullptr; }
    /// Adds the elements; they begin with the next frame. Returns false after posting an element
    /// error.
    bool build(GstElement *tee, const ladder::Frame &frame);
    bool is_open() const { return open_; }
    /// Frames go to the encoder from this one on. It is a keyframe at `time`.
    void open(int64_t time);
    void close() { open_ = false; }
    /// Announces the next frame. Where the rung is closed it will be dropped, and announced to what
    /// is downstream as a gap, unless the rung has never had a frame.
    void expect(int64_t time, bool key, GstClockTime duration);
    /// Ends the stream on the pad, unless the elements will.
    void end();

    // Called on the decoder's thread, or while nothing streams.
    /// Removes the elements and drops what is in them.
    void remove();
    /// remove(), and the stream on the pad is another one from now on.
    void reset();

    // Called on any thread.
    /// Releases the decoder's thread if it waits for this rung; frames are dropped until remove().
    void ask_to_stop();
    bool is_stopping() const;
    /// The element stops: nothing waits for this rung until reset(), nor is it built.
    void shut();
    bool is_shut() const;
    /// From flush(true) to flush(false) nothing waits; queued frames are forgotten.
    void flush(bool on);
    /// `newest`: time of the newest frame of the input. `waiting`: frames wait for the decoder.
    /// Where none waits anywhere, the stream itself has a gap, and nobody is late.
    ladder::Load::Reading reading(int64_t newest, bool waiting) const;
    /// The pad is gone from the element: remove() whenever that is possible.
    void release() { released_ = true; }
    bool is_released() const { return released_; }
    /// The source is not larger than the rung.
    void set_too_large(bool too_large) { too_large_ = too_large; }
    bool is_too_large() const { return too_large_; }
    /// For the element's `stats`, without the fields of Load.
    GstPtr<GstStructure> stats() const;

private:
    GstPtr<GstElement> make(const char *factory, const char *role) const;
    GstPadProbeReturn before_queue();
    GstPadProbeReturn before_scaler(GstPadProbeInfo *info);
    void shift_event(GstPadProbeInfo *info) const;
    GstPadProbeReturn before_encoder(GstPad *pad, GstPadProbeInfo *info);
    GstPadProbeReturn behind_encoder(GstPadProbeInfo *info);
    GstPadProbeReturn sticky_behind_encoder(GstPadProbeInfo *info);
    GstFlowReturn push(GstPad *internal, GstBuffer *buffer);
    void note_output(GstBuffer *buffer);

    GstBin *const bin_; ///< borrowed; outlives this
    const GstPtr<GstPad> pad_;
    const ladder::Rung what_;
    const Latency latency_;
    const GstClockTime origin_; ///< of the times in the encoder and on the pad

    // Used by the decoder's thread only.
    GstElement *tee_ = nullptr;
    GstPad *tee_pad_ = nullptr;
    std::vector<GstElement *> children_; ///< bin_ owns them
    GstElement *filter_ = nullptr;

    // Used by the queue's thread only, but while there are no elements.
    GstPtr<GstCaps> scaled_from_; ///< caps of the frames, without their rate
    bool has_started_ = false;
    GstSegment encoder_segment_; ///< of the encoder's output

    std::atomic<bool> open_ = false, released_ = false, has_caps_ = false, too_large_ = false;
    std::atomic<guint64> bytes_ = 0, frames_ = 0, drops_ = 0;

    mutable std::mutex lock_;
    std::condition_variable room_;
    // Guarded by lock_.
    bool pass_ = false, stopping_ = false, flushing_ = false, shut_ = false;
    unsigned queued_ = 0;       ///< frames in the queue
    std::deque<int64_t> keys_;  ///< frames that will be keyframes
    int64_t out_ = 0;           ///< newest time that left the encoder, or of the first frame
    ladder::Size size_;         ///< what is made; 0x0 before caps
    int64_t rated_from_ = 0;    ///< for rate_
    unsigned rated_frames_ = 0; ///< since then
    double rate_ = 0;           ///< frames a second, of the last whole second
};

} // namespace penstock::transcode

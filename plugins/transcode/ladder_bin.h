// SPDX-License-Identifier: LGPL-2.1-or-later
// The implementation of the element ladder: one decoder, the rungs behind it, what runs when.
// Lock order: lock_, a rung's lock. Nothing is pushed, queried or posted under either.
#pragma once

#include "core/ladder/load.h"
#include "core/ladder/rungs.h"
#include "gst/ptr.h"
#include "gst/stats.h"
#include "transcode/rung.h"

#include <atomic>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace penstock::transcode {

struct LadderSettings {
    std::string rungs = ladder::default_rungs;
    Latency latency = Latency::low;
    ladder::Load::Limits load;
};

/// sink ! queue ! decodebin ! deinterlace ! videoflip ! videoconvert ! capsfilter ! tee, and a Rung
/// for each pad.
///
/// Upstream's thread fills the queue and looks how far behind the rungs are; it never waits for a
/// live stream. The decoder's thread, which begins at the queue, is the only one that adds and
/// removes elements while the stream runs.
class Ladder {
public:
    Ladder(GstBin *bin, GstPad *sink);

    // Called on any thread.
    LadderSettings settings() const;
    void set_settings(const LadderSettings &settings);
    GstPad *request_pad(GstPadTemplate *templ, const char *name);
    void release_pad(GstPad *pad);
    GstPtr<GstStructure> stats() const;

    /// READY to PAUSED. Returns false after posting an element error.
    bool start();
    void begin_stop(); ///< call before the children stop
    void stop();       ///< call while nothing streams

private:
    using RungPtr = std::shared_ptr<Rung>;
    using Rungs = std::vector<RungPtr>;
    /// A keyframe on its way through the decoder.
    struct Key {
        int64_t time = 0;
        bool followed = false; ///< the frames that need it follow
    };

    // Upstream's thread.
    GstPadProbeReturn arrive(GstPadProbeInfo *info);
    GstPadProbeReturn arrive_buffer(GstBuffer *buffer);
    bool has_room(bool key);
    void look_at_load();
    void find_out_whether_live();
    void flush(bool on);

    // The decoder's thread.
    GstPadProbeReturn before_decoder(GstPad *pad, GstPadProbeInfo *info);
    bool coded_caps(GstPad *pad, GstCaps *caps);
    void drain_decoder();
    void on_decoder_pad(GstPad *pad);
    GstPadProbeReturn decoded(GstPadProbeInfo *info);
    GstPadProbeReturn decoded_event(GstPadProbeInfo *info);
    void step(Rung &rung, int64_t time, const Key *key, GstClockTime duration);
    bool is_any_wanted() const;
    void remove_released();

    bool is_decoder_behind() const;
    Rungs rungs() const;
    size_t index_of(const Rung &rung) const;
    GstElement *make(const char *factory, const char *name);
    GstElement *add(const char *factory, const char *name);
    bool build_chain();
    void end_all();
    void tell(const Rung &rung, const char *what, const std::string &why);
    void tell_whether_made(const Rung &rung);

    GstBin *const bin_;  ///< borrowed; owns this object
    GstPad *const sink_; ///< bin_ owns it

    // Made by start(), under lock_, and kept; bin_ owns them.
    GstElement *queue_ = nullptr, *first_ = nullptr, *tee_ = nullptr;

    // Upstream's thread.
    GstSegment arriving_; ///< of the sink pad
    std::optional<bool> live_;
    bool skipping_ = false;

    // The decoder's thread.
    GstElement *decoder_ = nullptr; ///< bin_ owns it
    std::string coded_;             ///< media type
    bool follow_ = true;            ///< frames that are no keyframes are decoded
    bool is_new_ = true;            ///< frames may have another size from the next keyframe on
    GstSegment coded_segment_, decoded_segment_;
    std::deque<Key> keys_;                ///< by time
    std::optional<ladder::Frame> source_; ///< decoded frames; written under lock_
    bool has_segment_ = false;            ///< the rungs have got theirs
    std::atomic<bool> draining_ = false;

    mutable std::mutex lock_;
    // Guarded by lock_.
    LadderSettings settings_;
    std::vector<ladder::Rung> list_; ///< by index of load_
    Rungs rungs_;                    ///< one for each pad
    ladder::Load load_;
    std::optional<int64_t> newest_; ///< running time of the newest frame of the input

    Counters counters_;
};

} // namespace penstock::transcode

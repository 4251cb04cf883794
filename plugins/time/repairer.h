// SPDX-License-Identifier: LGPL-2.1-or-later
// The implementation of timestamprepair: streams with a pair of pads each, on one timeline.
#pragma once

#include "core/timing/repair.h"
#include "gst/ptr.h"
#include "gst/stats.h"
#include "time/format.h"

#include <array>
#include <memory>
#include <mutex>
#include <vector>

namespace penstock::timing {

/// Threads: each stream has its streaming thread, whose state is in Stream. lock_ guards the list
/// of streams, the limits and the timeline. It is not held during a push, a query or a message.
class Repairer {
public:
    explicit Repairer(GstElement *element);
    ~Repairer();

    Limits limits() const;
    void set_limits(const Limits &limits);
    GstPtr<GstStructure> stats() const;

    /// Adds a pair of pads and returns the sink pad.
    GstPad *add_pads(GstPadTemplate *sink, GstPadTemplate *src, const char *sink_name,
                     const char *src_name);
    GstPad *request_pad(GstPadTemplate *sink, GstPadTemplate *src, const char *name);
    void release_pad(GstPad *pad);

    void start();
    void stop();

    GstFlowReturn chain(GstPad *pad, GstPtr<GstBuffer> buffer);
    bool sink_event(GstPad *pad, GstPtr<GstEvent> event);
    bool sink_query(GstPad *pad, GstQuery *query);
    /// The other pad of its stream; null while it is released.
    GstPtr<GstPad> other_pad(GstPad *pad) const;

private:
    struct Stream {
        GstPad *sink = nullptr, *src = nullptr; ///< owned by the element
        size_t track = 0;
        // streaming
        GstSegment in{}, out{};
        guint32 segment_seqnum = GST_SEQNUM_INVALID;
        bool has_segment = false;
        bool passes = false; ///< not played forward at normal speed
        bool is_sparse = false, told_no_time = false;
        StreamFormat format;
        std::optional<bool> live;
        struct Report {
            gint64 posted = 0; ///< monotonic, µs; 0: never
            uint64_t suppressed = 0;
        };
        std::array<Report, 8> reports;
    };
    using StreamPtr = std::shared_ptr<Stream>;

    StreamPtr stream_of(GstPad *pad) const;
    bool take_caps(Stream &stream, GstEvent *event);
    bool take_segment(Stream &stream, GstEvent *event);
    bool take_gap(Stream &stream, GstEvent *event);
    void flush(Stream &stream, guint32 seqnum);
    void push_segment(Stream &stream);

    Delivery delivery_of(Stream &stream);
    GstClockTime position(Stream &stream, int64_t running_time, bool was_moved);
    void push_gap(Stream &stream, int64_t from, int64_t to);
    void stamp(Stream &stream, GstPtr<GstBuffer> &buffer, const Stamps &in,
               const Repaired &repaired);
    void report(Stream &stream, const std::vector<Note> &notes);

    GstElement *const element_; ///< borrowed: it owns this object
    Counters counters_;

    mutable std::mutex lock_;
    Limits limits_;
    Repair repair_;
    std::vector<StreamPtr> streams_;
    guint next_index_ = 0;
    guint32 flush_seqnum_ = GST_SEQNUM_INVALID;
};

} // namespace penstock::timing

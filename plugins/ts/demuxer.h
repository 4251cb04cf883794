// SPDX-License-Identifier: LGPL-2.1-or-later
// The implementation of tslivedemux: a transport stream in; its program as FLV out, and each of its
// streams on a pad of its own.
#pragma once

#include "core/mpegts/demuxer.h"
#include "core/mpegts/flv_track.h"
#include "core/mpegts/timeline.h"
#include "gst/flv_output.h"
#include "gst/ptr.h"
#include "gst/stats.h"

#include <gst/base/gstflowcombiner.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <vector>

namespace penstock::ts {

/// All methods except the queries, stats(), program() and src_event() run under the sink pad's
/// stream lock or while nothing streams. What those read is atomic, guarded by `report_lock_`, or
/// by the element's object lock; none of these is held while something is pushed.
class Demuxer final : private mpegts::Demuxer::Handler {
public:
    Demuxer(GstElement *element, GstPad *sink, GstPad *src);
    ~Demuxer();

    void start();
    void stop();
    GstFlowReturn chain(GstPtr<GstBuffer> buffer);
    bool sink_event(GstPtr<GstEvent> event);
    bool sink_query(GstQuery *query);
    bool src_event(GstPad *pad, GstPtr<GstEvent> event);
    bool src_query(GstPad *pad, GstQuery *query);

    /// 0: the first program with audio or video. Any thread; takes effect with the next buffer.
    void set_program(guint number) { wanted_ = number; }
    guint program() const { return wanted_; }
    /// Any thread.
    GstPtr<GstStructure> stats() const;

private:
    /// Of the program.
    struct Stream {
        Stream(const mpegts::ElementaryStream &stream, uint8_t flv_id)
            : about(stream), track(stream, flv_id) {}
        mpegts::ElementaryStream about;
        mpegts::FlvTrack track;
        size_t time = 0;       ///< its track of the timeline
        GstPad *pad = nullptr; ///< owned by the element; nullptr: not so far
        GstPtr<GstCaps> caps;
        bool discont = true;
        bool complained = false;
    };
    /// A snapshot for stats().
    struct Report {
        mpegts::Demuxer::Stats stats;
        std::vector<mpegts::Program> programs;
        std::optional<mpegts::Program> program;
        std::vector<mpegts::StreamCounters> streams; ///< of `program`
        std::vector<std::string> pads;               ///< likewise; empty: none
        uint64_t jumps = 0;
    };

    void on_program(const mpegts::Program &program) override;
    void on_unit(const mpegts::Unit &unit) override;
    void push_flv(Stream &stream, const mpegts::Unit &unit, const mpegts::UnitFacts &facts,
                  const mpegts::Timeline::Times &times);
    void push_pad(Stream &stream, const mpegts::Unit &unit, bool keyframe,
                  const mpegts::Timeline::Times &times);
    bool waits_for_video(const Stream &stream, int64_t time) const;
    void combine(GstPad *pad, GstFlowReturn flow);
    std::optional<int64_t> arrival_of(GstBuffer *buffer);
    void note_pause(std::optional<int64_t> before);
    void note_lateness(int64_t lateness);
    void complain(Stream &stream);
    void update_report();
    void forget_time();

    // demuxer_pads.cpp
    void add_pad(Stream &stream);
    void remove_pad(Stream &stream, bool with_eos);
    void remove_streams();
    void push_sticky(Stream &stream);
    void push_to_pads(GstEvent *event);
    void announce_pads();
    bool end_of_stream();
    std::vector<GstPtr<GstPad>> src_pads() const;
    uint8_t free_flv_id(bool video) const;

    GstElement *const element_;
    GstPad *const sink_;
    GstPad *const src_;
    GstFlowCombiner *const combiner_;
    Counters counters_;
    StreamStart start_; ///< of the program as FLV
    FlvOutput output_;
    std::unique_ptr<mpegts::Demuxer> demuxer_;
    mpegts::Timeline timeline_;
    std::vector<std::unique_ptr<Stream>> streams_; ///< as the program has them
    std::vector<flv::Tag> tags_;
    unsigned pad_numbers_[3] = {}; ///< the next video_%u, audio_%u, data_%u
    GstSegment segment_;           ///< of the input
    guint group_id_ = GST_GROUP_ID_INVALID;
    std::optional<bool> is_live_;
    std::optional<int64_t> arrival_;    ///< of the buffer at hand; ns of running time
    std::optional<int64_t> first_time_; ///< of the first unit
    bool no_more_pads_ = false;
    GstFlowReturn flow_ = GST_FLOW_OK; ///< of the buffer at hand
    uint64_t tables_version_ = 0;

    std::atomic<guint> wanted_ = 0, chosen_ = 0;
    std::atomic<gint64> lateness_ = 0; ///< ns that units come behind their times, at most
    mutable std::mutex report_lock_;
    Report report_;
};

} // namespace penstock::ts

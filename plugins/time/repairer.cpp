// SPDX-License-Identifier: LGPL-2.1-or-later
// Buffers and reports. repairer_pads.cpp handles pads, events and queries.
#include "time/repairer.h"

#include "gst/running_time.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

GST_DEBUG_CATEGORY_EXTERN(penstock_timestamp_repair_debug);
#define GST_CAT_DEFAULT penstock_timestamp_repair_debug

namespace penstock::timing {
namespace {

/// Added to a segment in which a decoding time would be negative, as encoders do.
constexpr GstClockTime room = 3600 * GST_SECOND;
/// A trouble of a stream is reported at most so often; µs.
constexpr gint64 report_interval = G_USEC_PER_SEC;

std::optional<int64_t> valid(GstClockTime time) {
    return GST_CLOCK_TIME_IS_VALID(time) && time <= GstClockTime(G_MAXINT64)
               ? std::optional(static_cast<int64_t>(time))
               : std::nullopt;
}

/// Small troubles that a stream may have with each frame are reported at powers of two.
bool is_due(const Note &note) {
    const bool may_be_constant = note.trouble == Trouble::order ||
                                 note.trouble == Trouble::missing ||
                                 note.trouble == Trouble::composition;
    return !may_be_constant || (note.count & (note.count - 1)) == 0;
}

} // namespace

Repairer::Repairer(GstElement *element) : element_(element) {
}

Repairer::~Repairer() = default;

Limits Repairer::limits() const {
    std::lock_guard lock(lock_);
    return limits_;
}

void Repairer::set_limits(const Limits &limits) {
    std::lock_guard lock(lock_);
    limits_ = limits;
    repair_.set_limits(limits);
}

void Repairer::start() {
    std::lock_guard lock(lock_);
    for (const StreamPtr &stream : streams_) {
        repair_.remove_track(stream->track);
        Stream fresh;
        fresh.sink = stream->sink;
        fresh.src = stream->src;
        *stream = fresh;
    }
    for (const StreamPtr &stream : streams_)
        stream->track = repair_.add_track();
    repair_.reset();
    flush_seqnum_ = GST_SEQNUM_INVALID;
    counters_.start();
}

void Repairer::stop() {
    counters_.stop();
}

Delivery Repairer::delivery_of(Stream &stream) {
    Delivery delivery;
    delivery.thread = reinterpret_cast<uintptr_t>(g_thread_self());
    if (!stream.live) {
        auto query = GstPtr<GstQuery>::adopt(gst_query_new_latency());
        gboolean live = FALSE;
        if (gst_pad_peer_query(stream.sink, query.get()))
            gst_query_parse_latency(query.get(), &live, nullptr, nullptr);
        stream.live = live;
    }
    if (!*stream.live) return delivery;
    const auto clock = GstPtr<GstClock>::adopt(gst_element_get_clock(element_));
    if (clock) delivery.arrival = static_cast<int64_t>(gst_clock_get_time(clock.get()));
    return delivery;
}

/// The timestamp in the stream's segment. Makes room in it first if there is none.
GstClockTime Repairer::position(Stream &stream, int64_t running_time, bool was_moved) {
    GstSegment &segment = stream.out;
    const auto in_segment = [&] {
        return running_time + static_cast<int64_t>(segment.start + segment.offset) -
               static_cast<int64_t>(segment.base);
    };
    const bool too_early = in_segment() < 0;
    // What was moved behind the segment's end would be cut off.
    const bool too_late = was_moved && GST_CLOCK_TIME_IS_VALID(segment.stop) &&
                          in_segment() >= static_cast<int64_t>(segment.stop);
    if (too_early) {
        segment.start += room;
        segment.position += room;
        if (GST_CLOCK_TIME_IS_VALID(segment.stop)) segment.stop += room;
    }
    if (too_late) segment.stop = GST_CLOCK_TIME_NONE;
    if (too_early || too_late) push_segment(stream);
    return static_cast<GstClockTime>(std::max<int64_t>(in_segment(), 0));
}

void Repairer::push_gap(Stream &stream, int64_t from, int64_t to) {
    const GstClockTime begin = position(stream, from, false);
    const auto length = static_cast<GstClockTime>(std::max<int64_t>(to - from, 0));
    gst_pad_push_event(stream.src, gst_event_new_gap(begin, length));
}

void Repairer::stamp(Stream &stream, GstPtr<GstBuffer> &buffer, const Stamps &in,
                     const Repaired &repaired) {
    const bool was_moved = repaired.stamps.pts != in.pts;
    GstClockTime dts = GST_CLOCK_TIME_NONE, pts = GST_CLOCK_TIME_NONE;
    // The earlier one first: it may need room in the segment.
    if (repaired.stamps.dts) dts = position(stream, *repaired.stamps.dts, was_moved);
    if (repaired.stamps.pts) pts = position(stream, *repaired.stamps.pts, was_moved);
    const auto duration = repaired.stamps.duration
                              ? static_cast<GstClockTime>(*repaired.stamps.duration)
                              : GST_BUFFER_DURATION(buffer.get());
    const bool discont = repaired.discont && !GST_BUFFER_IS_DISCONT(buffer.get());
    if (dts == GST_BUFFER_DTS(buffer.get()) && pts == GST_BUFFER_PTS(buffer.get()) &&
        duration == GST_BUFFER_DURATION(buffer.get()) && !discont)
        return;
    buffer = GstPtr<GstBuffer>::adopt(gst_buffer_make_writable(buffer.release()));
    GST_BUFFER_DTS(buffer.get()) = dts;
    GST_BUFFER_PTS(buffer.get()) = pts;
    GST_BUFFER_DURATION(buffer.get()) = duration;
    if (discont) GST_BUFFER_FLAG_SET(buffer.get(), GST_BUFFER_FLAG_DISCONT);
}

GstFlowReturn Repairer::chain(GstPad *pad, GstPtr<GstBuffer> buffer) {
    const StreamPtr found = stream_of(pad);
    if (!found) return GST_FLOW_FLUSHING;
    Stream &stream = *found;
    const gsize size = gst_buffer_get_size(buffer.get());
    counters_.in(size);
    if (!stream.has_segment) {
        if (!std::exchange(stream.told_no_time, true))
            GST_ELEMENT_ERROR(element_, STREAM, FORMAT,
                              ("This stream has no time: put a demuxer or a parser in front."),
                              ("%s", GST_PAD_NAME(pad)));
        return GST_FLOW_ERROR;
    }
    Stamps in;
    in.dts = running_time(stream.in, GST_BUFFER_DTS(buffer.get()));
    in.pts = running_time(stream.in, GST_BUFFER_PTS(buffer.get()));
    in.duration = valid(GST_BUFFER_DURATION(buffer.get()));
    const bool is_header =
        GST_BUFFER_FLAG_IS_SET(buffer.get(), GST_BUFFER_FLAG_HEADER) && !in.dts && !in.pts;
    if (!stream.passes && !is_header) {
        const bool key = !GST_BUFFER_FLAG_IS_SET(buffer.get(), GST_BUFFER_FLAG_DELTA_UNIT);
        std::optional<unsigned> reorder;
        if (key && stream.format.in_band && !in.dts)
            reorder = reorder_of(*stream.format.in_band, buffer.get());
        Delivery delivery = delivery_of(stream);
        delivery.is_key = key;
        Repaired repaired;
        std::vector<Note> notes;
        {
            std::lock_guard lock(lock_);
            if (reorder && *reorder > stream.format.format.reorder) {
                stream.format.format.reorder = *reorder;
                repair_.set_format(stream.track, stream.format.format);
            }
            repaired = repair_.frame(stream.track, in, delivery);
            if (repair_.has_notes()) notes = repair_.take_notes();
        }
        const auto begin = repaired.stamps.dts ? repaired.stamps.dts : repaired.stamps.pts;
        if (repaired.hole_from && begin) push_gap(stream, *repaired.hole_from, *begin);
        stamp(stream, buffer, in, repaired);
        if (!notes.empty()) report(stream, notes);
    }
    counters_.out(size);
    return gst_pad_push(stream.src, buffer.release());
}

void Repairer::report(Stream &stream, const std::vector<Note> &notes) {
    const gint64 now = g_get_monotonic_time();
    for (const Note &note : notes) {
        Stream::Report &report = stream.reports[size_t(note.trouble)];
        const bool too_soon = report.posted != 0 && now - report.posted < report_interval;
        if (too_soon || !is_due(note)) {
            ++report.suppressed;
            continue;
        }
        report.posted = now;
        const uint64_t suppressed = std::exchange(report.suppressed, 0);
        if (suppressed > 0)
            GST_WARNING_OBJECT(stream.sink, "%s (and %" G_GUINT64_FORMAT " more)",
                               note.text.c_str(), guint64(suppressed));
        else
            GST_WARNING_OBJECT(stream.sink, "%s", note.text.c_str());
        GstStructure *s = gst_structure_new(
            "penstock-timestamps", "pad", G_TYPE_STRING, GST_PAD_NAME(stream.sink), "trouble",
            G_TYPE_STRING, name_of(note.trouble), "amount", G_TYPE_INT64, gint64(note.amount),
            "count", G_TYPE_UINT64, guint64(note.count), "suppressed", G_TYPE_UINT64,
            guint64(suppressed), "text", G_TYPE_STRING, note.text.c_str(), nullptr);
        gst_element_post_message(element_, gst_message_new_element(GST_OBJECT(element_), s));
    }
}

GstPtr<GstStructure> Repairer::stats() const {
    guint linked = 0;
    std::lock_guard lock(lock_);
    for (const StreamPtr &stream : streams_)
        linked += gst_pad_is_linked(stream->sink) ? 1 : 0;
    auto s = counters_.with_peers(linked).to_structure();
    TrackStats all;
    const auto fields = [](GstStructure *to, const TrackStats &of) {
        const auto count = [&](Trouble trouble) { return guint64(of.count(trouble)); };
        gst_structure_set(to, "repaired", G_TYPE_UINT64, guint64(of.repaired), "jumps",
                          G_TYPE_UINT64, count(Trouble::jump), "gaps", G_TYPE_UINT64,
                          count(Trouble::gap), "wraps", G_TYPE_UINT64, count(Trouble::wrap),
                          "skews", G_TYPE_UINT64, count(Trouble::skew), "drifts", G_TYPE_UINT64,
                          count(Trouble::drift), "disordered", G_TYPE_UINT64, count(Trouble::order),
                          "missing", G_TYPE_UINT64, count(Trouble::missing), "compositions",
                          G_TYPE_UINT64, count(Trouble::composition), "drift", G_TYPE_INT64,
                          gint64(of.drift), nullptr);
    };
    for (const StreamPtr &stream : streams_) {
        const TrackStats &one = repair_.stats(stream->track);
        all.repaired += one.repaired;
        for (size_t i = 0; i < std::size(all.troubles); ++i)
            all.troubles[i] += one.troubles[i];
        if (std::abs(one.drift) > std::abs(all.drift)) all.drift = one.drift;
        if (one.frames == 0) continue;
        GstStructure *of_pad = gst_structure_new_empty(GST_PAD_NAME(stream->sink));
        fields(of_pad, one);
        gst_structure_set(of_pad, "frames", G_TYPE_UINT64, guint64(one.frames), "offset",
                          G_TYPE_INT64, gint64(one.offset), nullptr);
        gst_structure_set(s.get(), GST_PAD_NAME(stream->sink), GST_TYPE_STRUCTURE, of_pad, nullptr);
        gst_structure_free(of_pad);
    }
    fields(s.get(), all);
    return s;
}

} // namespace penstock::timing

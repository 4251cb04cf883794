// SPDX-License-Identifier: LGPL-2.1-or-later
// Data path: from buffers to units, and from those to FLV and to buffers of elementary streams.
#include "ts/demuxer.h"

#include "gst/bytes.h"
#include "gst/mapped.h"
#include "gst/running_time.h"
#include "ts/stream_caps.h"

#include <algorithm>
#include <utility>

GST_DEBUG_CATEGORY_EXTERN(penstock_tslivedemux_debug);
#define GST_CAT_DEFAULT penstock_tslivedemux_debug

namespace penstock::ts {
namespace {

constexpr int64_t millisecond = GST_MSECOND;
/// A live input that pauses for longer is reported; ns.
constexpr int64_t pause = 5 * GST_SECOND;
/// For how long audio waits for the first keyframe; ns.
constexpr int64_t video_wait = 5 * GST_SECOND;
/// The latency that is reported goes up in such steps, to at most so much; ns.
constexpr int64_t lateness_step = 20 * millisecond, max_lateness = 2 * GST_SECOND;
constexpr int64_t max_composition = (1 << 23) - 1; // ms

int64_t ms_of(int64_t time) {
    return (time + millisecond / 2) / millisecond;
}

timing::Media media_of(mpegts::Codec codec) {
    return mpegts::is_video(codec)   ? timing::Media::video
           : mpegts::is_audio(codec) ? timing::Media::audio
                                     : timing::Media::sparse;
}

} // namespace

Demuxer::Demuxer(GstElement *element, GstPad *sink, GstPad *src)
    : element_(element), sink_(sink), src_(src), combiner_(gst_flow_combiner_new()),
      start_(element, src, [] { return std::string("program"); }),
      output_(element, src, counters_, start_) {
    gst_flow_combiner_add_pad(combiner_, src_);
    gst_segment_init(&segment_, GST_FORMAT_TIME);
}

Demuxer::~Demuxer() {
    gst_flow_combiner_free(combiner_);
}

void Demuxer::start() {
    mpegts::Demuxer::Options options;
    chosen_ = wanted_.load();
    options.program = static_cast<uint16_t>(chosen_);
    mpegts::Demuxer::Handler &handler = *this;
    demuxer_ = std::make_unique<mpegts::Demuxer>(options, handler);
    std::fill(std::begin(pad_numbers_), std::end(pad_numbers_), 0);
    gst_segment_init(&segment_, GST_FORMAT_TIME);
    group_id_ = GST_GROUP_ID_INVALID;
    is_live_.reset();
    no_more_pads_ = false;
    lateness_ = 0;
    start_.restart();
    output_.begin();
    forget_time();
    counters_.start();
    update_report();
}

void Demuxer::stop() {
    remove_streams();
    demuxer_.reset();
    counters_.stop();
}

void Demuxer::forget_time() {
    timeline_.reset(0);
    first_time_.reset();
    arrival_.reset();
    for (const auto &stream : streams_)
        stream->discont = true;
}

/// When the buffer came, if the input is live.
std::optional<int64_t> Demuxer::arrival_of(GstBuffer *buffer) {
    if (!is_live_) {
        auto query = GstPtr<GstQuery>::adopt(gst_query_new_latency());
        gboolean live = FALSE;
        if (gst_pad_peer_query(sink_, query.get()))
            gst_query_parse_latency(query.get(), &live, nullptr, nullptr);
        is_live_ = live;
    }
    if (!*is_live_) return std::nullopt;
    if (segment_.format == GST_FORMAT_TIME)
        for (const GstClockTime time : {GST_BUFFER_DTS(buffer), GST_BUFFER_PTS(buffer)})
            if (const auto running = running_time(segment_, time)) return running;
    const auto clock = GstPtr<GstClock>::adopt(gst_element_get_clock(element_));
    if (!clock) return std::nullopt;
    return GST_CLOCK_DIFF(gst_element_get_base_time(element_), gst_clock_get_time(clock.get()));
}

GstFlowReturn Demuxer::chain(GstPtr<GstBuffer> buffer) {
    counters_.in(gst_buffer_get_size(buffer.get()));
    if (const guint wanted = wanted_; wanted != chosen_.exchange(wanted))
        demuxer_->choose(static_cast<uint16_t>(wanted));
    note_pause(std::exchange(arrival_, arrival_of(buffer.get())));
    flow_ = GST_FLOW_OK;
    {
        const Mapped mapped(buffer.get());
        demuxer_->push(mapped.view());
    }
    for (const std::string &note : timeline_.take_notes())
        GST_WARNING_OBJECT(element_, "%s", note.c_str());
    update_report();
    return flow_;
}

/// Says how long nothing came, when it comes again: until then nothing happens here.
void Demuxer::note_pause(std::optional<int64_t> before) {
    if (!before || !arrival_ || *arrival_ - *before < pause) return;
    GST_ELEMENT_WARNING(element_, RESOURCE, READ,
                        ("Nothing came for %d s; the stream goes on.",
                         int((*arrival_ - *before) / int64_t(GST_SECOND))),
                        (nullptr));
}

// --- the program --------------------------------------------------------------------------

void Demuxer::on_program(const mpegts::Program &program) {
    auto before = std::exchange(streams_, {});
    streams_.resize(program.streams.size());
    for (size_t i = 0; i < program.streams.size(); ++i)
        for (auto &known : before)
            if (known && known->about == program.streams[i]) {
                streams_[i] = std::move(known);
                break;
            }
    // New pads come before those of the streams that end are gone.
    for (size_t i = 0; i < program.streams.size(); ++i) {
        if (streams_[i]) continue;
        const mpegts::ElementaryStream &about = program.streams[i];
        auto made = std::make_unique<Stream>(about, free_flv_id(mpegts::is_video(about.codec)));
        made->time = timeline_.add_track(media_of(about.codec));
        streams_[i] = std::move(made);
        if (about.codec == mpegts::Codec::unknown)
            GST_INFO_OBJECT(element_, "stream %u of type 0x%02X is left out", about.pid,
                            about.type);
    }
    for (const auto &gone : before)
        if (gone) {
            timeline_.remove_track(gone->time);
            remove_pad(*gone, true);
        }
    GST_INFO_OBJECT(element_, "program %u with %zu streams", program.number,
                    program.streams.size());
    first_time_.reset();
    no_more_pads_ = false;
}

void Demuxer::on_unit(const mpegts::Unit &unit) {
    if (flow_ != GST_FLOW_OK) return;
    Stream &stream = *streams_[unit.stream];
    const bool media = !mpegts::is_data(stream.about.codec);
    mpegts::UnitFacts facts;
    if (media) facts = stream.track.examine(unit);
    if (!facts.is_frame) return;
    if (facts.new_config && stream.track.reorder())
        timeline_.set_reorder(stream.time, *stream.track.reorder());

    mpegts::Timeline::Given given;
    given.pts = unit.pts;
    given.dts = unit.dts;
    given.is_key = facts.keyframe;
    given.arrival = arrival_;
    given.reference = demuxer_->begin();
    const auto times = timeline_.place(stream.time, given);
    if (!times) {
        ++counters_.drops;
        return;
    }
    if (media && arrival_) note_lateness(*arrival_ - times->pts);
    stream.discont = stream.discont || unit.discontinuity || times->discontinuity;
    if (times->discontinuity) {
        output_.mark_discont();
        // The sender is another one, or has paused: what comes depends on what did not.
        stream.track.await_keyframe();
    }
    if (!first_time_) first_time_ = times->dts;
    if (media) push_flv(stream, unit, facts, *times);
    if (flow_ == GST_FLOW_OK) push_pad(stream, unit, facts.keyframe, *times);
    if (!no_more_pads_) announce_pads();
}

void Demuxer::push_flv(Stream &stream, const mpegts::Unit &unit, const mpegts::UnitFacts &facts,
                       const mpegts::Timeline::Times &times) {
    if (!gst_pad_is_linked(src_)) return combine(src_, GST_FLOW_NOT_LINKED);
    if (!stream.track.obstacle().empty()) return complain(stream);
    if (waits_for_video(stream, times.dts)) return;
    const int64_t dts = ms_of(times.dts);
    const int64_t composition = std::clamp<int64_t>(ms_of(times.pts) - dts, 0, max_composition);
    tags_.clear();
    // The first headers have all that is known.
    if (!start_.has_started())
        for (const auto &other : streams_)
            if (other.get() != &stream)
                other->track.write_config(static_cast<uint32_t>(dts), tags_);
    stream.track.write(unit, facts, static_cast<uint32_t>(dts), static_cast<uint32_t>(composition),
                       tags_);
    const FlvOutput::Times out{static_cast<GstClockTime>(times.dts),
                               static_cast<GstClockTime>(times.pts)};
    for (flv::Tag &tag : tags_) {
        combine(src_, output_.take(std::move(tag), [&out](const flv::Tag &) { return out; }));
        if (flow_ != GST_FLOW_OK) return;
    }
}

/// Players want to know at once that there is video: audio does not begin without it.
bool Demuxer::waits_for_video(const Stream &stream, int64_t time) const {
    if (start_.has_started() || mpegts::is_video(stream.about.codec)) return false;
    const bool has_video = std::any_of(streams_.begin(), streams_.end(), [](const auto &other) {
        return mpegts::is_video(other->about.codec);
    });
    return has_video && first_time_ && time - *first_time_ < video_wait;
}

void Demuxer::complain(Stream &stream) {
    if (std::exchange(stream.complained, true)) return;
    GST_ELEMENT_WARNING(element_, STREAM, FORMAT,
                        ("A stream is left out of FLV: %s.", stream.track.obstacle().c_str()),
                        ("PID %u", stream.about.pid));
}

void Demuxer::push_pad(Stream &stream, const mpegts::Unit &unit, bool keyframe,
                       const mpegts::Timeline::Times &times) {
    const bool is_first = !stream.pad;
    // A decoder can use nothing before a keyframe.
    if (is_first && !keyframe) return;
    if (is_first || keyframe || mpegts::is_audio(stream.about.codec)) {
        if (auto caps = caps_of(stream.about, unit.format, stream.track);
            caps && (!stream.caps || !gst_caps_is_equal(caps.get(), stream.caps.get()))) {
            stream.caps = std::move(caps);
            if (is_first)
                add_pad(stream);
            else
                gst_pad_push_event(stream.pad, gst_event_new_caps(stream.caps.get()));
        }
    }
    if (!stream.pad) return;
    if (!gst_pad_is_linked(stream.pad)) return combine(stream.pad, GST_FLOW_NOT_LINKED);
    auto buffer = buffer_of(unit.data);
    GST_BUFFER_PTS(buffer.get()) = static_cast<GstClockTime>(times.pts);
    if (mpegts::is_video(stream.about.codec))
        GST_BUFFER_DTS(buffer.get()) = static_cast<GstClockTime>(times.dts);
    if (unit.samples > 0 && unit.format && unit.format->rate > 0)
        GST_BUFFER_DURATION(buffer.get()) =
            gst_util_uint64_scale_int(GST_SECOND, int(unit.samples), int(unit.format->rate));
    if (!keyframe) GST_BUFFER_FLAG_SET(buffer.get(), GST_BUFFER_FLAG_DELTA_UNIT);
    if (std::exchange(stream.discont, false))
        GST_BUFFER_FLAG_SET(buffer.get(), GST_BUFFER_FLAG_DISCONT);
    counters_.out(unit.data.size());
    combine(stream.pad, gst_pad_push(stream.pad, buffer.release()));
}

/// Pads that are not linked matter only if none is, and all that will come are there.
void Demuxer::combine(GstPad *pad, GstFlowReturn flow) {
    flow_ = gst_flow_combiner_update_pad_flow(combiner_, pad, flow);
    if (flow_ == GST_FLOW_NOT_LINKED && !no_more_pads_) flow_ = GST_FLOW_OK;
}

/// Audio is sent in larger pieces than video, and comes behind it: sinks that sync have to wait.
void Demuxer::note_lateness(int64_t lateness) {
    const int64_t known = lateness_;
    if (lateness <= known || known >= max_lateness) return;
    const int64_t steps = (lateness + lateness_step - 1) / lateness_step;
    lateness_ = std::min(steps * lateness_step, max_lateness);
    gst_element_post_message(element_, gst_message_new_latency(GST_OBJECT(element_)));
}

// --- stats --------------------------------------------------------------------------------

void Demuxer::update_report() {
    const std::lock_guard lock(report_lock_);
    report_.stats = demuxer_->stats();
    report_.jumps = timeline_.jumps();
    if (report_.programs.empty() || tables_version_ != demuxer_->tables_version()) {
        tables_version_ = demuxer_->tables_version();
        report_.programs = demuxer_->programs();
        const mpegts::Program *program = demuxer_->program();
        report_.program = program ? std::optional(*program) : std::nullopt;
    }
    const size_t count = report_.program ? report_.program->streams.size() : 0;
    report_.streams.resize(count);
    report_.pads.resize(count);
    for (size_t i = 0; i < count; ++i) {
        const mpegts::StreamUnits *units = demuxer_->stream(i);
        report_.streams[i] = units ? units->counters() : mpegts::StreamCounters();
        const bool has_pad = i < streams_.size() && streams_[i] && streams_[i]->pad;
        if (!has_pad)
            report_.pads[i].clear();
        else if (report_.pads[i].empty())
            report_.pads[i] = GST_PAD_NAME(streams_[i]->pad);
    }
}

namespace {

void append(GValue *list, GstStructure *structure) {
    GValue value = G_VALUE_INIT;
    g_value_init(&value, GST_TYPE_STRUCTURE);
    g_value_take_boxed(&value, structure);
    gst_value_array_append_and_take_value(list, &value);
}

} // namespace

GstPtr<GstStructure> Demuxer::stats() const {
    guint linked = 0;
    for (const auto &pad : src_pads())
        linked += gst_pad_is_linked(pad.get()) ? 1 : 0;
    auto s = counters_.with_peers(linked).to_structure();
    const std::lock_guard lock(report_lock_);
    const auto &of = report_.stats;
    const auto count = [](uint64_t value) { return guint64(value); };
    gst_structure_set(
        s.get(), "packets", G_TYPE_UINT64, count(of.packets), "packet-size", G_TYPE_UINT,
        guint(of.packet_distance), "lost-packets", G_TYPE_UINT64, count(of.lost), "broken-packets",
        G_TYPE_UINT64, count(of.broken), "scrambled-packets", G_TYPE_UINT64, count(of.scrambled),
        "damaged-units", G_TYPE_UINT64, count(of.damaged), "resyncs", G_TYPE_UINT64,
        count(of.resyncs), "skipped-bytes", G_TYPE_UINT64, count(of.skipped), "table-errors",
        G_TYPE_UINT64, count(of.table_errors), "clock-jumps", G_TYPE_UINT64, count(of.clock_jumps),
        "time-jumps", G_TYPE_UINT64, count(report_.jumps), "program", G_TYPE_UINT,
        guint(report_.program ? report_.program->number : 0), nullptr);
    GValue programs = G_VALUE_INIT, streams = G_VALUE_INIT;
    g_value_init(&programs, GST_TYPE_ARRAY);
    g_value_init(&streams, GST_TYPE_ARRAY);
    for (const mpegts::Program &program : report_.programs)
        append(&programs,
               gst_structure_new("program", "number", G_TYPE_UINT, guint(program.number), "streams",
                                 G_TYPE_UINT, guint(program.streams.size()), nullptr));
    for (size_t i = 0; i < report_.streams.size(); ++i) {
        const mpegts::ElementaryStream &about = report_.program->streams[i];
        const mpegts::StreamCounters &counters = report_.streams[i];
        append(&streams, gst_structure_new("stream", "pid", G_TYPE_UINT, guint(about.pid), "type",
                                           G_TYPE_UINT, guint(about.type), "codec", G_TYPE_STRING,
                                           mpegts::name_of(about.codec), "language", G_TYPE_STRING,
                                           about.language.data(), "pad", G_TYPE_STRING,
                                           report_.pads[i].c_str(), "packets", G_TYPE_UINT64,
                                           count(counters.packets), "lost-packets", G_TYPE_UINT64,
                                           count(counters.lost), "units", G_TYPE_UINT64,
                                           count(counters.units), "damaged-units", G_TYPE_UINT64,
                                           count(counters.damaged), nullptr));
    }
    gst_structure_take_value(s.get(), "programs", &programs);
    gst_structure_take_value(s.get(), "streams", &streams);
    return s;
}

} // namespace penstock::ts

// SPDX-License-Identifier: LGPL-2.1-or-later
// Creation, state changes and output of the segmenter. sink_pads.cpp handles its pads.
#include "hls/sink.h"

#include "core/hls/cmaf_writer.h"
#include "core/hls/ts_writer.h"

#include <algorithm>

GST_DEBUG_CATEGORY_EXTERN(penstock_hls_segmenter_debug);
#define GST_CAT_DEFAULT penstock_hls_segmenter_debug

namespace penstock::hls {

Sink::Sink(GstElement *element) : element_(element) {
    for (Input &input : inputs_)
        gst_segment_init(&input.segment, GST_FORMAT_UNDEFINED);
}

Sink::~Sink() = default;

Settings Sink::settings() const {
    std::lock_guard lock(settings_mutex_);
    return settings_;
}

void Sink::set_settings(Settings settings) {
    std::lock_guard lock(settings_mutex_);
    settings_ = std::move(settings);
}

GstPad *Sink::request_pad(GstPadTemplate *templ, Kind kind, const gchar *name) {
    const char *what = kind == Kind::video ? "video" : "audio";
    GOwned<gchar> pad_name(name ? g_strdup(name) : g_strdup_printf("%s_0", what));
    GstPad *pad = gst_pad_new_from_template(templ, pad_name.get());
    {
        std::lock_guard lock(mutex_);
        Input &in = input(kind);
        if (in.pad) {
            gst_object_unref(gst_object_ref_sink(pad));
            pad = nullptr;
        } else {
            in = Input();
            in.pad = pad;
            gst_segment_init(&in.segment, GST_FORMAT_UNDEFINED);
            if (segmenter_) segmenter_->declare(kind);
        }
    }
    if (!pad) {
        GST_ELEMENT_WARNING(element_, STREAM, MUX,
                            ("There is no second %s track: an HLS stream has one.", what),
                            ("send it to an hlssegmenter of its own"));
    }
    return pad;
}

void Sink::release_pad(GstPad *pad) {
    const auto kind = kind_of(pad);
    if (!kind) return;
    {
        std::lock_guard lock(mutex_);
        input(*kind).flushing = true;
        unschedule(input(*kind));
        changed_.notify_all();
    }
    gst_pad_set_active(pad, FALSE); // waits for the streaming thread
    {
        std::lock_guard lock(mutex_);
        input(*kind).pad = nullptr;
        if (segmenter_) segmenter_->remove(*kind);
    }
    gst_element_remove_pad(element_, pad);
    deliver();
    check_eos();
}

bool Sink::start() {
    const Settings settings = this->settings();
    std::string error;
    std::unique_ptr<SegmentWriter> writer;
    if (settings.container == ContainerType::cmaf)
        writer = std::make_unique<CmafWriter>();
    else
        writer = std::make_unique<TsWriter>();
    std::unique_ptr<Output> output = Output::open(settings, writer->container(), &error);
    if (!output) {
        GST_ELEMENT_ERROR(element_, RESOURCE, OPEN_WRITE, ("%s", error.c_str()), (nullptr));
        return false;
    }
    GST_INFO_OBJECT(element_, "%s", output->url().c_str());
    Segmenter::Options options;
    options.target_duration = static_cast<int64_t>(settings.target_duration);
    options.wall_clock = [] { return int64_t(g_get_real_time()) * 1000; };
    options.monotonic_clock = [] { return int64_t(g_get_monotonic_time()) * 1000; };
    options.part_duration = static_cast<int64_t>(settings.part_duration);
    options.announced = output->stats().stream.target_duration;
    options.part_target = output->stats().stream.part_target;
    if (options.announced && settings.target_duration > options.announced * GST_SECOND)
        GST_WARNING_OBJECT(element_,
                           "segments of %" G_GUINT64_FORMAT " s: the playlist that is served under "
                           "this location has announced them, and goes on",
                           guint64(options.announced));
    std::lock_guard lock(mutex_);
    output_ = std::move(output);
    segmenter_ = std::make_unique<Segmenter>(std::move(options), std::move(writer));
    running_settings_ = settings;
    for (Input &in : inputs_) {
        in.flushing = in.eos = in.have_segment = false;
        in.live.reset();
        in.seqnum = GST_SEQNUM_INVALID;
        gst_segment_init(&in.segment, GST_FORMAT_UNDEFINED);
    }
    for (Kind kind : {Kind::video, Kind::audio})
        if (input(kind).pad) segmenter_->declare(kind);
    realtime_ = true;
    stopping_ = ended_ = eos_pending_ = stream_start_posted_ = false;
    position_ = -1;
    published_ = dropped_ = 0;
    counters_.start();
    return true;
}

void Sink::set_playing(bool playing) {
    {
        std::lock_guard lock(mutex_);
        playing_ = playing;
        // EOS is posted again at the next PLAYING.
        if (!playing) eos_pending_ = ended_;
        if (!playing)
            for (Input &in : inputs_)
                unschedule(in);
        changed_.notify_all();
    }
    post_eos();
}

void Sink::post_eos() {
    uint32_t seqnum = GST_SEQNUM_INVALID;
    {
        std::lock_guard lock(mutex_);
        if (!playing_ || !std::exchange(eos_pending_, false)) return;
        seqnum = eos_seqnum_;
    }
    GstMessage *message = gst_message_new_eos(GST_OBJECT(element_));
    if (seqnum != GST_SEQNUM_INVALID) gst_message_set_seqnum(message, seqnum);
    gst_element_post_message(element_, message);
}

void Sink::begin_stop() {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    playing_ = false;
    for (Input &in : inputs_)
        unschedule(in);
    changed_.notify_all();
    if (output_) output_->cancel();
}

void Sink::stop() {
    {
        std::lock_guard lock(mutex_);
        if (!segmenter_) return;
        segmenter_->finish();
    }
    deliver();
    std::shared_ptr<Output> output;
    {
        std::lock_guard lock(mutex_);
        segmenter_.reset();
        output = std::move(output_);
    }
    if (!output) return;
    output->end();
    post_reports(*output);
}

void Sink::unschedule(Input &in) {
    if (in.waiting) gst_clock_id_unschedule(in.waiting);
}

bool Sink::waits(bool live) const {
    const Sync sync = running_settings_.sync;
    return sync == Sync::yes || (sync == Sync::automatic && !live);
}

/// Waits until the clock shows the running time.
GstFlowReturn Sink::wait_for(Kind kind, int64_t running_time) {
    Lock lock(mutex_);
    for (;;) {
        Input &in = input(kind);
        if (stopping_ || in.flushing) return GST_FLOW_FLUSHING;
        if (!playing_) {
            changed_.wait(lock);
            continue;
        }
        const auto clock = GstPtr<GstClock>::adopt(gst_element_get_clock(element_));
        if (!clock || running_time <= 0) return GST_FLOW_OK;
        const GstClockTime time =
            gst_element_get_base_time(element_) + static_cast<GstClockTime>(running_time);
        if (time <= gst_clock_get_time(clock.get())) return GST_FLOW_OK;
        GstClockID id = gst_clock_new_single_shot_id(clock.get(), time);
        in.waiting = id;
        lock.unlock();
        const GstClockReturn result = gst_clock_id_wait(id, nullptr);
        lock.lock();
        input(kind).waiting = nullptr;
        gst_clock_id_unref(id);
        if (result != GST_CLOCK_UNSCHEDULED) return GST_FLOW_OK;
    }
}

void Sink::post_warnings(const std::vector<std::string> &texts) {
    for (const std::string &text : texts)
        GST_ELEMENT_WARNING(element_, STREAM, MUX, ("%s", text.c_str()), (nullptr));
}

void Sink::post_reports(Output &output) {
    for (const std::string &text : output.take_reports())
        GST_ELEMENT_WARNING(element_, RESOURCE, WRITE, ("%s", text.c_str()),
                            ("the next segment is tried again"));
}

void Sink::deliver() {
    std::vector<std::string> warnings;
    std::shared_ptr<Output> output;
    {
        std::lock_guard deliver_lock(deliver_mutex_);
        for (;;) {
            Segment segment;
            bool may_wait = false;
            {
                std::lock_guard lock(mutex_);
                if (!segmenter_ || !output_) break;
                output = output_;
                for (std::string &text : segmenter_->take_warnings())
                    warnings.push_back(std::move(text));
                if (!segmenter_->take(segment)) break;
                published_ += segment.complete;
                may_wait = !realtime_;
            }
            GST_LOG_OBJECT(element_, "%s of %" GST_TIME_FORMAT ", %zu bytes, %zu parts%s",
                           segment.part_target > 0 ? "piece" : "segment",
                           GST_TIME_ARGS(segment.duration), segment.data.size(),
                           segment.parts.size(), segment.discontinuity ? ", discontinuity" : "");
            output->publish(std::move(segment), may_wait);
        }
    }
    post_warnings(warnings);
    if (output) post_reports(*output);
}

void Sink::check_eos() {
    // Links are read without mutex_, because GstPad takes its own lock.
    std::array<bool, 2> linked{};
    for (const auto &pad : linked_pads())
        if (const auto kind = kind_of(pad.get())) linked[static_cast<size_t>(*kind)] = true;
    {
        std::lock_guard lock(mutex_);
        if (!segmenter_ || ended_ || stopping_) return;
        bool any = false;
        for (size_t i = 0; i < inputs_.size(); ++i) {
            if (!inputs_[i].pad) continue;
            if (linked[i] && !inputs_[i].eos) return;
            any = any || inputs_[i].eos;
        }
        if (!any) return;
        ended_ = true;
        segmenter_->finish();
    }
    deliver();
    std::shared_ptr<Output> output;
    {
        std::lock_guard lock(mutex_);
        output = output_;
    }
    // After EOS the application may assume that everything has been written.
    if (output) {
        output->end();
        post_reports(*output);
    }
    {
        std::lock_guard lock(mutex_);
        eos_pending_ = true;
    }
    post_eos();
}

GstPtr<GstStructure> Sink::stats() const {
    std::shared_ptr<Output> output;
    {
        std::lock_guard lock(mutex_);
        output = output_;
    }
    const Output::Stats out = output ? output->stats() : Output::Stats();
    const std::string url = output ? output->url() : std::string();
    std::lock_guard lock(mutex_);
    const Segmenter::Stats s = segmenter_ ? segmenter_->stats() : Segmenter::Stats();
    Stats common = counters_.with_peers(out.viewers);
    common.bytes_out = out.bytes_out;
    common.buffers_out = published_;
    common.drops = s.dropped + dropped_;
    if (!segmenter_) common.since = 0;
    auto stats = common.to_structure();
    gst_structure_set(stats.get(), "segments", G_TYPE_UINT64, guint64(out.stream.segments),
                      "lost-segments", G_TYPE_UINT64, guint64(out.lost_segments), "discontinuities",
                      G_TYPE_UINT64, guint64(s.discontinuities), "media-sequence", G_TYPE_UINT64,
                      guint64(out.stream.media_sequence), "bitrate", G_TYPE_UINT64,
                      guint64(out.stream.bitrate), "kept-bytes", G_TYPE_UINT64,
                      guint64(s.kept_bytes), "waiting", G_TYPE_UINT64, guint64(out.waiting),
                      "codecs", G_TYPE_STRING, out.stream.codecs.c_str(), "url", G_TYPE_STRING,
                      url.c_str(), nullptr);
    return stats;
}

} // namespace penstock::hls

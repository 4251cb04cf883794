// SPDX-License-Identifier: LGPL-2.1-or-later
// Creation, state changes and output of the segmenter. sink_pads.cpp handles its pads.
#include "hls/sink.h"

#include "core/hls/cmaf_writer.h"
#include "core/hls/ts_writer.h"
#include "gst/tls_files.h"
#include "hls/about.h"
#include "hls/pad.h"

#include <algorithm>
#include <utility>

GST_DEBUG_CATEGORY_EXTERN(penstock_hls_segmenter_debug);
#define GST_CAT_DEFAULT penstock_hls_segmenter_debug

namespace penstock::hls {

Sink::Sink(GstElement *element) : element_(element) {
}

Sink::~Sink() = default;

void Sink::Input::reset() {
    flushing = eos = have_segment = false;
    position = -1;
    live.reset();
    reached.reset();
    title = {};
    seqnum = GST_SEQNUM_INVALID;
    gst_segment_init(&segment, GST_FORMAT_UNDEFINED);
}

Settings Sink::settings() const {
    std::lock_guard lock(settings_mutex_);
    return settings_;
}

void Sink::set_settings(Settings settings) {
    std::lock_guard lock(settings_mutex_);
    settings_ = std::move(settings);
}

/// What the pads that there are become.
Layout Sink::layout_of(const Settings &settings) const {
    const auto count = [&](Media media) {
        return std::count_if(inputs_.begin(), inputs_.end(),
                             [&](const auto &input) { return input->media == media; });
    };
    // In MPEG-TS audio has no rendition that subtitles could be beside.
    const bool has_text = count(Media::subtitles) > 0 &&
                          (count(Media::video) > 0 || settings.container == ContainerType::cmaf);
    const bool is_plain = count(Media::video) <= 1 && count(Media::audio) <= 1 && !has_text;
    switch (settings.renditions) {
    case Renditions::separate:
        return Layout::separate;
    case Renditions::muxed:
        if (count(Media::video) == 1 && has_text) return Layout::muxed;
        return count(Media::video) <= 1 ? Layout::single : Layout::muxed;
    default:
        if (is_plain) return Layout::single;
        return settings.container == ContainerType::cmaf ? Layout::separate : Layout::muxed;
    }
}

/// Makes the pad's track; `mutex_` is held.
void Sink::declare(Input &in) {
    const char *name = GST_PAD_NAME(in.pad);
    if (in.media == Media::metadata) return;
    in.track = in.media == Media::subtitles ? presentation_->declare_text(name)
                                            : presentation_->declare(kind_of(in.media), name);
    describe(in);
}

/// Tells what is known of the pad's track; `mutex_` is held.
void Sink::describe(Input &in) {
    if (!presentation_ || !in.track) return;
    About about = about_of(in.pad, in.caps.get(), in.tags);
    if (in.media == Media::subtitles)
        presentation_->set_text_about(*in.track, std::move(about));
    else
        presentation_->set_about(*in.track, std::move(about));
}

void Sink::update_about(GstPad *pad) {
    std::lock_guard lock(mutex_);
    if (Input *in = find(pad)) describe(*in);
}

GstPad *Sink::request_pad(GstPadTemplate *templ, Media media, const gchar *name) {
    const char *what = name_of(media);
    std::string pad_name = name ? name : "";
    GstPad *pad = nullptr;
    {
        std::lock_guard lock(mutex_);
        const auto is_taken = [&](const std::string &wanted) {
            return std::any_of(inputs_.begin(), inputs_.end(), [&](const auto &input) {
                return wanted == GST_PAD_NAME(input->pad);
            });
        };
        for (unsigned i = 0; pad_name.empty() || (!name && is_taken(pad_name)); ++i)
            pad_name = std::string(what) + "_" + std::to_string(i);
        if (is_taken(pad_name)) return nullptr;
        auto in = std::make_unique<Input>();
        in->media = media;
        gst_segment_init(&in->segment, GST_FORMAT_UNDEFINED);
        pad = GST_PAD(g_object_new(PENSTOCK_TYPE_HLS_SEGMENTER_PAD, "name", pad_name.c_str(),
                                   "direction", GST_PAD_SINK, "template", templ, nullptr));
        in->pad = pad;
        if (presentation_) declare(*in);
        if (!presentation_ || in->track || media == Media::metadata)
            inputs_.push_back(std::move(in));
        else
            gst_object_unref(gst_object_ref_sink(std::exchange(pad, nullptr)));
    }
    deliver(); // the renditions
    if (pad) return pad;
    GST_ELEMENT_WARNING(element_, STREAM, MUX,
                        ("There is no place for another %s track in what is served.", what),
                        ("request all pads before the element starts, or set container=cmaf "
                         "renditions=separate"));
    return nullptr;
}

void Sink::release_pad(GstPad *pad) {
    {
        std::lock_guard lock(mutex_);
        Input *in = find(pad);
        if (!in) return;
        in->flushing = true;
        unschedule(*in);
        changed_.notify_all();
    }
    gst_pad_set_active(pad, FALSE); // waits for the streaming thread
    {
        std::lock_guard lock(mutex_);
        if (Input *in = find(pad); in && presentation_ && in->track) {
            if (in->media == Media::subtitles)
                presentation_->remove_text(*in->track);
            else
                presentation_->remove(*in->track);
        }
        std::erase_if(inputs_, [&](const auto &input) { return input->pad == pad; });
    }
    gst_element_remove_pad(element_, pad);
    deliver();
    check_eos();
}

GstPtr<GstPad> Sink::pad_at(unsigned index) const {
    std::lock_guard lock(mutex_);
    return index < inputs_.size() ? GstPtr<GstPad>::ref(inputs_[index]->pad) : GstPtr<GstPad>();
}

unsigned Sink::pad_count() const {
    std::lock_guard lock(mutex_);
    return static_cast<unsigned>(inputs_.size());
}

bool Sink::start() {
    const Settings settings = this->settings();
    std::string error;
    const bool is_cmaf = settings.container == ContainerType::cmaf;
    Layout layout;
    {
        std::lock_guard lock(mutex_);
        layout = layout_of(settings);
    }
    const bool has_renditions = layout != Layout::single;
    std::shared_ptr<Output> output =
        Output::open(settings, is_cmaf ? cmaf_container : ts_container, has_renditions, &error);
    if (!output) {
        GST_ELEMENT_ERROR(element_, RESOURCE, OPEN_WRITE, ("%s", error.c_str()), (nullptr));
        return false;
    }
    GST_INFO_OBJECT(element_, "%s", output->url().c_str());
    warn_of_idle_tls(element_, settings.location, settings.tls);
    Presentation::Options options;
    options.layout = layout;
    options.make_writer = [is_cmaf]() -> std::unique_ptr<SegmentWriter> {
        if (is_cmaf) return std::make_unique<CmafWriter>();
        return std::make_unique<TsWriter>();
    };
    options.part_target = [output](const std::string &name) { return output->part_target(name); };
    Segmenter::Options &segmenter = options.segmenter;
    segmenter.target_duration = static_cast<int64_t>(settings.target_duration);
    if (!settings.is_vod) // a file was not made now
        segmenter.wall_clock = [this] { return int64_t(g_get_real_time()) * 1000 - lateness_; };
    segmenter.monotonic_clock = [] { return int64_t(g_get_monotonic_time()) * 1000; };
    segmenter.part_duration = static_cast<int64_t>(settings.part_duration);
    segmenter.fixes_target = !settings.is_vod;
    segmenter.announced = output->stats().stream.target_duration;
    segmenter.part_target = output->stats().stream.part_target;
    if (segmenter.announced && settings.target_duration > segmenter.announced * GST_SECOND)
        GST_WARNING_OBJECT(element_,
                           "segments of %" G_GUINT64_FORMAT " s: the playlist that is served under "
                           "this location has announced them, and goes on",
                           guint64(segmenter.announced));
    std::string left_out;
    {
        std::lock_guard lock(mutex_);
        output_ = std::move(output);
        has_renditions_ = has_renditions;
        presentation_ = std::make_unique<Presentation>(std::move(options));
        running_settings_ = settings;
        told_.clear();
        date_ranges_ = {};
        title_.clear();
        artist_.clear();
        range_seqnum_ = GST_SEQNUM_INVALID;
        for (const auto &in : inputs_) {
            in->reset();
            declare(*in);
            if (!in->track && in->media != Media::metadata)
                left_out += std::string(" ") + GST_PAD_NAME(in->pad);
        }
        realtime_ = true;
        stopping_ = ended_ = eos_pending_ = stream_start_posted_ = false;
        furthest_ = -1;
        lateness_ = begun_at_ = 0;
        begins_ = true;
        published_ = dropped_ = 0;
        counters_.start();
    }
    if (!left_out.empty())
        GST_ELEMENT_WARNING(element_, STREAM, MUX, ("Left out:%s.", left_out.c_str()),
                            ("further audio tracks, and subtitles without video, need "
                             "container=cmaf, and renditions=separate or auto"));
    deliver(); // the renditions
    return true;
}

void Sink::set_playing(bool playing) {
    {
        std::lock_guard lock(mutex_);
        playing_ = playing;
        // EOS is posted again at the next PLAYING.
        if (!playing) eos_pending_ = ended_;
        if (!playing)
            for (const auto &in : inputs_)
                unschedule(*in);
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
    for (const auto &in : inputs_)
        unschedule(*in);
    changed_.notify_all();
    if (output_) output_->cancel();
}

void Sink::stop() {
    {
        std::lock_guard lock(mutex_);
        if (!presentation_) return;
        presentation_->finish();
    }
    deliver();
    std::shared_ptr<Output> output;
    bool is_cut_off = false;
    {
        std::lock_guard lock(mutex_);
        is_cut_off = running_settings_.is_vod && !ended_ && published_ > 0;
        presentation_.reset();
        for (const auto &in : inputs_)
            in->track.reset();
        output = std::move(output_);
    }
    if (!output) return;
    output->end();
    post_reports(*output);
    if (is_cut_off)
        GST_ELEMENT_WARNING(
            element_, STREAM, MUX,
            ("The stream did not come to its end: %s has what came before.", output->url().c_str()),
            (nullptr));
}

void Sink::unschedule(Input &in) {
    if (in.waiting) gst_clock_id_unschedule(in.waiting);
}

bool Sink::waits(bool live) const {
    const Sync sync = running_settings_.sync;
    return sync == Sync::yes || (sync == Sync::automatic && !live && !running_settings_.is_vod);
}

/// Waits until the clock shows the running time.
GstFlowReturn Sink::wait_for(GstPad *pad, int64_t running_time) {
    Lock lock(mutex_);
    Input *const found = find(pad);
    if (!found) return GST_FLOW_FLUSHING;
    Input &in = *found;
    for (;;) {
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
        in.waiting = nullptr;
        gst_clock_id_unref(id);
        if (result != GST_CLOCK_UNSCHEDULED) return GST_FLOW_OK;
    }
}

void Sink::post_warnings(const std::vector<std::string> &texts) {
    for (const std::string &text : texts)
        GST_ELEMENT_WARNING(element_, STREAM, MUX, ("%s", text.c_str()), (nullptr));
}

bool Sink::is_package() const {
    std::lock_guard lock(mutex_);
    return running_settings_.is_vod;
}

/// A package that is not whole is an error; a live stream goes on.
void Sink::post_reports(Output &output) {
    const std::vector<std::string> reports = output.take_reports();
    if (is_package() && output.has_failed()) {
        if (reports.empty()) return;
        std::string all;
        for (const std::string &text : reports)
            all += (all.empty() ? "" : "; ") + text;
        GST_ELEMENT_ERROR(element_, RESOURCE, WRITE, ("%s", all.c_str()), (nullptr));
        return;
    }
    for (const std::string &text : reports)
        GST_ELEMENT_WARNING(element_, RESOURCE, WRITE, ("%s", text.c_str()),
                            ("the next segment is tried again"));
}

void Sink::deliver() {
    std::vector<std::string> warnings;
    std::shared_ptr<Output> output;
    {
        std::lock_guard deliver_lock(deliver_mutex_);
        for (bool more = true; more;) {
            Segment segment;
            bool may_wait = false;
            std::optional<std::vector<Presentation::Expected>> renditions;
            {
                std::lock_guard lock(mutex_);
                if (!presentation_ || !output_) break;
                output = output_;
                for (std::string &text : presentation_->take_warnings())
                    warnings.push_back(std::move(text));
                if (has_renditions_ && told_ != presentation_->expected())
                    renditions = told_ = presentation_->expected();
                more = presentation_->take(segment);
                // Without a segment nothing says how far the stream has come.
                if (more)
                    date_ranges_.resolve([&](int64_t time) { return presentation_->date(time); },
                                         segment.place.end);
                segment.ranges = date_ranges_.list();
                published_ += more && segment.complete;
                may_wait = !realtime_;
            }
            if (renditions) output->set_renditions(*renditions);
            if (!more) break;
            GST_LOG_OBJECT(element_, "%s %s of %" GST_TIME_FORMAT ", %zu bytes, %zu parts%s",
                           segment.about ? segment.about->name.c_str() : "",
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
    const auto linked = linked_pads();
    {
        std::lock_guard lock(mutex_);
        if (!presentation_ || ended_ || stopping_) return;
        bool any = false;
        for (const auto &in : inputs_) {
            const bool is_linked = std::any_of(linked.begin(), linked.end(), [&](const auto &pad) {
                return pad.get() == in->pad;
            });
            if (is_linked && !in->eos) return;
            any = any || in->eos;
        }
        if (!any) return;
        ended_ = true;
        presentation_->finish();
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
        if (is_package() && output->has_failed()) return; // an error was posted instead
    }
    warn_of_early_end();
    {
        std::lock_guard lock(mutex_);
        eos_pending_ = true;
    }
    post_eos();
}

/// A file that is cut off ends like any other, only before its duration.
void Sink::warn_of_early_end() {
    constexpr gint64 usual = 2 * GST_SECOND; // by which durations are wrong
    gint64 longest = 0;
    for (const auto &pad : linked_pads()) {
        gint64 duration = 0;
        if (gst_pad_peer_query_duration(pad.get(), GST_FORMAT_TIME, &duration))
            longest = std::max(longest, duration);
    }
    gint64 end = 0;
    {
        std::lock_guard lock(mutex_);
        if (!running_settings_.is_vod) return;
        end = furthest_;
    }
    if (longest - end <= std::max(usual, longest / 100)) return;
    GST_ELEMENT_WARNING(
        element_, STREAM, MUX,
        ("The input ends at %u:%02u:%02u of %u:%02u:%02u; that is packaged. Is the file whole?",
         unsigned(end / (3600 * GST_SECOND)), unsigned(end / (60 * GST_SECOND) % 60),
         unsigned(end / GST_SECOND % 60), unsigned(longest / (3600 * GST_SECOND)),
         unsigned(longest / (60 * GST_SECOND) % 60), unsigned(longest / GST_SECOND % 60)),
        (nullptr));
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
    const Segmenter::Stats s = presentation_ ? presentation_->stats() : Segmenter::Stats();
    Stats common = counters_.with_peers(out.viewers);
    common.bytes_out = out.bytes_out;
    common.buffers_out = published_;
    common.drops = s.dropped + dropped_;
    if (!presentation_) common.since = 0;
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

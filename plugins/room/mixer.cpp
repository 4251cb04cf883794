// SPDX-License-Identifier: LGPL-2.1-or-later
// Pads, states, errors and statistics of roommixer; mixer_layout.cpp has what is in a frame.
#include "room/mixer.h"

#include "gst/guard.h"
#include "gst/steady_time.h"
#include "room/pads.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <utility>

GST_DEBUG_CATEGORY_EXTERN(penstock_roommixer_debug);
#define GST_CAT_DEFAULT penstock_roommixer_debug

namespace penstock::room {
namespace {

/// Inputs at a time, seen or not.
constexpr size_t most_inputs = 256;
/// Larger frames have the colours of HD, as GStreamer and players assume.
constexpr unsigned sd_height = 576;

} // namespace

Mixer::Mixer(GstBin *bin, GstPad *video, GstPad *audio) : bin_(bin), video_(video), audio_(audio) {
}

MixerSettings Mixer::settings() const {
    std::lock_guard lock(lock_);
    return settings_;
}

void Mixer::set_settings(const MixerSettings &settings) {
    {
        std::lock_guard lock(lock_);
        settings_ = settings;
    }
    note_change();
}

Mixer::Inputs Mixer::inputs() const {
    std::lock_guard lock(lock_);
    return inputs_;
}

std::optional<int64_t> Mixer::running_now() const {
    const auto clock = GstPtr<GstClock>::adopt(gst_element_get_clock(GST_ELEMENT(bin_)));
    const GstClockTime base = gst_element_get_base_time(GST_ELEMENT(bin_));
    if (!clock || !GST_CLOCK_TIME_IS_VALID(base) || !has_begun_playing_) return std::nullopt;
    return GST_CLOCK_DIFF(base, gst_clock_get_time(clock.get()));
}

// --- pads ---------------------------------------------------------------------------------

GstPad *Mixer::request_pad(GstPadTemplate *templ, const char *name) {
    if (!build()) return nullptr;
    uint32_t number = 0;
    const bool is_named = name && g_str_has_prefix(name, "sink_") && !strchr(name, '%');
    if (is_named) {
        const char *end = name + strlen(name);
        if (std::from_chars(name + 5, end, number).ptr != end) return nullptr;
    }
    GstPad *pad = nullptr;
    InputPtr input;
    {
        std::lock_guard lock(lock_);
        const bool is_taken = std::any_of(inputs_.begin(), inputs_.end(), [&](const InputPtr &one) {
            return is_named && one->id() == number;
        });
        if (is_taken || inputs_.size() >= most_inputs) {
            GST_WARNING_OBJECT(bin_, "no pad: %s",
                               is_taken ? "there is one of this number" : "there are too many");
            return nullptr;
        }
        if (!is_named) number = next_id_;
        next_id_ = std::max(next_id_, number + 1);
        const std::string full = "sink_" + std::to_string(number);
        pad = gst_ghost_pad_new_no_target_from_template(full.c_str(), templ);
        input = std::make_shared<Input>(static_cast<InputOwner &>(*this), number, pad,
                                        int64_t(settings_.latency));
        inputs_.push_back(input);
    }
    if (!input->build()) {
        GST_ELEMENT_ERROR(
            bin_, CORE, MISSING_PLUGIN,
            ("The GStreamer element flvlivedemux is missing: it comes with Penstock."), (nullptr));
        std::lock_guard lock(lock_);
        std::erase(inputs_, input);
        gst_object_unref(gst_object_ref_sink(pad));
        return nullptr;
    }
    g_signal_connect(pad, "unlinked", G_CALLBACK(on_unlinked), this);
    gst_pad_set_active(pad, TRUE);
    gst_element_add_pad(GST_ELEMENT(bin_), pad);
    return pad;
}

void Mixer::release_pad(GstPad *pad) {
    for (const InputPtr &input : inputs())
        if (input->pad() == pad) remove(input);
}

/// Once, whoever comes first.
void Mixer::remove(const InputPtr &input) {
    {
        std::lock_guard lock(lock_);
        if (std::erase(inputs_, input) == 0) return;
    }
    note_change();
    input->remove();
    gst_element_remove_pad(GST_ELEMENT(bin_), input->pad());
}

/// A pad that was made for a source's pad that has come and gone, as the link `a : b` does, is
/// released by nobody.
void Mixer::on_unlinked(GstPad *pad, GstPad *, gpointer data) {
    auto *self = static_cast<Mixer *>(data);
    guard(self->bin_, [&] {
        for (const InputPtr &input : self->inputs()) {
            if (input->pad() != pad || !input->has_ended()) continue;
            gst_element_call_async(
                GST_ELEMENT(self->bin_),
                [](GstElement *element, gpointer gone) {
                    gst_element_release_request_pad(element, GST_PAD(gone));
                },
                gst_object_ref(pad), gst_object_unref);
        }
    });
}

// --- elements -----------------------------------------------------------------------------

GstElement *Mixer::add(const char *factory, const char *name) {
    GstElement *element = gst_element_factory_make(factory, name);
    if (!element) {
        GST_ELEMENT_ERROR(bin_, CORE, MISSING_PLUGIN,
                          ("The GStreamer element %s is missing: `penstock check` on a description "
                           "names its package.",
                           factory),
                          (nullptr));
        return nullptr;
    }
    gst_bin_add(bin_, element);
    return element;
}

/// A pad that feeds a mixer what is below everything else.
GstPtr<GstPad> Mixer::make_source(GstElement *mixer, const char *name) {
    auto pad = GstPtr<GstPad>::ref(gst_pad_new(name, GST_PAD_SRC));
    gst_pad_set_query_function(pad.get(), answer_query);
    const auto sink = GstPtr<GstPad>::adopt(gst_element_request_pad_simple(mixer, "sink_%u"));
    gst_pad_link(pad.get(), sink.get());
    return pad;
}

bool Mixer::build() {
    std::lock_guard building(build_lock_);
    if (is_built_) return true;
    compositor_ = add("compositor", "compositor");
    format_ = add("capsfilter", "video-format");
    audiomixer_ = add("audiomixer", "audiomixer");
    audio_format_ = add("capsfilter", "audio-format");
    GstElement *frames = add("tee", "video-out"), *samples = add("tee", "audio-out");
    if (!compositor_ || !format_ || !audiomixer_ || !audio_format_ || !frames || !samples)
        return false;
    gst_util_set_object_arg(G_OBJECT(compositor_), "background", "black");
    // Beginning with the first frame of the backdrop: what ran before this element is not made up
    // for.
    for (GstElement *mixer : {compositor_, audiomixer_})
        gst_util_set_object_arg(G_OBJECT(mixer), "start-time-selection", "first");
    gst_util_set_object_arg(G_OBJECT(audio_format_), "caps", mixed_audio);
    g_object_set(audiomixer_, "output-buffer-duration", 20 * GST_MSECOND, nullptr);
    for (GstElement *out : {frames, samples})
        g_object_set(out, "allow-not-linked", TRUE, nullptr);
    gst_element_link_many(compositor_, format_, frames, nullptr);
    gst_element_link_many(audiomixer_, audio_format_, samples, nullptr);
    backdrop_ = make_source(compositor_, "backdrop");
    silence_ = make_source(audiomixer_, "silence");

    gst_pad_add_probe(
        pad_of(frames, "sink").get(), GST_PAD_PROBE_TYPE_BUFFER,
        [](GstPad *pad, GstPadProbeInfo *info, gpointer data) {
            auto *self = static_cast<Mixer *>(data);
            return guard(self->bin_, GST_PAD_PROBE_DROP,
                         [&] { return self->video_frame(pad, info); });
        },
        this, nullptr);
    gst_pad_add_probe(
        pad_of(samples, "sink").get(), GST_PAD_PROBE_TYPE_BUFFER,
        [](GstPad *, GstPadProbeInfo *info, gpointer data) {
            return static_cast<Mixer *>(data)->audio_frame(info);
        },
        this, nullptr);
    const std::pair<GstPad *, GstElement *> outs[] = {{video_, frames}, {audio_, samples}};
    for (const auto &[ghost, tee] : outs) {
        const auto out = GstPtr<GstPad>::adopt(gst_element_request_pad_simple(tee, "src_%u"));
        gst_ghost_pad_set_target(GST_GHOST_PAD(ghost), out.get());
    }
    is_built_ = true;
    return true;
}

// --- states -------------------------------------------------------------------------------

bool Mixer::start() {
    if (!build()) return false;
    used_ = settings();
    colorimetry_ = used_.height > sd_height ? "bt709" : "bt601";
    const auto caps = GstPtr<GstCaps>::adopt(gst_caps_new_simple(
        "video/x-raw", "format", G_TYPE_STRING, "I420", "width", G_TYPE_INT, int(used_.width),
        "height", G_TYPE_INT, int(used_.height), "framerate", GST_TYPE_FRACTION,
        int(used_.framerate), 1, "pixel-aspect-ratio", GST_TYPE_FRACTION, 1, 1, "interlace-mode",
        G_TYPE_STRING, "progressive", "colorimetry", G_TYPE_STRING, colorimetry_, nullptr));
    gst_video_info_from_caps(&info_, caps.get());
    g_object_set(format_, "caps", caps.get(), nullptr);
    for (GstElement *mixer : {compositor_, audiomixer_})
        g_object_set(mixer, "latency", used_.latency, nullptr);
    drawing_.emplace(info_);
    // Fonts are looked for once in a process, which takes longer than a frame may.
    drawing_->label({"A"}, {0, 0, 320, 180});
    loudest_ = {};
    speaker_.reset();
    labels_.clear();
    has_next_labels_ = has_had_inputs_ = is_ending_ = has_begun_playing_ = false;
    empty_since_.reset();
    asked_.reset();
    is_changed_ = true;
    late_ = layouts_ = sounds_ = slow_at_ = slow_since_ = warned_ = 0;
    counters_.start();
    gst_pad_set_active(backdrop_.get(), TRUE);
    gst_pad_set_active(silence_.get(), TRUE);
    return true;
}

void Mixer::set_mixers_clock(GstClock *clock) {
    for (GstElement *mixer : {compositor_, audiomixer_})
        gst_element_set_clock(mixer, clock);
}

/// A mixer with a clock puts out whatever is due, and a pipeline gives the clock before the base
/// time: until that is there, hours may seem to be due.
void Mixer::note_clock() {
    if (is_built_ && !has_begun_playing_) set_mixers_clock(nullptr);
}

/// The first frame and samples, which say when the outputs begin: now.
void Mixer::play() {
    if (has_begun_playing_.exchange(true)) return;
    for (GstElement *mixer : {compositor_, audiomixer_})
        gst_element_set_base_time(mixer, gst_element_get_base_time(GST_ELEMENT(bin_)));
    const auto now = GstClockTime(std::max<int64_t>(0, running_now().value_or(0)));
    const auto begin = [](GstPad *pad, GstCaps *caps) {
        const GOwned<> id(g_strdup_printf("roommixer-%s", GST_PAD_NAME(pad)));
        gst_pad_push_event(pad, gst_event_new_stream_start(id.get()));
        gst_pad_push_event(pad, gst_event_new_caps(caps));
        GstSegment segment;
        gst_segment_init(&segment, GST_FORMAT_TIME);
        gst_pad_push_event(pad, gst_event_new_segment(&segment));
    };
    // A still: each frame of the backdrop stays until the next one.
    const auto still = GstPtr<GstCaps>::adopt(gst_video_info_to_caps(&info_));
    gst_caps_set_simple(still.get(), "framerate", GST_TYPE_FRACTION, 0, 1, nullptr);
    begin(backdrop_.get(), still.get());
    push_backdrop({{}, {}, used_.empty_text}, now);
    const auto sound = GstPtr<GstCaps>::adopt(gst_caps_from_string(mixed_audio));
    begin(silence_.get(), sound.get());
    constexpr gsize bytes = 48 * 20 * 4; // 20 ms
    GstBuffer *quiet = gst_buffer_new_allocate(nullptr, bytes, nullptr);
    gst_buffer_memset(quiet, 0, 0, bytes);
    GST_BUFFER_PTS(quiet) = now;
    GST_BUFFER_DURATION(quiet) = 20 * GST_MSECOND;
    gst_pad_push(silence_.get(), quiet);
    const auto clock = GstPtr<GstClock>::adopt(gst_element_get_clock(GST_ELEMENT(bin_)));
    set_mixers_clock(clock.get());
}

void Mixer::stop() {
    has_begun_playing_ = false;
    set_mixers_clock(nullptr);
    gst_pad_set_active(backdrop_.get(), FALSE);
    gst_pad_set_active(silence_.get(), FALSE);
    for (const InputPtr &input : inputs())
        input->reset();
    known_.clear();
    counters_.stop();
    std::lock_guard lock(lock_);
    tiles_.clear();
}

// --- reports ------------------------------------------------------------------------------

bool Mixer::take_error(GstMessage *message) {
    GstObject *source = GST_MESSAGE_SRC(message);
    for (const InputPtr &input : inputs()) {
        std::optional<Medium> medium;
        if (!input->owns(source, medium)) continue;
        GError *error = nullptr;
        gchar *debug = nullptr;
        gst_message_parse_error(message, &error, &debug);
        const GOwned<> more(debug);
        GST_INFO_OBJECT(bin_, "%s: %s", error->message, debug ? debug : "");
        const std::string reason = error->message;
        g_error_free(error);
        input->fail(medium, reason);
        return true;
    }
    // What is left of an input that is gone, or of a track.
    for (GstElement *own : {compositor_, audiomixer_, format_, audio_format_})
        if (gst_object_has_as_ancestor(source, GST_OBJECT(own))) return false;
    return source != GST_OBJECT(bin_);
}

GstPtr<GstStructure> Mixer::stats() const {
    const Inputs all = inputs();
    auto out = counters_.with_peers(guint(all.size())).to_structure();
    const guint64 now = steady_time();
    guint64 bytes = 0, drops = 0;
    GValue list = G_VALUE_INIT, one = G_VALUE_INIT;
    g_value_init(&list, GST_TYPE_ARRAY);
    for (const InputPtr &input : all) {
        auto structure = input->stats(now);
        guint64 number = 0;
        gst_structure_get_uint64(structure.get(), "bytes-in", &number);
        bytes += number;
        gst_structure_get_uint64(structure.get(), "drops", &number);
        drops += number;
        g_value_init(&one, GST_TYPE_STRUCTURE);
        g_value_take_boxed(&one, structure.release());
        gst_value_array_append_and_take_value(&list, &one);
        one = G_VALUE_INIT;
    }
    guint tiles = 0;
    {
        std::lock_guard lock(lock_);
        tiles = guint(tiles_.size());
    }
    gst_structure_set(out.get(), "bytes-in", G_TYPE_UINT64, bytes, "drops", G_TYPE_UINT64,
                      drops + late_, "tiles", G_TYPE_UINT, tiles, "layouts", G_TYPE_UINT64,
                      guint64(layouts_), "late", G_TYPE_UINT64, guint64(late_), "audio-buffers-out",
                      G_TYPE_UINT64, guint64(sounds_), nullptr);
    gst_structure_take_value(out.get(), "inputs", &list);
    return out;
}

} // namespace penstock::room

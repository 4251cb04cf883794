// SPDX-License-Identifier: LGPL-2.1-or-later
// Pads, states, load and statistics of the element ladder; ladder_decoder.cpp has the decoder.
#include "transcode/ladder_bin.h"

#include "core/net/loop/clock.h"
#include "gst/guard.h"
#include "gst/no_stream.h"
#include "gst/running_time.h"
#include "gst/steady_time.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <utility>

GST_DEBUG_CATEGORY_EXTERN(penstock_ladder_debug);
#define GST_CAT_DEFAULT penstock_ladder_debug

namespace penstock::transcode {
namespace {

/// Bounds of a live stream's encoded frames that wait for the decoder. Beyond them, frames up to
/// the next keyframe are left out. The time holds what comes in until a rung has been stopped for
/// being late.
constexpr guint64 most_waiting_time = 15 * GST_SECOND;
constexpr guint most_waiting_bytes = 64 << 20;
/// The same bounds for a stream that is not live: its source waits beyond them.
constexpr guint few_buffers = 60;
constexpr guint64 little_time = 5 * GST_SECOND;

int64_t now() {
    return static_cast<int64_t>(steady_time());
}

GstFlowReturn chain_each(GstPad *pad, GstObject *, GstBufferList *list) noexcept {
    GstFlowReturn flow = GST_FLOW_OK;
    for (guint i = 0; i < gst_buffer_list_length(list) && flow == GST_FLOW_OK; ++i)
        flow = gst_pad_chain(pad, gst_buffer_ref(gst_buffer_list_get(list, i)));
    gst_buffer_list_unref(list);
    return flow;
}

} // namespace

Ladder::Ladder(GstBin *bin, GstPad *sink) : bin_(bin), sink_(sink) {
    gst_segment_init(&arriving_, GST_FORMAT_UNDEFINED);
    gst_pad_add_probe(
        sink_,
        GstPadProbeType(GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM |
                        GST_PAD_PROBE_TYPE_EVENT_FLUSH),
        [](GstPad *, GstPadProbeInfo *info, gpointer data) {
            auto *self = static_cast<Ladder *>(data);
            return guard(self->bin_, GST_PAD_PROBE_OK, [&] { return self->arrive(info); });
        },
        this, nullptr);
    // The probe, and the one in front of the decoder, look at each frame.
    gst_pad_set_chain_list_function(sink_, chain_each);
}

LadderSettings Ladder::settings() const {
    std::lock_guard lock(lock_);
    return settings_;
}

void Ladder::set_settings(const LadderSettings &settings) {
    std::lock_guard lock(lock_);
    settings_ = settings;
}

Ladder::Rungs Ladder::rungs() const {
    std::lock_guard lock(lock_);
    return rungs_;
}

/// The rung's place in `rungs`; list_.size() if the property has changed meanwhile.
size_t Ladder::index_of(const Rung &rung) const {
    const auto at = std::find(list_.begin(), list_.end(), rung.what());
    return static_cast<size_t>(at - list_.begin());
}

GstPad *Ladder::request_pad(GstPadTemplate *templ, const char *name) {
    std::vector<ladder::Rung> list;
    const Result result = ladder::parse_rungs(settings().rungs, list);
    if (!result.is_ok()) {
        GST_WARNING_OBJECT(bin_, "no pad: rungs: %s", result.reason().c_str());
        return nullptr;
    }
    unsigned height = 0;
    if (name && !strchr(name, '%')) {
        const char *digits = strchr(name, '_');
        if (digits) std::from_chars(digits + 1, digits + strlen(digits), height);
    }
    const Rungs taken = rungs();
    const auto is_free = [&](const ladder::Rung &rung) {
        return std::none_of(taken.begin(), taken.end(), [&](const RungPtr &other) {
            return !other->is_released() && other->what().height == rung.height;
        });
    };
    const auto found = std::find_if(list.begin(), list.end(), [&](const ladder::Rung &rung) {
        return height ? rung.height == height : is_free(rung);
    });
    if (found == list.end() || !is_free(*found)) {
        GST_WARNING_OBJECT(bin_, "no pad %s: rungs are %s, and each has one", name ? name : "",
                           settings().rungs.c_str());
        return nullptr;
    }
    const std::string full = "rung_" + std::to_string(found->height);
    GstPad *pad = gst_ghost_pad_new_no_target_from_template(full.c_str(), templ);
    auto rung = std::make_shared<Rung>(bin_, pad, *found, settings().latency);
    {
        std::lock_guard lock(lock_);
        rungs_.push_back(rung);
    }
    gst_pad_set_active(pad, TRUE);
    gst_element_add_pad(GST_ELEMENT(bin_), pad);
    return pad;
}

/// The decoder's thread removes what is behind the pad; if nothing streams, stop() does.
void Ladder::release_pad(GstPad *pad) {
    for (const RungPtr &rung : rungs())
        if (rung->pad() == pad) {
            rung->release();
            rung->ask_to_stop();
        }
    gst_pad_set_active(pad, FALSE);
    gst_element_remove_pad(GST_ELEMENT(bin_), pad);
}

/// A floating reference; nullptr after posting an element error.
GstElement *Ladder::make(const char *factory, const char *name) {
    GstElement *element = gst_element_factory_make(factory, name);
    if (!element)
        GST_ELEMENT_ERROR(bin_, CORE, MISSING_PLUGIN,
                          ("The GStreamer element %s is missing: `penstock check` on a description "
                           "names its package.",
                           factory),
                          (nullptr));
    return element;
}

GstElement *Ladder::add(const char *factory, const char *name) {
    GstElement *element = make(factory, name);
    if (element) gst_bin_add(bin_, element);
    return element;
}

bool Ladder::start() {
    {
        std::unique_lock lock(lock_);
        const Result result = ladder::parse_rungs(settings_.rungs, list_);
        if (!result.is_ok()) {
            lock.unlock();
            GST_ELEMENT_ERROR(bin_, RESOURCE, SETTINGS, ("rungs: %s.", result.reason().c_str()),
                              (nullptr));
            return false;
        }
        load_ = ladder::Load(list_.size(), settings_.load);
        newest_.reset();
    }
    live_.reset();
    counters_.start();
    return tee_ || build_chain();
}

void Ladder::begin_stop() {
    for (const RungPtr &rung : rungs())
        rung->shut();
}

void Ladder::stop() {
    for (const RungPtr &rung : rungs())
        rung->reset();
    remove_released();
    if (decoder_) {
        gst_element_set_locked_state(decoder_, TRUE);
        gst_element_set_state(decoder_, GST_STATE_NULL);
        gst_bin_remove(bin_, std::exchange(decoder_, nullptr));
    }
    coded_.clear();
    follow_ = is_new_ = true;
    keys_.clear();
    has_segment_ = skipping_ = false;
    counters_.stop();
    std::lock_guard lock(lock_);
    source_.reset();
}

GstPadProbeReturn Ladder::arrive(GstPadProbeInfo *info) {
    if (GST_PAD_PROBE_INFO_TYPE(info) & GST_PAD_PROBE_TYPE_BUFFER)
        return arrive_buffer(GST_PAD_PROBE_INFO_BUFFER(info));
    switch (GstEvent *event = GST_PAD_PROBE_INFO_EVENT(info); GST_EVENT_TYPE(event)) {
    case GST_EVENT_SEGMENT:
        gst_event_copy_segment(event, &arriving_);
        break;
    case GST_EVENT_STREAM_START:
        live_.reset();
        break;
    case GST_EVENT_FLUSH_START:
        flush(true);
        break;
    case GST_EVENT_FLUSH_STOP:
        flush(false);
        break;
    default:
        break;
    }
    return GST_PAD_PROBE_OK;
}

void Ladder::flush(bool on) {
    for (const RungPtr &rung : rungs())
        rung->flush(on);
    std::lock_guard lock(lock_);
    newest_.reset();
    load_.begin_again();
}

void Ladder::find_out_whether_live() {
    auto query = GstPtr<GstQuery>::adopt(gst_query_new_latency());
    gboolean live = FALSE;
    if (gst_pad_peer_query(sink_, query.get()))
        gst_query_parse_latency(query.get(), &live, nullptr, nullptr);
    live_ = live;
    // has_room() bounds a live stream.
    g_object_set(queue_, "max-size-buffers", live ? 0 : few_buffers, "max-size-bytes",
                 live ? 0 : most_waiting_bytes, "max-size-time", live ? 0 : little_time, nullptr);
}

GstPadProbeReturn Ladder::arrive_buffer(GstBuffer *buffer) {
    counters_.in(gst_buffer_get_size(buffer));
    if (!live_) find_out_whether_live();
    if (!*live_) return GST_PAD_PROBE_OK;
    const bool key = !GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT);
    const auto time = running_time(arriving_, GST_BUFFER_PTS(buffer));
    if (time) {
        std::lock_guard lock(lock_);
        newest_ = std::max(newest_.value_or(*time), *time);
    }
    look_at_load();
    if (has_room(key)) return GST_PAD_PROBE_OK;
    ++counters_.drops;
    return GST_PAD_PROBE_DROP;
}

/// Whether the queue takes the frame. Once one was left out, the rest of its GOP is.
bool Ladder::has_room(bool key) {
    guint64 time = 0;
    guint bytes = 0;
    g_object_get(queue_, "current-level-time", &time, "current-level-bytes", &bytes, nullptr);
    const bool full = time >= most_waiting_time || bytes >= most_waiting_bytes;
    skipping_ = full || (skipping_ && !key);
    return !skipping_;
}

/// Whether frames wait in front of the decoder.
bool Ladder::is_decoder_behind() const {
    GstPtr<GstElement> queue;
    {
        std::lock_guard lock(lock_);
        queue = GstPtr<GstElement>::ref(queue_);
    }
    guint buffers = 0;
    if (queue) g_object_get(queue.get(), "current-level-buffers", &buffers, nullptr);
    return buffers > 2;
}

void Ladder::look_at_load() {
    RungPtr stopped;
    int64_t lag = 0, delay = 0, patience = 0;
    const bool waiting = is_decoder_behind();
    {
        std::lock_guard lock(lock_);
        if (!newest_) return;
        std::vector<ladder::Load::Reading> readings(list_.size());
        for (const RungPtr &rung : rungs_)
            if (const size_t at = index_of(*rung); at < list_.size())
                readings[at] = rung->reading(*newest_, waiting);
        load_.set_limits(settings_.load);
        const auto index = load_.look(now(), readings);
        if (!index) return;
        for (const RungPtr &rung : rungs_)
            if (index_of(*rung) == *index) stopped = rung;
        for (const auto &reading : readings)
            if (reading.running) lag = std::max(lag, reading.lag);
        delay = load_.delay(*index);
        patience = settings_.load.patience;
    }
    if (!stopped) return;
    stopped->ask_to_stop();
    const auto seconds = [](int64_t ns) { return net::time_text(net::ms_of(uint64_t(ns))); };
    const std::string why = "the encoders are " + seconds(lag) +
                            " behind the stream, and have been late for " + seconds(patience);
    GST_ELEMENT_WARNING(
        bin_, STREAM, ENCODE,
        ("The rung %s is dropped, since this machine can't keep up: %s. It is tried again in %s.",
         stopped->name().c_str(), why.c_str(), seconds(delay).c_str()),
        (nullptr));
    tell(*stopped, "dropped", why);
}

/// Reports a change to the application.
void Ladder::tell(const Rung &rung, const char *what, const std::string &why) {
    GST_INFO_OBJECT(bin_, "%s is %s: %s", rung.name().c_str(), what, why.c_str());
    gst_element_post_message(
        GST_ELEMENT(bin_),
        gst_message_new_element(GST_OBJECT(bin_),
                                gst_structure_new("penstock-ladder", "height", G_TYPE_UINT,
                                                  rung.what().height, "action", G_TYPE_STRING, what,
                                                  "reason", G_TYPE_STRING, why.c_str(), nullptr)));
}

/// Reports whether the rung is smaller than the source, so that nobody waits for one that is not.
/// Used by the decoder's thread only.
void Ladder::tell_whether_made(const Rung &rung) {
    const std::string why =
        rung.is_too_large() ? "the source is no larger: " + std::to_string(source_->size.width) +
                                  "x" + std::to_string(source_->size.height)
                            : "";
    GST_INFO_OBJECT(bin_, "%s: %s", rung.name().c_str(), why.empty() ? "is made" : why.c_str());
    post_no_stream(GST_ELEMENT(bin_), rung.pad(), why);
}

GstPtr<GstStructure> Ladder::stats() const {
    GValue array = G_VALUE_INIT;
    gst_value_array_init(&array, 4);
    const bool waiting = is_decoder_behind();
    std::unique_lock lock(lock_);
    Stats sums = counters_.with_peers(0);
    for (const RungPtr &rung : rungs_) {
        if (rung->is_released()) continue;
        auto one = rung->stats();
        const auto reading = rung->reading(newest_.value_or(0), waiting);
        const size_t at = index_of(*rung);
        const bool stopped = at < list_.size() && load_.is_stopped(at);
        guint64 buffers = 0, bytes = 0;
        gst_structure_get_uint64(one.get(), "buffers-out", &buffers);
        gst_structure_get_uint64(one.get(), "bytes-out", &bytes);
        sums.buffers_out += buffers;
        sums.bytes_out += bytes;
        sums.peers += gst_pad_is_linked(rung->pad()) ? 1 : 0;
        const char *state = stopped                ? "dropped"
                            : reading.running      ? "encoding"
                            : rung->is_too_large() ? "too-large"
                                                   : "waiting";
        gst_structure_set(one.get(), "state", G_TYPE_STRING, state, "lag", G_TYPE_UINT64,
                          guint64(reading.running ? reading.lag : 0), "stops", G_TYPE_UINT,
                          at < list_.size() ? load_.stops(at) : 0u, nullptr);
        GValue value = G_VALUE_INIT;
        g_value_init(&value, GST_TYPE_STRUCTURE);
        g_value_take_boxed(&value, one.release());
        gst_value_array_append_and_take_value(&array, &value);
    }
    lock.unlock();
    auto out = sums.to_structure();
    gst_structure_take_value(out.get(), "rungs", &array);
    return out;
}

} // namespace penstock::transcode

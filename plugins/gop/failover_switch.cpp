// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gop/failover_switch.h"

#include "core/fanout/flv_fold.h"
#include "gst/bytes.h"
#include "gst/running_time.h"
#include "gst/steady_time.h"
#include "gst/stream_lock.h"

#include <algorithm>
#include <cstdio>

GST_DEBUG_CATEGORY_EXTERN(penstock_failover_debug);
#define GST_CAT_DEFAULT penstock_failover_debug

namespace penstock::gop {
namespace {

/// The stream headers in caps, each by itself, since a file header may be among them.
std::vector<GstPtr<GstBuffer>> stream_headers(const GstCaps *caps) {
    std::vector<GstPtr<GstBuffer>> out;
    const GValue *list = gst_structure_get_value(gst_caps_get_structure(caps, 0), "streamheader");
    if (!list || !GST_VALUE_HOLDS_ARRAY(list)) return out;
    for (guint i = 0; i < gst_value_array_get_size(list); ++i) {
        const GValue *value = gst_value_array_get_value(list, i);
        if (GST_VALUE_HOLDS_BUFFER(value) && gst_value_get_buffer(value))
            out.push_back(GstPtr<GstBuffer>::ref(gst_value_get_buffer(value)));
    }
    return out;
}

/// When a frame is shown. The buffers of FLV have the DTS only.
int64_t shown_at(bool is_flv, GstBuffer *buffer, int64_t otherwise) {
    if (!GST_BUFFER_PTS_IS_VALID(buffer)) return otherwise;
    const auto pts = static_cast<int64_t>(GST_BUFFER_PTS(buffer));
    const KnownTag *known = is_flv ? known_tag(buffer) : nullptr;
    if (!known) return pts;
    const auto header = flv::parse_body(known->tag.type, known->tag.body_view());
    return pts + (header ? std::max(header->composition_time, 0) * int64_t(GST_MSECOND) : 0);
}

} // namespace

FailoverSwitch::FailoverSwitch(GstElement *element, GstPad *src) : element_(element), src_(src) {
    failover_.set_settings(settings_);
}

Failover::Settings FailoverSwitch::settings() const {
    std::lock_guard lock(lock_);
    return settings_;
}

void FailoverSwitch::set_settings(const Failover::Settings &settings) {
    std::lock_guard lock(lock_);
    settings_ = settings;
    failover_.set_settings(settings);
}

// --- pads and states ----------------------------------------------------------------------

FailoverSwitch::InputPtr FailoverSwitch::input_of(GstPad *pad) const {
    std::lock_guard lock(lock_);
    const auto found = std::find_if(inputs_.begin(), inputs_.end(),
                                    [pad](const InputPtr &input) { return input->pad == pad; });
    return found == inputs_.end() ? nullptr : *found;
}

GstPad *FailoverSwitch::request_pad(GstPadTemplate *templ, const char *name) {
    std::lock_guard lock(lock_);
    const auto taken = [this](unsigned number) {
        return std::any_of(inputs_.begin(), inputs_.end(),
                           [=](const InputPtr &input) { return input->number == number; });
    };
    unsigned number = 0;
    if (name && std::sscanf(name, "sink_%u", &number) == 1) {
        if (number >= most_inputs || taken(number)) return nullptr;
    } else {
        while (taken(number))
            ++number;
        if (number >= most_inputs) return nullptr;
    }
    GstPad *pad = gst_pad_new_from_template(templ, ("sink_" + std::to_string(number)).c_str());
    inputs_.push_back(std::make_shared<Input>(pad, number));
    gst_segment_init(&inputs_.back()->segment, GST_FORMAT_TIME);
    join_locked(*inputs_.back());
    return pad;
}

void FailoverSwitch::release_pad(GstPad *pad) {
    const InputPtr input = input_of(pad);
    if (!input) return;
    // Its own FLUSH_STOP does not come any more.
    flush_stop(*input, GstPtr<GstEvent>::adopt(gst_event_new_flush_stop(TRUE)));
    {
        std::lock_guard lock(lock_);
        failover_.leave(input->number);
        std::erase(inputs_, input);
        const bool was_joined = std::exchange(input->joined, false);
        if (!was_joined || inputs_.empty() || failover_.has_inputs()) return;
    }
    // The others have ended before: nobody else would say so.
    end_output(*input, GstPtr<GstEvent>::adopt(gst_event_new_eos()));
}

void FailoverSwitch::join_locked(Input &input) {
    failover_.join(input.number, input.number, steady_time());
    failover_.set_folding(input.number, input.is_flv);
    failover_.set_tracks(input.number, input.tracks);
    input.joined = true;
}

void FailoverSwitch::start() {
    counters_.start();
    std::lock_guard lock(lock_);
    failover_ = {};
    failover_.set_settings(settings_);
    for (const InputPtr &input : inputs_)
        input->joined = input->flushes = false;
    for (const InputPtr &input : inputs_)
        join_locked(*input);
}

/// Nothing streams any more.
void FailoverSwitch::stop() {
    reset_output();
    started_ = ended_ = has_file_header_ = any_out_ = false;
    out_caps_.reset();
    offset_ = last_out_ = last_shown_ = 0;
    std::lock_guard lock(lock_);
    for (const InputPtr &input : inputs_) {
        input->flv.reset();
        input->is_flv = input->told_broken = input->joined = input->flushes = false;
        input->caps.reset();
        input->held.clear();
        input->tracks = {};
        gst_segment_init(&input->segment, GST_FORMAT_TIME);
    }
    counters_.stop();
}

void FailoverSwitch::reset_output() {
    has_segment_ = false;
    discont_ = true;
}

GstPtr<GstPad> FailoverSwitch::active_pad() const {
    std::lock_guard lock(lock_);
    const auto active = failover_.active();
    for (const InputPtr &input : inputs_)
        if (active == input->number) return GstPtr<GstPad>::ref(input->pad);
    return {};
}

GstPtr<GstStructure> FailoverSwitch::stats() const {
    std::lock_guard lock(lock_);
    guint peers = 0;
    for (const InputPtr &input : inputs_)
        peers += input->joined;
    auto stats = counters_.with_peers(peers).to_structure();
    const auto active = failover_.active();
    gst_structure_set(stats.get(), "active", G_TYPE_INT, active ? int(*active) : -1, "switches",
                      G_TYPE_UINT, failover_.switches(), nullptr);
    return stats;
}

// --- what comes in ------------------------------------------------------------------------

void FailoverSwitch::set_caps(Input &input, GstCaps *caps) {
    if (input.caps && gst_caps_is_equal(input.caps.get(), caps)) return;
    const GstStructure *s = gst_caps_get_structure(caps, 0);
    const bool was_flv = input.is_flv;
    input.caps = GstPtr<GstCaps>::ref(caps);
    input.is_flv = gst_structure_has_name(s, "video/x-flv");
    if (input.is_flv) {
        if (!was_flv || !input.flv.has_codecs_of(caps)) input.flv.reset();
        input.flv.learn(caps);
        std::lock_guard lock(lock_);
        if (input.joined) failover_.set_folding(input.number, true);
        return;
    }
    const char *form = gst_structure_get_string(s, "stream-format");
    std::lock_guard lock(lock_);
    input.tracks = {std::string(gst_structure_get_name(s)) + (form ? std::string(" ") + form : ""),
                    ""};
    if (input.joined) failover_.set_tracks(input.number, input.tracks);
}

/// Of an FLV stream, as they come.
void FailoverSwitch::learn_tracks(Input &input, const Unit &unit) {
    const KnownTag *known = known_tag(unit.buffer.get());
    if (!known) return;
    std::lock_guard lock(lock_);
    if (input.tracks.learn(known->tag) && input.joined)
        failover_.set_tracks(input.number, input.tracks);
}

GstFlowReturn FailoverSwitch::chain(GstPad *pad, GstPtr<GstBuffer> buffer) {
    const InputPtr held = input_of(pad);
    if (!held) return GST_FLOW_FLUSHING; // its pad is being released
    Input &input = *held;
    counters_.in(gst_buffer_get_size(buffer.get()));
    input.units.clear();
    if (input.is_flv) {
        const Result result = input.flv.push(buffer.get(), input.units);
        if (result.is_error() && !std::exchange(input.told_broken, true))
            GST_ELEMENT_WARNING(element_, STREAM, FORMAT,
                                ("Broken FLV: %s.", result.reason().c_str()),
                                ("%s", GST_PAD_NAME(pad)));
    } else {
        Unit unit;
        unit.key = !GST_BUFFER_FLAG_IS_SET(buffer.get(), GST_BUFFER_FLAG_DELTA_UNIT);
        unit.buffer = std::move(buffer);
        input.units.push_back(std::move(unit));
    }
    GstFlowReturn flow = GST_FLOW_OK;
    for (const Unit &unit : input.units) {
        if (input.is_flv) learn_tracks(input, unit);
        flow = take(input, unit);
        if (flow != GST_FLOW_OK) break;
    }
    input.units.clear();
    return flow;
}

GstFlowReturn FailoverSwitch::take(Input &input, const Unit &unit) {
    Failover::Action action = Failover::Action::hold;
    bool ask_key = false, warn = false;
    {
        std::lock_guard lock(lock_);
        const uint64_t now = steady_time();
        if (!input.joined) return GST_FLOW_EOS;
        if (unit.header) {
            if (failover_.active() != input.number) return GST_FLOW_OK; // FlvInput has it
            action = Failover::Action::pass;
        } else {
            const KnownTag *known = input.is_flv ? known_tag(unit.buffer.get()) : nullptr;
            const bool is_audio = known && known->tag.type == flv::TagType::audio;
            action = failover_.media(input.number, {unit.key, is_audio}, now);
        }
        if (action == Failover::Action::hold) {
            const gsize size = gst_buffer_get_size(unit.buffer.get());
            if (!input.held.push({unit.buffer}, size, unit.key, now))
                failover_.forget_held(input.number);
            ask_key = failover_.wants_key(input.number, now) && !input.asked_key;
            input.asked_key |= ask_key;
            warn = unit.key && failover_.warns_of_misfit(input.number);
        }
    }
    if (warn) warn_of_misfit(input);
    if (ask_key) wants_key(input);
    if (action == Failover::Action::hold) return GST_FLOW_OK;
    Sent sent;
    {
        const StreamLock stream(src_);
        sent = send(input, unit, action);
    }
    if (sent.began) tell_active(input);
    return sent.flow;
}

/// An encoder that is one of ours gives a keyframe at once.
void FailoverSwitch::wants_key(const Input &input) const {
    gst_pad_push_event(input.pad,
                       gst_event_new_custom(GST_EVENT_CUSTOM_UPSTREAM,
                                            gst_structure_new("GstForceKeyUnit", "all-headers",
                                                              G_TYPE_BOOLEAN, TRUE, nullptr)));
}

void FailoverSwitch::warn_of_misfit(const Input &input) const {
    std::string own, stream;
    {
        std::lock_guard lock(lock_);
        own = input.tracks.text();
        stream = failover_.stream_tracks().text();
    }
    GST_ELEMENT_WARNING(element_, STREAM, WRONG_TYPE,
                        ("%s has %s, the stream has %s: it is not used in its place, because "
                         "players can't follow. Give it the same tracks and codecs.",
                         GST_PAD_NAME(input.pad), own.c_str(), stream.c_str()),
                        (nullptr));
}

// --- what goes out ------------------------------------------------------------------------

FailoverSwitch::Sent FailoverSwitch::send(Input &input, const Unit &unit, Failover::Action action) {
    const bool begins = action != Failover::Action::pass;
    std::vector<Held> held;
    {
        std::lock_guard lock(lock_);
        // Another one may have taken over while this thread waited for its turn.
        if (failover_.active() != input.number) return {};
        if (action == Failover::Action::begin_held || action == Failover::Action::begin_folded)
            held = input.held.take();
        if (begins) {
            input.held.clear();
            input.asked_key = false;
        }
        failover_.set_busy(input.number, true, steady_time());
    }
    if (action == Failover::Action::begin_folded) held = folded(std::move(held));
    GstFlowReturn flow = GST_FLOW_OK;
    if (begins) flow = begin(input, held.empty() ? unit.buffer.get() : held.front().buffer.get());
    for (const Held &each : held)
        if (flow == GST_FLOW_OK) flow = push(input, each.buffer.get(), false);
    if (flow == GST_FLOW_OK) {
        push_events(input);
        flow = push(input, unit.buffer.get(), unit.header);
    }
    std::lock_guard lock(lock_);
    failover_.set_busy(input.number, false, steady_time());
    return {flow, begins};
}

/// FLV only. A GOP that can't be folded is shown as it is.
std::vector<FailoverSwitch::Held> FailoverSwitch::folded(std::vector<Held> gop) {
    std::vector<flv::Tag> tags;
    uint32_t config = 0;
    GstClockTime edge = GST_CLOCK_TIME_NONE;
    for (const Held &held : gop) {
        const KnownTag *known = known_tag(held.buffer.get());
        if (!known) return gop;
        if (known->tag.type == flv::TagType::video) edge = GST_BUFFER_DTS_OR_PTS(held.buffer.get());
        tags.push_back(known->tag);
        config = known->config;
    }
    tags = fanout::fold_tags(tags);
    if (tags.empty() || edge == GST_CLOCK_TIME_NONE || edge < tags.size() * GST_MSECOND) return gop;
    std::vector<Held> out;
    for (size_t i = 0; i < tags.size(); ++i) {
        auto buffer = buffer_of(tags[i], config);
        GST_BUFFER_PTS(buffer.get()) = GST_BUFFER_DTS(buffer.get()) =
            edge - (tags.size() - 1 - i) * GST_MSECOND;
        if (i > 0) GST_BUFFER_FLAG_SET(buffer.get(), GST_BUFFER_FLAG_DELTA_UNIT);
        out.push_back({std::move(buffer)});
    }
    return out;
}

GstFlowReturn FailoverSwitch::begin(Input &input, GstBuffer *first) {
    GST_INFO_OBJECT(element_, "%s is on air", GST_PAD_NAME(input.pad));
    const auto at = running_time(input.segment, GST_BUFFER_DTS_OR_PTS(first));
    offset_ = 0;
    // Inputs with the same clock are close to each other; an encoder's may be late by its latency.
    if (any_out_ && at && *at <= last_shown_) offset_ = last_shown_ + int64_t(GST_MSECOND) - *at;
    discont_ = true;
    push_events(input);
    push_sticky(input);
    if (!input.is_flv) {
        for (const auto &header : stream_headers(input.caps.get()))
            if (const auto flow = push(input, header.get(), true); flow != GST_FLOW_OK) return flow;
        return GST_FLOW_OK;
    }
    for (const Unit &unit : input.flv.headers(first, !std::exchange(has_file_header_, true)))
        if (const auto flow = push(input, unit.buffer.get(), true); flow != GST_FLOW_OK)
            return flow;
    return GST_FLOW_OK;
}

void FailoverSwitch::push_events(const Input &input) {
    ended_ = false;
    if (!std::exchange(started_, true)) {
        // The inputs' ids come and go with them.
        GOwned<> id(g_strdup_printf("%s/%08x%08x", GST_OBJECT_NAME(element_), g_random_int(),
                                    g_random_int()));
        gst_pad_push_event(src_, gst_event_new_stream_start(id.get()));
    }
    if (input.caps && (!out_caps_ || !gst_caps_is_equal(out_caps_.get(), input.caps.get()))) {
        out_caps_ = input.caps;
        gst_pad_push_event(src_, gst_event_new_caps(out_caps_.get()));
    }
    if (!std::exchange(has_segment_, true)) {
        GstSegment segment;
        gst_segment_init(&segment, GST_FORMAT_TIME);
        gst_pad_push_event(src_, gst_event_new_segment(&segment));
    }
}

GstFlowReturn FailoverSwitch::push(const Input &input, GstBuffer *buffer, bool header) {
    auto out = GstPtr<GstBuffer>::adopt(gst_buffer_copy(buffer));
    const auto place = [&](GstClockTime time) {
        const auto at = running_time(input.segment, time);
        return at ? static_cast<GstClockTime>(std::max<int64_t>(*at + offset_, 0))
                  : GST_CLOCK_TIME_NONE;
    };
    GST_BUFFER_PTS(out.get()) = place(GST_BUFFER_PTS(buffer));
    GST_BUFFER_DTS(out.get()) = place(GST_BUFFER_DTS(buffer));
    if (header) {
        // Headers amid the stream often have a time of their own, such as 0.
        if (!discont_) GST_BUFFER_PTS(out.get()) = GST_BUFFER_DTS(out.get()) = guint64(last_out_);
        GST_BUFFER_FLAG_SET(out.get(), GST_BUFFER_FLAG_HEADER);
        GST_BUFFER_FLAG_UNSET(out.get(), GST_BUFFER_FLAG_DISCONT);
    } else {
        if (std::exchange(discont_, false)) GST_BUFFER_FLAG_SET(out.get(), GST_BUFFER_FLAG_DISCONT);
        if (const GstClockTime time = GST_BUFFER_DTS_OR_PTS(out.get());
            GST_CLOCK_TIME_IS_VALID(time)) {
            last_out_ = std::max(last_out_, static_cast<int64_t>(time));
            last_shown_ = std::max(last_shown_, shown_at(input.is_flv, out.get(), last_out_));
            any_out_ = true;
        }
    }
    counters_.out(gst_buffer_get_size(out.get()));
    return gst_pad_push(src_, out.release());
}

void FailoverSwitch::tell_active(const Input &input) {
    gst_element_post_message(
        element_,
        gst_message_new_element(GST_OBJECT(element_),
                                gst_structure_new("penstock-failover", "pad", G_TYPE_STRING,
                                                  GST_PAD_NAME(input.pad), nullptr)));
    g_object_notify(G_OBJECT(element_), "active-pad");
}

} // namespace penstock::gop

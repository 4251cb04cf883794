// SPDX-License-Identifier: LGPL-2.1-or-later
// FailoverSwitch: events and queries of its inputs.
#include "gop/branch.h"
#include "gop/failover_switch.h"
#include "gst/gone_event.h"
#include "gst/nonblocking.h"
#include "gst/stream_lock.h"

#include <algorithm>

namespace penstock::gop {

bool FailoverSwitch::sink_event(GstPad *pad, GstPtr<GstEvent> event) {
    const InputPtr held = input_of(pad);
    if (!held) return false;
    Input &input = *held;
    switch (GST_EVENT_TYPE(event.get())) {
    case GST_EVENT_STREAM_START: {
        std::lock_guard lock(lock_);
        if (!input.joined) join_locked(input);
        return true;
    }
    case GST_EVENT_CAPS: {
        GstCaps *caps;
        gst_event_parse_caps(event.get(), &caps);
        set_caps(input, caps);
        return true;
    }
    case GST_EVENT_SEGMENT:
        gst_event_copy_segment(event.get(), &input.segment);
        return true;
    case GST_EVENT_EOS: {
        {
            std::lock_guard lock(lock_);
            failover_.leave(input.number);
            input.joined = false;
            input.held.clear();
            if (failover_.has_inputs()) return true;
        }
        return end_output(input, std::move(event));
    }
    case GST_EVENT_FLUSH_STOP: {
        input.flv.flush();
        gst_segment_init(&input.segment, GST_FORMAT_TIME);
        {
            std::lock_guard lock(lock_);
            input.held.clear();
            failover_.forget_held(input.number);
            if (!input.joined) join_locked(input);
        }
        flush_stop(input, std::move(event));
        return true;
    }
    case GST_EVENT_FLUSH_START:
        flush_start(input, std::move(event));
        return true;
    case GST_EVENT_GAP: // its time is that of the input
    case GST_EVENT_SEGMENT_DONE:
        return true;
    default: {
        if (is_gone_event(event.get())) {
            std::lock_guard lock(lock_);
            failover_.mark_failed(input.number);
            return true;
        }
        if (!has_flag(event.get(), GST_EVENT_TYPE_SERIALIZED))
            return forward(input, std::move(event));
        // Behind the media of the input on air others must not wait; within the lock it may have
        // changed.
        if (!is_on_air(input)) return true;
        const StreamLock stream(src_);
        if (started_) forward(input, std::move(event));
        return true;
    }
    }
}

/// Events of the input on air reach the elements downstream.
bool FailoverSwitch::forward(const Input &input, GstPtr<GstEvent> event) {
    return is_on_air(input) && gst_pad_push_event(src_, event.release());
}

bool FailoverSwitch::is_on_air(const Input &input) const {
    std::lock_guard lock(lock_);
    return failover_.active() == input.number;
}

/// Tags and the like that came while the input was not on air: its pad has kept them.
void FailoverSwitch::push_sticky(const Input &input) {
    for (const GstEventType type :
         {GST_EVENT_TAG, GST_EVENT_TOC, GST_EVENT_CUSTOM_DOWNSTREAM_STICKY})
        for (guint i = 0; GstEvent *event = gst_pad_get_sticky_event(input.pad, type, i); ++i)
            gst_pad_push_event(src_, event);
}

/// An input that comes back begins another stream.
bool FailoverSwitch::end_output(const Input &last, GstPtr<GstEvent> eos) {
    const StreamLock stream(src_);
    {
        std::lock_guard lock(lock_);
        if (failover_.has_inputs()) return true; // one has come while this thread waited
        failover_.forget_stream();
    }
    if (ended_) return true;
    if (!started_) push_events(last);
    const bool taken = gst_pad_push_event(src_, eos.release());
    ended_ = true;
    started_ = has_file_header_ = false;
    out_caps_.reset();
    reset_output();
    return taken;
}

/// Until the FLUSH_STOP the output takes nothing: the media of all inputs are held back.
void FailoverSwitch::flush_start(Input &input, GstPtr<GstEvent> event) {
    {
        std::lock_guard lock(lock_);
        if (failover_.active() != input.number) return;
        input.flushes = true;
        failover_.set_blocked(true);
    }
    gst_pad_push_event(src_, event.release());
}

/// Reaches downstream exactly if the FLUSH_START did, whoever is on air by now.
void FailoverSwitch::flush_stop(Input &input, GstPtr<GstEvent> event) {
    {
        std::lock_guard lock(lock_);
        if (!input.flushes) return;
    }
    const StreamLock stream(src_);
    gst_pad_push_event(src_, event.release());
    reset_output();
    std::lock_guard lock(lock_);
    input.flushes = false;
    failover_.set_blocked(false);
}

bool FailoverSwitch::sink_query(GstPad *pad, GstQuery *query) {
    if (is_nonblocking_query(query)) {
        answer_nonblocking(query, peer_is_nonblocking(src_));
        return true;
    }
    // Buffers may wait here while those of a pool are wanted.
    if (GST_QUERY_TYPE(query) == GST_QUERY_ALLOCATION) return false;
    return gst_pad_query_default(pad, GST_OBJECT(element_), query);
}

/// The default fails if one input can't answer, such as a file that has yet to be opened, and calls
/// impossible what one input needs and another could not bear; but only one is on air.
bool FailoverSwitch::answer_latency(GstQuery *query) const {
    std::vector<GstPtr<GstPad>> pads;
    {
        std::lock_guard lock(lock_);
        for (const InputPtr &input : inputs_)
            pads.push_back(GstPtr<GstPad>::ref(input->pad));
    }
    bool any = false, live = false;
    GstClockTime min = 0, max = GST_CLOCK_TIME_NONE; // NONE, the greatest number, is no bound
    for (const auto &pad : pads) {
        const auto asked = GstPtr<GstQuery>::adopt(gst_query_new_latency());
        if (!gst_pad_peer_query(pad.get(), asked.get())) continue;
        any = true;
        gboolean is_live;
        GstClockTime its_min, its_max;
        gst_query_parse_latency(asked.get(), &is_live, &its_min, &its_max);
        if (!is_live) continue; // clocksync or the sink waits for it
        live = true;
        min = std::max(min, its_min);
        max = std::min(max, its_max);
    }
    if (any) gst_query_set_latency(query, live, min, std::max(min, max));
    return any;
}

} // namespace penstock::gop

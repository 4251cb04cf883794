// SPDX-License-Identifier: LGPL-2.1-or-later
// FailoverSwitch: events and queries of its inputs.
#include "gop/branch.h"
#include "gop/failover_switch.h"
#include "gst/gone_event.h"
#include "gst/nonblocking.h"

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
        bool is_last;
        {
            std::lock_guard lock(lock_);
            failover_.leave(input.number);
            input.joined = false;
            input.held.clear();
            is_last = !failover_.has_inputs();
        }
        if (!is_last) return true;
        GST_PAD_STREAM_LOCK(src_);
        if (!started_) push_events(input);
        const bool taken = gst_pad_push_event(src_, event.release());
        GST_PAD_STREAM_UNLOCK(src_);
        return taken;
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
        GST_PAD_STREAM_LOCK(src_);
        const bool taken = forward(input, std::move(event));
        if (taken) reset_output();
        GST_PAD_STREAM_UNLOCK(src_);
        return true;
    }
    case GST_EVENT_FLUSH_START:
        forward(input, std::move(event));
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
        GST_PAD_STREAM_LOCK(src_);
        if (started_) forward(input, std::move(event));
        GST_PAD_STREAM_UNLOCK(src_);
        return true;
    }
    }
}

/// Events of the input on air reach the elements downstream.
bool FailoverSwitch::forward(const Input &input, GstPtr<GstEvent> event) {
    {
        std::lock_guard lock(lock_);
        if (failover_.active() != input.number) return false;
    }
    return gst_pad_push_event(src_, event.release());
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

} // namespace penstock::gop

// SPDX-License-Identifier: LGPL-2.1-or-later
// Tee: forwards events and answers queries.
#include "gop/tee.h"

#include "gst/nonblocking.h"

#include <algorithm>

namespace penstock::gop {

void Tee::remember_sticky_locked(GstEvent *event) {
    const GstEventType type = GST_EVENT_TYPE(event);
    const GstStructure *s = gst_event_get_structure(event);
    const auto same = [&](const GstPtr<GstEvent> &e) {
        if (GST_EVENT_TYPE(e.get()) != type) return false;
        if (!has_flag(event, GST_EVENT_TYPE_STICKY_MULTI) || !s) return true;
        const GstStructure *other = gst_event_get_structure(e.get());
        return other && gst_structure_has_name(other, gst_structure_get_name(s));
    };
    std::erase_if(sticky_, same);
    // The numeric event type is the order required by GStreamer.
    const auto after = std::find_if(sticky_.begin(), sticky_.end(),
                                    [&](const auto &e) { return GST_EVENT_TYPE(e.get()) > type; });
    sticky_.insert(after, GstPtr<GstEvent>::ref(event));
}

void Tee::forget_sticky_locked(GstEventType type) {
    std::erase_if(sticky_, [&](const auto &e) { return GST_EVENT_TYPE(e.get()) == type; });
}

// FLV that arrives as bytes (from a file) gets its time from the tags.
GstPtr<GstEvent> Tee::time_segment(GstPtr<GstEvent> event) {
    const GstSegment *segment;
    gst_event_parse_segment(event.get(), &segment);
    if (!flv_ || segment->format == GST_FORMAT_TIME) return event;
    GstSegment time;
    gst_segment_init(&time, GST_FORMAT_TIME);
    auto changed = GstPtr<GstEvent>::adopt(gst_event_new_segment(&time));
    gst_event_set_seqnum(changed.get(), gst_event_get_seqnum(event.get()));
    return changed;
}

bool Tee::sink_event(GstPtr<GstEvent> event) {
    const std::shared_ptr<const Branches> held = this->branches();
    const Branches &branches = *held;
    switch (GST_EVENT_TYPE(event.get())) {
    case GST_EVENT_FLUSH_START:
        for (const auto &branch : branches) {
            branch->flush_start();
            gst_pad_push_event(branch->pad(), gst_event_ref(event.get()));
        }
        return true;
    case GST_EVENT_FLUSH_STOP: {
        flv_input_.flush();
        pending_.clear();
        {
            std::lock_guard lock(lock_);
            history_.clear();
            forget_sticky_locked(GST_EVENT_EOS);
            forget_sticky_locked(GST_EVENT_SEGMENT);
        }
        for (const auto &branch : branches) {
            branch->flush_stop();
            gst_pad_push_event(branch->pad(), gst_event_ref(event.get()));
        }
        return true;
    }
    case GST_EVENT_CAPS: {
        GstCaps *caps;
        gst_event_parse_caps(event.get(), &caps);
        set_caps(caps);
        break;
    }
    case GST_EVENT_SEGMENT:
        event = time_segment(std::move(event));
        break;
    default:
        if (has_flag(event.get(), GST_EVENT_TYPE_SERIALIZED)) break;
        for (const auto &branch : branches)
            gst_pad_push_event(branch->pad(), gst_event_ref(event.get()));
        return true;
    }
    if (GST_EVENT_TYPE(event.get()) == GST_EVENT_EOS) decide(branches);
    deliver_event(event.get(), branches);
    push_direct();
    return true;
}

void Tee::deliver_event(GstEvent *event, const Branches &branches) {
    std::lock_guard lock(lock_);
    const GstEventType type = GST_EVENT_TYPE(event);
    if (type == GST_EVENT_STREAM_START) {
        sticky_.clear();
        history_.clear();
    } else if (type == GST_EVENT_SEGMENT) {
        // Cached buffers are only valid in their own segment.
        const auto before = std::find_if(sticky_.begin(), sticky_.end(), [](const auto &e) {
            return GST_EVENT_TYPE(e.get()) == GST_EVENT_SEGMENT;
        });
        const GstSegment *a = nullptr, *b = nullptr;
        gst_event_parse_segment(event, &b);
        if (before != sticky_.end()) gst_event_parse_segment(before->get(), &a);
        if (!a || !gst_segment_is_equal(a, b)) history_.clear();
    }
    if (has_flag(event, GST_EVENT_TYPE_STICKY)) remember_sticky_locked(event);
    for (const auto &branch : branches) {
        if (type == GST_EVENT_STREAM_START || type == GST_EVENT_SEGMENT)
            branch->restart_after_eos();
        const Branch::State state = branch->state();
        if (state == Branch::State::running)
            give_locked(*branch, Item::of(event));
        else if (state == Branch::State::idle && type == GST_EVENT_EOS && branch->can_begin())
            begin_locked(*branch, false);
    }
}

bool Tee::src_event(GstPad *pad, GstPtr<GstEvent> event) {
    switch (GST_EVENT_TYPE(event.get())) {
    case GST_EVENT_RECONFIGURE:
        if (const auto branch = find(pad)) branch->ask_again();
        break;
    case GST_EVENT_QOS:
        // A late branch must not make the encoder drop frames for all branches.
        return true;
    case GST_EVENT_SEEK: {
        // Each sink of a pipeline sends the same seek upstream.
        std::lock_guard lock(lock_);
        const guint32 seqnum = gst_event_get_seqnum(event.get());
        if (std::exchange(last_seek_, seqnum) == seqnum) return true;
        break;
    }
    default:
        break;
    }
    return gst_pad_push_event(sink_, event.release());
}

// The caps accepted by all branches. A branch without common caps is ignored: it fails alone.
GstPtr<GstCaps> Tee::downstream_caps(GstCaps *filter) const {
    auto caps = filter ? GstPtr<GstCaps>::ref(filter) : GstPtr<GstCaps>::adopt(gst_caps_new_any());
    const std::shared_ptr<const Branches> held = branches();
    for (const auto &branch : *held) {
        const auto peer = GstPtr<GstPad>::adopt(gst_pad_get_peer(branch->pad()));
        if (!peer || branch->is_remote() || branch->state() == Branch::State::failed) continue;
        const auto taken = GstPtr<GstCaps>::adopt(gst_pad_query_caps(peer.get(), caps.get()));
        auto both = GstPtr<GstCaps>::adopt(
            gst_caps_intersect_full(caps.get(), taken.get(), GST_CAPS_INTERSECT_FIRST));
        if (!gst_caps_is_empty(both.get())) caps = std::move(both);
    }
    return caps;
}

bool Tee::sink_query(GstQuery *query) {
    if (is_nonblocking_query(query)) {
        answer_nonblocking(query, true);
        return true;
    }
    switch (GST_QUERY_TYPE(query)) {
    case GST_QUERY_CAPS: {
        GstCaps *filter;
        gst_query_parse_caps(query, &filter);
        gst_query_set_caps_result(query, downstream_caps(filter).get());
        return true;
    }
    case GST_QUERY_ACCEPT_CAPS:
        gst_query_set_accept_caps_result(query, TRUE);
        return true;
    case GST_QUERY_ALLOCATION: // a branch's pool can't serve the others
    case GST_QUERY_DRAIN:
        return false;
    default:
        return gst_pad_query_default(sink_, GST_OBJECT(element_), query);
    }
}

bool Tee::src_query(GstPad *pad, GstQuery *query) {
    switch (GST_QUERY_TYPE(query)) {
    case GST_QUERY_CAPS: {
        GstCaps *filter;
        gst_query_parse_caps(query, &filter);
        auto caps = GstPtr<GstCaps>::adopt(gst_pad_get_current_caps(sink_));
        if (!caps) caps = GstPtr<GstCaps>::adopt(gst_pad_peer_query_caps(sink_, filter));
        if (filter)
            caps = GstPtr<GstCaps>::adopt(
                gst_caps_intersect_full(filter, caps.get(), GST_CAPS_INTERSECT_FIRST));
        gst_query_set_caps_result(query, caps.get());
        return true;
    }
    case GST_QUERY_SCHEDULING:
    case GST_QUERY_ALLOCATION:
        return false;
    case GST_QUERY_LATENCY: {
        if (!gst_pad_peer_query(sink_, query)) return false;
        gboolean live;
        GstClockTime min, max;
        gst_query_parse_latency(query, &live, &min, &max);
        const auto branch = find(pad);
        const uint64_t queue = settings().queue.time;
        // The branch's queue can hold this much more without loss.
        if (branch && !branch->is_direct() && GST_CLOCK_TIME_IS_VALID(max))
            gst_query_set_latency(query, live, min, queue ? max + queue : GST_CLOCK_TIME_NONE);
        return true;
    }
    default:
        return gst_pad_query_default(pad, GST_OBJECT(element_), query);
    }
}

} // namespace penstock::gop

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "rtsp/elementary_pad.h"

#include "gst/bytes.h"
#include "gst/guard.h"
#include "gst/sender_time.h"

#include <utility>

namespace penstock::rtsp {
namespace {

constexpr const char *owner_key = "penstock-elementary-pad";

} // namespace

void ElementaryPad::add() {
    struct Call {
        std::shared_ptr<ElementaryPad> self;
    };
    gst_element_call_async(
        element_,
        [](GstElement *element, gpointer data) {
            guard(element, [data] { static_cast<Call *>(data)->self->make_pad(); });
        },
        new Call{shared_from_this()}, [](gpointer data) { delete static_cast<Call *>(data); });
}

void ElementaryPad::make_pad() {
    GstPadTemplate *pad_template = gst_element_class_get_pad_template(
        GST_ELEMENT_GET_CLASS(element_), is_video_ ? "video_%u" : "audio_%u");
    GstPad *pad = gst_pad_new_from_template(pad_template, name_.c_str());
    gst_pad_set_activatemode_function(pad, activate);
    gst_pad_use_fixed_caps(pad);
    g_object_set_data_full(
        G_OBJECT(pad), owner_key, new std::shared_ptr<ElementaryPad>(shared_from_this()),
        [](gpointer data) { delete static_cast<std::shared_ptr<ElementaryPad> *>(data); });
    {
        std::lock_guard lock(mutex_);
        if (closed_ || removed_) {
            gst_object_unref(gst_object_ref_sink(pad));
            return;
        }
        pad_ = pad;
    }
    gst_pad_set_active(pad, TRUE);
    gst_element_add_pad(element_, pad);
    gst_element_no_more_pads(element_);
}

gboolean ElementaryPad::activate(GstPad *pad, GstObject *parent, GstPadMode mode, gboolean active) {
    return guard(parent ? gpointer(parent) : gpointer(pad), FALSE, [&]() -> gboolean {
        if (mode != GST_PAD_MODE_PUSH) return FALSE;
        auto *self = static_cast<std::shared_ptr<ElementaryPad> *>(
                         g_object_get_data(G_OBJECT(pad), owner_key))
                         ->get();
        if (active)
            return gst_pad_start_task(
                pad,
                [](gpointer data) {
                    auto *task = static_cast<ElementaryPad *>(data);
                    guard(task->element_, [task] { task->loop(); });
                },
                self, nullptr);
        self->stop();
        return gst_pad_stop_task(pad);
    });
}

void ElementaryPad::stop() {
    std::lock_guard lock(mutex_);
    closed_ = true;
    items_.clear();
    bytes_ = 0;
    changed_.notify_all();
}

void ElementaryPad::remove() {
    GstPad *pad;
    {
        std::lock_guard lock(mutex_);
        removed_ = true;
        pad = std::exchange(pad_, nullptr);
    }
    stop();
    if (!pad) return;
    gst_pad_set_active(pad, FALSE);
    gst_element_remove_pad(element_, pad);
}

void ElementaryPad::set_playing(bool playing) {
    std::lock_guard lock(mutex_);
    playing_ = playing;
    changed_.notify_all();
}

uint64_t ElementaryPad::drops() {
    std::lock_guard lock(mutex_);
    return drops_;
}

void ElementaryPad::restart(GstPtr<GstCaps> caps) {
    std::lock_guard lock(mutex_);
    if (closed_) return;
    items_.push_back({std::move(caps), {}});
    changed_.notify_all();
}

void ElementaryPad::put(ElementaryFrame &&frame) {
    std::lock_guard lock(mutex_);
    if (closed_) return;
    bytes_ += frame.bytes.size();
    items_.push_back({{}, std::move(frame)});
    while (items_.size() > max_frames || bytes_ > max_bytes) {
        // What tells of another session stays, and so does the newest frame.
        const auto oldest = std::find_if(items_.begin(), items_.end() - 1,
                                         [](const Item &item) { return !item.caps; });
        if (oldest == items_.end() - 1) break;
        bytes_ -= oldest->frame.bytes.size();
        items_.erase(oldest);
        ++drops_;
    }
    changed_.notify_all();
}

void ElementaryPad::loop() {
    Item item;
    {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return closed_ || (playing_ && !items_.empty()); });
        if (closed_) {
            if (pad_) gst_pad_pause_task(pad_);
            return;
        }
        item = std::move(items_.front());
        items_.pop_front();
        bytes_ -= item.frame.bytes.size();
    }
    push(std::move(item));
}

GstClockTime ElementaryPad::running_time() const {
    auto clock = GstPtr<GstClock>::adopt(gst_element_get_clock(element_));
    const GstClockTime base = gst_element_get_base_time(element_);
    const GstClockTime now = clock ? gst_clock_get_time(clock.get()) : base;
    return now > base ? now - base : 0;
}

void ElementaryPad::push(Item &&item) {
    if (item.caps) {
        if (!std::exchange(started_, true)) {
            GOwned<> id(gst_pad_create_stream_id(pad_, element_, name_.c_str()));
            gst_pad_push_event(pad_, gst_event_new_stream_start(id.get()));
            gst_pad_push_event(pad_, gst_event_new_caps(item.caps.get()));
            GstSegment segment;
            gst_segment_init(&segment, GST_FORMAT_TIME);
            gst_pad_push_event(pad_, gst_event_new_segment(&segment));
        } else {
            gst_pad_push_event(pad_, gst_event_new_caps(item.caps.get()));
        }
        has_offset_ = false;
        discont_ = true;
        return;
    }
    if (!started_) return;
    if (!std::exchange(has_offset_, true)) offset_ = int64_t(running_time()) - item.frame.time;
    last_ = std::max(item.frame.time + offset_, last_);
    auto buffer = buffer_of(item.frame.bytes);
    GST_BUFFER_PTS(buffer.get()) = GstClockTime(last_);
    if (is_video_) GST_BUFFER_DTS(buffer.get()) = GstClockTime(last_);
    if (std::exchange(discont_, false)) GST_BUFFER_FLAG_SET(buffer.get(), GST_BUFFER_FLAG_DISCONT);
    if (item.frame.sender_time.value_or(0) > 0)
        add_sender_time(buffer.get(), *item.frame.sender_time);
    const GstFlowReturn flow = gst_pad_push(pad_, buffer.release());
    if (flow == GST_FLOW_OK || flow == GST_FLOW_NOT_LINKED) return;
    if (flow != GST_FLOW_FLUSHING && flow != GST_FLOW_EOS) {
        GST_ELEMENT_FLOW_ERROR(element_, flow);
        gst_pad_push_event(pad_, gst_event_new_eos());
    }
    gst_pad_pause_task(pad_);
}

} // namespace penstock::rtsp

// SPDX-License-Identifier: LGPL-2.1-or-later
// The common part of sources that push what comes from the network, whatever that is: the queue,
// the threads, the pad's first and last events.
#pragma once

#include "gst/gone_event.h"
#include "gst/guard.h"
#include "gst/keyframe_request.h"
#include "gst/nonblocking.h"
#include "gst/ptr.h"
#include "gst/push_queue.h"
#include "gst/stats.h"
#include "gst/stream_start.h"

#include <gst/gst.h>

#include <cstddef>
#include <memory>
#include <string>
#include <utility>

namespace penstock {

/// Queues a sender's media and pushes them: the network loop does it if nothing downstream can
/// block, else a task. push_queue.h says whose turn it is. `Media`: one piece of them.
template <class Media>
class QueuedSource {
public:
    void set_playing(bool playing) {
        if (queue_.set_playing(playing)) drain_elsewhere();
    }
    void end_of_stream() {
        enqueue({Item::eos}, 0);
        drain_elsewhere();
    }
    /// The elements downstream have changed: pushing may block now.
    void reconfigure() {
        if (!peer_is_nonblocking(pad_) && queue_.want_task()) start_task();
    }
    /// Asks the sender for a keyframe. False if it can't be asked. Any thread.
    virtual bool want_keyframe() { return false; }

protected:
    QueuedSource(GstElement *element, GstPad *pad)
        : element_(element), pad_(pad),
          start_(
              element, pad, [this] { return stream_name(); }, [this] { return tags(); }) {}
    ~QueuedSource() = default;

    /// Empties the queue. The caller has the queue's turn until it calls release_queue() or
    /// cancel_queue().
    void open_queue(size_t max_bytes) {
        queue_.open(!peer_is_nonblocking(pad_), max_bytes);
        start_.restart();
        counters_.start();
        on_open();
    }
    bool release_queue() {
        switch (queue_.release()) {
        case PushNext::item:
            drain_elsewhere();
            return true;
        case PushNext::task:
            return start_task();
        case PushNext::nothing:
            return true;
        }
        return true;
    }
    void cancel_queue() {
        queue_.close();
        queue_.release();
    }
    /// Returns when nobody pushes any more.
    void close_queue() {
        queue_.close();
        queue_.wait_idle();
        gst_pad_stop_task(pad_);
        clock_.reset();
    }

    // --- on a network loop ----------------------------------------------------------------
    void put_began(const std::string &who) {
        enqueue({Item::began, {}, who}, 0);
        drain();
    }
    /// Returns false if the queue is full: the sender has to wait for on_room().
    bool put_media(Media &&media, size_t bytes) {
        counters_.in(bytes);
        Item item{Item::media, std::move(media)};
        if (queue_.begin_with_own()) {
            push_queued(&item);
            return true; // it took no room
        }
        enqueue(std::move(item), bytes);
        drain();
        return queue_.has_room();
    }
    void put_ended(const std::string &reason) {
        enqueue({Item::ended, {}, reason}, 0);
        drain();
    }
    /// Sends tags() anew, once what is queued has been pushed.
    void put_tags() {
        enqueue({Item::tags}, 0);
        drain();
    }
    bool queue_has_room() { return queue_.has_room(); }

    // --- on the thread that has the turn --------------------------------------------------
    /// A queue was opened: a stream begins anew.
    virtual void on_open() = 0;
    /// A sender begins.
    virtual void begin(const std::string &who) = 0;
    virtual GstFlowReturn take_media(Media &&media) = 0;
    /// Returns true if the stream ends with it.
    virtual bool on_ended(const std::string &reason) = 0;
    /// The EOS that an end brings with it has been pushed.
    virtual void on_finished() {}
    virtual void on_room() = 0;
    /// For the stream id and messages.
    virtual std::string stream_name() const = 0;
    /// What keeps it alive while another thread is about to push; nullptr: its element does.
    virtual std::shared_ptr<void> shared() { return nullptr; }
    /// An event of tags that goes out behind the segment; nullptr: none.
    virtual GstEvent *tags() { return nullptr; }

    GstFlowReturn push(GstPtr<GstBuffer> buffer) {
        counters_.out(gst_buffer_get_size(buffer.get()));
        return gst_pad_push(pad_, buffer.release());
    }
    GstClockTime running_time() {
        GstPtr<GstClock> other; // released without the lock
        GST_OBJECT_LOCK(element_);
        if (GST_ELEMENT_CLOCK(element_) != clock_.get()) {
            other = GstPtr<GstClock>::ref(GST_ELEMENT_CLOCK(element_));
            std::swap(clock_, other);
        }
        const GstClockTime base = element_->base_time;
        GST_OBJECT_UNLOCK(element_);
        if (!clock_) return 0;
        const GstClockTime now = gst_clock_get_time(clock_.get());
        return now > base ? now - base : 0;
    }

    GstElement *const element_;
    GstPad *const pad_;
    Counters counters_;
    StreamStart start_;

private:
    struct Item {
        enum Kind { began, media, tags, ended, eos } kind;
        Media content{};
        std::string text{};
    };

    void enqueue(Item &&item, size_t bytes) { queue_.put(std::move(item), bytes); }

    bool start_task() {
        const bool started = gst_pad_start_task(
            pad_,
            [](gpointer p) {
                auto *self = static_cast<QueuedSource *>(p);
                guard(self->element_, [self] { self->loop(); });
            },
            this, nullptr);
        queue_.hand_to_task();
        return started;
    }
    void loop() {
        Item item;
        bool room = false;
        if (!queue_.wait(item, room)) {
            gst_pad_pause_task(pad_);
            return;
        }
        if (room) on_room();
        handle(std::move(item));
    }
    /// Pushes what is queued, unless another thread has the turn, or is to have it.
    void drain() {
        if (queue_.begin()) push_queued(nullptr);
    }
    /// Has the turn: pushes the item, if there is one, and what is queued, and gives the turn back.
    void push_queued(Item *own) {
        Item item;
        bool room = false;
        PushNext next;
        GST_PAD_STREAM_LOCK(pad_);
        if (own) handle(std::move(*own));
        while ((next = queue_.next(item, room)) == PushNext::item) {
            if (room) on_room();
            handle(std::move(item));
        }
        GST_PAD_STREAM_UNLOCK(pad_);
        if (next == PushNext::task) start_task();
    }
    /// Lets another thread push: this one must not.
    void drain_elsewhere() {
        struct Call {
            QueuedSource *const self;
            const std::shared_ptr<void> kept;
        };
        gst_element_call_async(
            element_,
            [](GstElement *element, gpointer data) {
                guard(element, [data] { static_cast<Call *>(data)->self->drain(); });
            },
            new Call{this, shared()}, [](gpointer data) { delete static_cast<Call *>(data); });
    }

    void handle(Item &&item) {
        switch (item.kind) {
        case Item::began:
            begin(item.text);
            return;
        case Item::media:
            if (const GstFlowReturn flow = take_media(std::move(item.content)); flow != GST_FLOW_OK)
                finish(flow);
            return;
        case Item::tags:
            start_.push_tags();
            return;
        case Item::ended:
            if (!on_ended(item.text)) {
                // A switch behind this need not wait until it notices.
                if (start_.has_started()) gst_pad_push_event(pad_, new_gone_event());
                return;
            }
            finish(GST_FLOW_EOS);
            on_finished();
            return;
        case Item::eos:
            break;
        }
        finish(GST_FLOW_EOS);
    }
    void finish(GstFlowReturn flow) {
        gst_pad_pause_task(pad_);
        queue_.end();
        if (flow == GST_FLOW_FLUSHING) return;
        if (flow != GST_FLOW_EOS) GST_ELEMENT_FLOW_ERROR(element_, flow);
        start_.push_eos();
    }

    PushQueue<Item> queue_;
    // Belongs to the thread that has the queue's turn.
    GstPtr<GstClock> clock_; ///< the element's when the time was last asked for
};

/// The pad functions of an element with a QueuedSource.
gboolean queued_source_query(GstPad *pad, GstObject *parent, GstQuery *query);
/// `source` is told of RECONFIGURE, and asked for keyframes.
template <class Source>
gboolean queued_source_event(GstObject *parent, GstEvent *event, Source &source) {
    // There is no upstream element that could seek.
    if (is_keyframe_request(event)) {
        gboolean asked = FALSE;
        guard(parent, [&] { asked = source.want_keyframe(); });
        gst_event_unref(event);
        return asked;
    }
    const bool known = GST_EVENT_TYPE(event) == GST_EVENT_RECONFIGURE ||
                       GST_EVENT_TYPE(event) == GST_EVENT_LATENCY ||
                       GST_EVENT_TYPE(event) == GST_EVENT_QOS;
    if (GST_EVENT_TYPE(event) == GST_EVENT_RECONFIGURE)
        guard(parent, [&source] { source.reconfigure(); });
    gst_event_unref(event);
    return known;
}

} // namespace penstock

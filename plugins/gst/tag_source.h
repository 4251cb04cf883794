// SPDX-License-Identifier: LGPL-2.1-or-later
// The common part of sources of FLV tags: those from the network become `video/x-flv` buffers.
#pragma once

#include "core/flv/normalizer.h"
#include "core/rtmp/timeline.h"
#include "gst/ptr.h"
#include "gst/push_queue.h"
#include "gst/stats.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace penstock {

/// Queues a sender's tags and pushes them: the network loop does it if nothing downstream can
/// block, else a task. push_queue.h says whose turn it is.
class TagSource {
public:
    void set_playing(bool playing);
    void end_of_stream();
    /// The elements downstream have changed: pushing may block now.
    void reconfigure();
    /// Asks the sender for a keyframe. False if it can't be asked. Any thread.
    virtual bool want_keyframe() { return false; }

protected:
    TagSource(GstElement *element, GstPad *pad);
    ~TagSource() = default;

    /// Empties the queue and resets the stream. The caller has the queue's turn until it calls
    /// release_queue() or cancel_queue().
    void open_queue(size_t max_bytes);
    bool release_queue();
    void cancel_queue();
    /// Returns when nobody pushes any more.
    void close_queue();

    // --- on a network loop ----------------------------------------------------------------
    void put_began(const std::string &who);
    /// Returns false if the queue is full: the sender has to wait for on_room(). `sender_time`: ns
    /// since 1970 by the sender's clock, which becomes a meta; 0: not told.
    bool put_tag(flv::Tag &&tag, int64_t sender_time = 0);
    void put_ended(const std::string &reason);
    /// Sends tags() anew, once what is queued has been pushed.
    void put_tags();
    bool queue_has_room() { return queue_.has_room(); }

    // --- on the thread that has the turn --------------------------------------------------
    virtual void on_began(const std::string &who) = 0;
    /// Returns true if the stream ends with it.
    virtual bool on_ended(const std::string &reason) = 0;
    virtual void on_room() = 0;
    /// For the stream id and messages.
    virtual std::string stream_name() const = 0;
    /// What keeps it alive while another thread is about to push; nullptr: its element does.
    virtual std::shared_ptr<TagSource> shared() { return nullptr; }
    /// An event of tags that goes out behind the segment; nullptr: none.
    virtual GstEvent *tags() { return nullptr; }

    GstElement *const element_;
    GstPad *const pad_;
    Counters counters_;

private:
    struct Item {
        enum Kind { began, tag, tags, ended, eos } kind;
        flv::Tag flv{};
        std::string text{};
        int64_t sender_time = 0;
    };

    void enqueue(Item &&item);
    void resume_sender(bool room);
    void loop(); ///< the task
    bool start_task();
    void drain();
    void push_queued(Item *own);
    void drain_elsewhere();
    void handle(Item &&item);

    void begin(const std::string &who);
    GstFlowReturn take_tag(flv::Tag &&tag, int64_t sender_time);
    GstFlowReturn push_tag(const flv::Tag &tag, int64_t sender_time);
    void post_notes();
    GstFlowReturn push_headers();
    GstFlowReturn push(GstPtr<GstBuffer> buffer);
    void push_stream_start();
    void push_tags();
    void finish(GstFlowReturn flow);
    GstClockTime running_time();
    GstClockTime time_of(const flv::Tag &tag);

    PushQueue<Item> queue_;

    // Belongs to the thread that has the queue's turn.
    GstPtr<GstClock> clock_; ///< the element's when the time was last asked for
    flv::Normalizer normalizer_;
    std::vector<flv::Tag> tags_; ///< what became of the tag at hand
    unsigned headers_version_ = 0;
    uint32_t config_ = 0;  ///< of the headers that are out, see KnownTag
    bool started_ = false; ///< stream-start is out
    bool has_video_ = false;
    bool discont_ = true;
    std::optional<rtmp::Timeline> timeline_; ///< to running time; since open_queue()
};

/// The pad functions and the state changes of an element with a TagSource.
gboolean tag_source_query(GstPad *pad, GstObject *parent, GstQuery *query);
/// `source` is told of RECONFIGURE.
gboolean tag_source_event(GstObject *parent, GstEvent *event, TagSource &source);

} // namespace penstock

// SPDX-License-Identifier: LGPL-2.1-or-later
// The implementation of goptee: caches the last GOPs of a stream and feeds branches that start with
// them.
#pragma once

#include "core/gop/channels.h"
#include "core/gop/history.h"
#include "gop/branch.h"
#include "gop/flv_input.h"

#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace penstock::gop {

struct Settings {
    Limits cache;
    QueueLimits queue;
};

/// Threads: lock_ guards settings, branches, history and sticky events; a branch's own lock may be
/// taken inside it. Neither is held during a push, query, message or log of an object. Members
/// under "streaming" are guarded by the sink pad's stream lock.
class Tee {
public:
    Tee(GstElement *element, GstPad *sink);

    Settings settings() const;
    void set_settings(const Settings &settings);

    GstFlowReturn chain(GstPtr<GstBuffer> buffer);
    bool sink_event(GstPtr<GstEvent> event);
    bool sink_query(GstQuery *query);
    bool src_event(GstPad *pad, GstPtr<GstEvent> event);
    bool src_query(GstPad *pad, GstQuery *query);

    GstPad *request_pad(GstPadTemplate *templ, const char *name);
    /// Removes the branch and its pad. Never waits for downstream.
    void release_pad(GstPad *pad);
    /// Unlinks and releases a branch. Returns true if no push was in progress after 200 ms;
    /// otherwise its last push ends when downstream is shut down.
    bool remove_branch(GstPad *pad);

    std::string channel() const;
    void set_channel(const std::string &name);
    /// Adds a branch for another pipeline: it pushes into `inlet`, which must be otherwise
    /// unlinked. Thread-safe; never waits for a stream.
    std::shared_ptr<Branch> attach(GstPad *inlet);
    /// A last push into `inlet` may still be in progress.
    void detach(const std::shared_ptr<Branch> &branch);
    /// Answers the latency query for the part upstream of this element.
    bool upstream_latency(GstQuery *query);

    /// Offers the channel, if one is set. Returns false and sets the reason on failure.
    bool start(std::string *error);
    /// Call before the pads are deactivated: wakes waiting threads.
    void begin_stop();
    /// Call after the pads were deactivated: ends the threads and resets the stream.
    void stop();

    GstPtr<GstStructure> stats() const;

private:
    struct Cached {
        GstPtr<GstBuffer> buffer;
        bool key, header;
    };
    struct Delivery {
        Branch *branch; ///< one of the caller's Branches
        Item item;
    };
    using Branches = std::vector<std::shared_ptr<Branch>>;

    /// The current branches; adding or removing one creates another list.
    std::shared_ptr<const Branches> branches() const;
    void add_locked(const std::shared_ptr<Branch> &branch);
    bool offer(std::string *error);
    std::shared_ptr<Branch> find(GstPad *pad) const;
    std::shared_ptr<Branch> take(GstPad *pad);
    void decide(const Branches &branches);
    void deliver(const Unit &unit, const Branches &branches);
    void deliver_event(GstEvent *event, const Branches &branches);
    void cache_locked(const Unit &unit);
    void begin_locked(Branch &branch, bool with_gop);
    void give_locked(Branch &branch, Item item, const std::vector<Item> &lead = {});
    std::vector<Item> lead_locked(GstBuffer *next) const;
    void remember_sticky_locked(GstEvent *event);
    void forget_sticky_locked(GstEventType type);
    void push_direct();
    GstFlowReturn combined_flow(const Branches &branches) const;
    void set_caps(const GstCaps *caps);
    GstPtr<GstEvent> time_segment(GstPtr<GstEvent> event);
    void forget_stream();
    void on_failed(Branch &branch, GstFlowReturn flow);
    GstPtr<GstCaps> downstream_caps(GstCaps *filter) const;
    uint64_t time_of(GstBuffer *buffer);

    GstElement *const element_; ///< borrowed: it owns this object
    GstPad *const sink_;        ///< borrowed: the element owns it
    const std::shared_ptr<Totals> totals_ = std::make_shared<Totals>();

    mutable std::mutex lock_;
    Settings settings_;
    std::shared_ptr<const Branches> branches_ = std::make_shared<const Branches>();
    std::string channel_;
    std::unique_ptr<ChannelHandle> offer_; ///< used in state changes only
    std::atomic<bool> offers_ = false;
    unsigned next_index_ = 0, next_reader_ = 0;
    History<Cached> history_;
    std::vector<GstPtr<GstEvent>> sticky_; ///< in the order in which a new branch gets them
    guint32 last_seek_ = 0;

    // streaming
    FlvInput flv_input_;
    bool flv_ = false;
    bool whole_frames_ = false;
    bool told_bad_flv_ = false;
    GstPtr<GstCaps> caps_;
    std::vector<GstPtr<GstBuffer>> stream_headers_; ///< from the caps, unless FLV
    std::vector<GstPtr<GstBuffer>> pending_, lead_; ///< HEADER buffers before a keyframe
    std::vector<Unit> units_;
    std::vector<Delivery> deliveries_;
    uint64_t last_time_ = 0;
};

} // namespace penstock::gop

// SPDX-License-Identifier: LGPL-2.1-or-later
// What goptee does: remembers the last GOPs of a stream and feeds branches that begin with them.
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

/// Thread rules: lock_ guards settings, branches, history and sticky events; then, inside it, a
/// branch's own lock. Neither is held across a push, a query, a message or a log of an object.
/// What is under "streaming" belongs to the holder of the sink pad's stream lock.
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
    /// Forgets the branch and removes the pad. Never waits for what is downstream.
    void release_pad(GstPad *pad);
    /// Unlinks and releases a branch. True if nothing of it was still running downstream after
    /// 200 ms; otherwise its last push ends when downstream is shut down.
    bool remove_branch(GstPad *pad);

    std::string channel() const;
    void set_channel(const std::string &name);
    /// A branch for another pipeline: it pushes into `inlet`, which nobody else is linked to.
    /// Thread-safe, and never waits for anybody's stream.
    std::shared_ptr<Branch> attach(GstPad *inlet);
    /// Its last push may still be on its way into `inlet`.
    void detach(const std::shared_ptr<Branch> &branch);
    /// What is upstream of this element says of its latency.
    bool upstream_latency(GstQuery *query);

    /// Offers the channel, if there is one; false and the reason if it can't.
    bool start(std::string *error);
    /// Before the pads are deactivated: wakes whoever waits.
    void begin_stop();
    /// After the pads were deactivated: ends the threads, forgets the stream.
    void stop();

    GstPtr<GstStructure> stats() const;

private:
    struct Cached {
        GstPtr<GstBuffer> buffer;
        bool key, header;
    };
    struct Delivery {
        Branch *branch; ///< one of the Branches that the caller holds
        Item item;
    };
    using Branches = std::vector<std::shared_ptr<Branch>>;

    /// Those that there are now; adding or removing one makes another list.
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

    GstElement *const element_; ///< borrowed: it owns us
    GstPad *const sink_;        ///< borrowed: the element owns it
    const std::shared_ptr<Totals> totals_ = std::make_shared<Totals>();

    mutable std::mutex lock_;
    Settings settings_;
    std::shared_ptr<const Branches> branches_ = std::make_shared<const Branches>();
    std::string channel_;
    std::unique_ptr<ChannelHandle> offer_; ///< by state changes alone
    std::atomic<bool> offers_ = false;
    unsigned next_index_ = 0, next_reader_ = 0;
    History<Cached> history_;
    std::vector<GstPtr<GstEvent>> sticky_; ///< what a new branch begins with, in order
    guint32 last_seek_ = 0;

    // streaming
    FlvInput flv_input_;
    bool flv_ = false;
    bool whole_frames_ = false;
    bool told_bad_flv_ = false;
    GstPtr<GstCaps> caps_;
    std::vector<GstPtr<GstBuffer>> stream_headers_; ///< of the caps, unless FLV
    std::vector<GstPtr<GstBuffer>> pending_, lead_; ///< HEADER buffers in front of a keyframe
    std::vector<Unit> units_;
    std::vector<Delivery> deliveries_;
    uint64_t last_time_ = 0;
};

} // namespace penstock::gop

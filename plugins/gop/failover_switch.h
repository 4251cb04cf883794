// SPDX-License-Identifier: LGPL-2.1-or-later
// The work of failover: several inputs of one encoded stream in, the best of them out.
#pragma once

#include "core/gop/failover.h"
#include "gop/flv_input.h"
#include "gst/ptr.h"
#include "gst/stats.h"

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace penstock::gop {

/// One output stream, whose timestamps are running times. Locks: the source pad's stream lock is
/// held while anything is pushed, so that inputs don't mix; inside it lock_, which guards the
/// decision and is never held across a push, a query or a message. An input that is not on air
/// takes lock_ only, and so never waits for what is downstream.
class FailoverSwitch {
public:
    static constexpr unsigned most_inputs = 16;

    FailoverSwitch(GstElement *element, GstPad *src);

    Failover::Settings settings() const;
    void set_settings(const Failover::Settings &settings);

    GstPad *request_pad(GstPadTemplate *templ, const char *name);
    void release_pad(GstPad *pad);

    void start();
    void stop();

    GstFlowReturn chain(GstPad *pad, GstPtr<GstBuffer> buffer);
    bool sink_event(GstPad *pad, GstPtr<GstEvent> event);
    bool sink_query(GstPad *pad, GstQuery *query);
    /// Of all inputs that know it, so that a change needs no other; false if none does.
    bool answer_latency(GstQuery *query) const;

    /// The pad on air; empty if there is none.
    GstPtr<GstPad> active_pad() const;
    GstPtr<GstStructure> stats() const;

private:
    struct Held {
        GstPtr<GstBuffer> buffer;
    };
    struct Input {
        Input(GstPad *p, unsigned n) : pad(p), number(n) {}
        GstPad *const pad; ///< the element's; valid while the input is linked or streams
        const unsigned number;
        // Of the pad's streaming thread.
        FlvInput flv;
        bool is_flv = false;
        GstPtr<GstCaps> caps;
        GstSegment segment;
        std::vector<Unit> units;
        bool told_broken = false;
        // Guarded by lock_.
        HeldGop<Held> held;
        bool joined = false;
        bool flushes = false; ///< the output, since its FLUSH_START: no other input may begin
        Tracks tracks;
        bool asked_key = false;
    };
    using InputPtr = std::shared_ptr<Input>;

    InputPtr input_of(GstPad *pad) const;
    void set_caps(Input &input, GstCaps *caps);
    void learn_tracks(Input &input, const Unit &unit);
    void join_locked(Input &input);
    GstFlowReturn take(Input &input, const Unit &unit);
    void wants_key(const Input &input) const;
    void warn_of_misfit(const Input &input) const;

    struct Sent {
        GstFlowReturn flow = GST_FLOW_OK;
        bool began = false; ///< the input is on air from this on
    };
    // With the stream lock.
    Sent send(Input &input, const Unit &unit, Failover::Action action);
    GstFlowReturn begin(Input &input, GstBuffer *first);
    static std::vector<Held> folded(std::vector<Held> gop);
    void push_events(const Input &input);
    void push_sticky(const Input &input);
    GstFlowReturn push(const Input &input, GstBuffer *buffer, bool header);
    void reset_output();

    void tell_active(const Input &input);
    bool forward(const Input &input, GstPtr<GstEvent> event);
    bool end_output(const Input &last, GstPtr<GstEvent> eos);
    bool is_on_air(const Input &input) const;
    void flush_start(Input &input, GstPtr<GstEvent> event);
    void flush_stop(Input &input, GstPtr<GstEvent> event);

    GstElement *const element_; ///< borrowed: it owns this object
    GstPad *const src_;         ///< borrowed: the element owns it
    Counters counters_;

    mutable std::mutex lock_;
    Failover::Settings settings_;
    Failover failover_;
    std::vector<InputPtr> inputs_;

    // Guarded by the source pad's stream lock.
    bool started_ = false; ///< STREAM_START is out
    bool ended_ = false;   ///< EOS is out, and no other stream has begun
    bool has_segment_ = false, has_file_header_ = false;
    bool discont_ = false;
    GstPtr<GstCaps> out_caps_;
    int64_t offset_ = 0;     ///< from the running time of the input on air to ours
    int64_t last_out_ = 0;   ///< the latest DTS that was pushed
    int64_t last_shown_ = 0; ///< the latest PTS
    bool any_out_ = false;
};

} // namespace penstock::gop

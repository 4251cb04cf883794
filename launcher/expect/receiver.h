// SPDX-License-Identifier: LGPL-2.1-or-later
// A player without display: receives an output and records every frame.
#pragma once

#include "expect/frame_trace.h"
#include "expect/measure.h"
#include "expect/outputs.h"

#include <atomic>
#include <memory>
#include <string>

namespace penstock::expect {

/// Used on the main loop's thread. Reconnects until the first frame arrives, because the output may
/// start later.
class Receiver {
public:
    Receiver(Output output, const FrameTrace &trace);
    ~Receiver(); ///< stops like stop()
    Receiver(const Receiver &) = delete;
    Receiver &operator=(const Receiver &) = delete;

    /// Returns false and sets the reason if this machine lacks an element.
    bool start(std::string *error);
    /// Stops on another thread, since a GStreamer receiver may hang; records nothing from now on.
    void stop();

    const Output &output() const { return output_; }
    bool has_frames() const { return state_->has_frames; }
    /// Time of the first frame; monotonic, ns; 0: none yet.
    int64_t first_arrival() const { return state_->first_arrival; }
    bool is_over() const { return is_over_; } ///< the output has ended
    /// Why it ended, or why nothing has arrived yet; empty if unknown.
    std::string failure() const { return has_frames() && !is_over_ ? "" : failure_; }
    Received received() const;

private:
    struct Track;
    /// Written by streaming threads; shared with them.
    struct State {
        explicit State(FrameTrace::Finder f) : find(std::move(f)) {}
        const FrameTrace::Finder find;
        std::atomic<bool> has_frames = false;
        std::atomic<int64_t> first_arrival = 0;
        std::mutex lock; ///< guards received
        Received received;
    };
    using SharedState = std::shared_ptr<State>;

    bool make_pipeline(std::string *error);
    void try_again();
    void end(const std::string &failure);
    static void on_pad(GstElement *demuxer, GstPad *pad, gpointer state);
    static GstPadProbeReturn on_data(GstPad *pad, GstPadProbeInfo *info, gpointer track);
    static void note_event(GstEvent *event, Track &track);
    static void note_buffer(GstBuffer *buffer, Track &track);
    static gboolean on_message(GstBus *bus, GstMessage *message, gpointer self);

    const Output output_;
    GstPtr<GstElement> pipeline_;
    guint watch_ = 0, retry_ = 0;
    const SharedState state_;
    bool is_over_ = false;
    std::string failure_;
};

} // namespace penstock::expect

// SPDX-License-Identifier: LGPL-2.1-or-later
// One pipeline while it runs: its bus is watched, its failed branches are taken out.
#pragma once

#include "gst/ptr.h"
#include "supervisor/main_loop.h"
#include "supervisor/report.h"

#include <memory>
#include <set>
#include <string>

namespace penstock::supervisor {

/// One clock and one base time for all pipelines of the process.
struct Time {
    GstPtr<GstClock> clock;
    GstClockTime base = 0;
    static Time now();
};

/// Lives on the main loop's thread, as do its handlers.
class RunningPipeline {
public:
    struct Handlers {
        std::function<void(const std::string &)> failed; ///< the pipeline as a whole
        std::function<void()> ended;                     ///< EOS
        /// What to do about a failure of such an element; may be empty.
        std::function<std::string(const std::string &)> hint;
        std::function<void(bool)> publishing; ///< its rtmpserversrc has, or has lost, a publisher
    };
    /// `label` begins every report: "live/cam".
    RunningPipeline(std::string label, GstPtr<GstElement> pipeline, Report report,
                    Handlers handlers);
    /// Stops it, as stop() does.
    ~RunningPipeline();
    RunningPipeline(const RunningPipeline &) = delete;
    RunningPipeline &operator=(const RunningPipeline &) = delete;

    /// To PLAYING. A failure comes through the handlers.
    void play(const Time &time);
    /// Sends EOS into its sources; `ended` is called when it has come through.
    void drain();
    /// To NULL on another thread, since an element may hang; `stopped` then runs on the main loop.
    /// No handler is called any more.
    void stop(Task stopped);

private:
    static gboolean on_message(GstBus *bus, GstMessage *message, gpointer self);
    void to_playing();
    void report_failed_start();
    void handle(GstMessage *message);
    void handle_error(GstMessage *message);
    void fail(const std::string &what);

    const std::string label_;
    GstPtr<GstElement> pipeline_;
    const Report report_;
    Handlers handlers_;
    guint watch_ = 0;
    bool lost_branch_ = false;      ///< since the last attempt to start
    bool failed_ = false;           ///< the first error says why; those that follow come from it
    std::set<GstObject *> removed_; ///< compared only, never dereferenced
};

} // namespace penstock::supervisor

// SPDX-License-Identifier: LGPL-2.1-or-later
// One pipeline while it runs: its bus is watched, its failed branches are taken out.
#pragma once

#include "description/binding.h"
#include "gst/ptr.h"
#include "supervisor/main_loop.h"
#include "supervisor/relink.h"
#include "supervisor/report.h"

#include <map>
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
        /// The same pipeline once more, in state NULL; nullptr and the reason if it can't be.
        /// Empty: a branch that has failed is not started again.
        std::function<GstPtr<GstElement>(std::string *)> rebuild;
        int64_t first_delay = 0, longest_delay = 0; ///< ns before a branch is started again
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

    const std::string &label() const { return label_; }
    /// nullptr once it was stopped.
    GstElement *pipeline() const { return pipeline_.get(); }
    /// When it was made; monotonic, µs.
    gint64 since() const { return since_; }

private:
    static gboolean on_message(GstBus *bus, GstMessage *message, gpointer self);
    void to_playing();
    void report_failed_start();
    void handle(GstMessage *message);
    void handle_error(GstMessage *message);
    void fail(const std::string &what);
    void detach(Branch branch);
    void restart_later(const BranchPlace &place);
    void restart(const BranchPlace &place);

    const std::string label_;
    GstPtr<GstElement> pipeline_;
    const Report report_;
    Handlers handlers_;
    const gint64 since_ = loop_clock().now();
    guint watch_ = 0;
    bool has_detached_ = false;     ///< a branch, since the last attempt to start
    bool failed_ = false;           ///< the first error says why; those that follow come from it
    std::set<GstObject *> removed_; ///< compared only, never dereferenced

    /// A branch that has failed, and was restarted or will be.
    struct Detached {
        std::string label;
        int64_t delay = 0;        ///< ns before the next restart, doubles with each failure
        int64_t restarted_at = 0; ///< monotonic, µs
        unsigned failures = 0;    ///< in a row
        Timer timer;
    };
    std::vector<GstElement *> children_; ///< as the launch text made them; compared only
    std::map<BranchPlace, Detached> detached_;
    std::shared_ptr<RunningPipeline *> self_ = std::make_shared<RunningPipeline *>(this);
};

/// What a description says of a pipeline's failures: its hints, and whether branches are started
/// again. `binding` and `text` must outlive it.
RunningPipeline::Handlers handlers_for(const description::Binding &binding,
                                       const description::PipelineText &text,
                                       const description::Captures &captures);

} // namespace penstock::supervisor

// SPDX-License-Identifier: LGPL-2.1-or-later
// Runs one pipeline: watches its bus and removes branches that fail.
#pragma once

#include "description/binding.h"
#include "gst/ptr.h"
#include "supervisor/main_loop.h"
#include "supervisor/relink.h"
#include "supervisor/report.h"
#include "supervisor/silence.h"

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace penstock::supervisor {

/// The clock and base time that all pipelines of the process share.
struct Time {
    GstPtr<GstClock> clock;
    GstClockTime base = 0;
    static Time now();
};

/// Used on the main loop's thread, which also calls the handlers.
class RunningPipeline {
public:
    struct Failure {
        std::string what;
        bool is_hopeless = false; ///< it would fail every time; see hopeless.h
    };
    struct Handlers {
        std::function<void(const Failure &)> failed; ///< the whole pipeline failed
        std::function<void()> ended;                 ///< EOS
        /// Returns advice about a failure of the element with this name, or an empty string.
        std::function<std::string(const std::string &)> hint;
        /// The same for a source that can't be opened: which setting names what it reads.
        std::function<std::string(const std::string &)> setting;
        /// The pipeline's rtmpserversrc got (true) or lost (false) its publisher.
        std::function<void(bool)> publishing;
        /// Nothing comes out at these locations, for this reason; empty: it may again.
        std::function<void(const std::vector<std::string> &, const std::string &)> no_stream;
        /// Builds the same pipeline again, in state NULL. Returns nullptr and sets the reason on
        /// failure. Empty: failed branches are not restarted.
        std::function<GstPtr<GstElement>(std::string *)> rebuild;
        /// Delay before a branch is restarted; ns.
        int64_t first_delay = 0, longest_delay = 0;
    };
    /// `label` is the prefix of every report: "live/cam".
    RunningPipeline(std::string label, GstPtr<GstElement> pipeline, Report report,
                    Handlers handlers);
    /// Stops the pipeline like stop().
    ~RunningPipeline();
    RunningPipeline(const RunningPipeline &) = delete;
    RunningPipeline &operator=(const RunningPipeline &) = delete;

    /// Sets the pipeline to PLAYING. Failures are reported through the handlers.
    void play(const Time &time);
    /// Sends EOS into the sources; `ended` is called when it has reached all sinks.
    void drain();
    /// Sets the pipeline to NULL on another thread, since an element may hang; `stopped` then runs
    /// on the main loop. No handler is called from now on.
    void stop(Task stopped);

    const std::string &label() const { return label_; }
    /// nullptr after stop().
    GstElement *pipeline() const { return pipeline_.get(); }
    /// Creation time; monotonic, µs.
    gint64 since() const { return since_; }

private:
    static gboolean on_message(GstBus *bus, GstMessage *message, gpointer self);
    void to_playing();
    void report_failed_start();
    void handle(GstMessage *message);
    void handle_error(GstMessage *message);
    void judge_later();
    void judge(bool is_last);
    void fail(const Failure &failure);
    void detach(Branch branch);
    void restart_later(const BranchPlace &place);
    void restart(const BranchPlace &place);

    const std::string label_;
    GstPtr<GstElement> pipeline_;
    const Report report_;
    Handlers handlers_;
    const gint64 since_ = loop_clock().now();
    guint watch_ = 0;
    bool is_draining_ = false;  ///< drain() was called
    bool has_detached_ = false; ///< a branch was removed since the last attempt to start
    /// The errors of the whole pipeline until one of them is called the cause.
    struct Cause {
        Failure failure;
        bool is_first = false;       ///< of a source: nothing is upstream of it
        bool is_output = false;      ///< of what is read, written or connected to
        bool is_consequence = false; ///< of another error
    };
    std::vector<Cause> causes_;
    Timer judge_;
    bool failed_ = false; ///< the cause was reported; later errors are its consequences
    SilentSources silent_;
    std::set<GstObject *> removed_; ///< used for comparison only, never dereferenced

    /// A branch that has failed and was, or will be, restarted.
    struct Detached {
        std::string label;
        int64_t delay = 0;        ///< ns before the next restart; doubles with each failure
        int64_t restarted_at = 0; ///< monotonic, µs
        unsigned failures = 0;    ///< consecutive
        Timer timer;
    };
    std::vector<GstElement *> children_; ///< in launch-text order; used for comparison only
    std::map<BranchPlace, Detached> detached_;
    std::shared_ptr<RunningPipeline *> self_ = std::make_shared<RunningPipeline *>(this);
};

/// Handlers that implement the description's settings for failures: its hints, and whether branches
/// are restarted. `binding` and `text` must outlive them.
RunningPipeline::Handlers handlers_for(const description::Binding &binding,
                                       const description::PipelineText &text,
                                       const description::Captures &captures);

} // namespace penstock::supervisor

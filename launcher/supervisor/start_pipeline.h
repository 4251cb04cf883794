// SPDX-License-Identifier: LGPL-2.1-or-later
// Runs a pipeline of `start` and restarts it according to the description.
#pragma once

#include "description/binding.h"
#include "supervisor/running.h"

#include <memory>
#include <string>

namespace penstock::supervisor {

/// Used on the main loop's thread.
class StartPipeline {
public:
    struct Handlers {
        std::function<void()> done;   ///< it ended and is not restarted
        std::function<void()> failed; ///< it failed and is not restarted
    };
    /// `binding` and `text` must outlive this object.
    StartPipeline(const description::Binding &binding, const description::PipelineText &text,
                  const Time &time, Report report, Handlers handlers);
    StartPipeline(const StartPipeline &) = delete;
    StartPipeline &operator=(const StartPipeline &) = delete;
    ~StartPipeline();

    /// Returns false and sets the reason if the pipeline can't be built.
    bool start(std::string *error);
    /// Sends EOS and disables restarts.
    void drain();
    /// Stops the pipeline; then runs `stopped` on the main loop. No handler is called from now on.
    void stop(Task stopped);

    bool is_done() const { return done_; }
    const std::string &label() const { return label_; }
    /// nullptr while it waits for a restart and when it is done.
    const RunningPipeline *running() const {
        return pipeline_ && pipeline_->pipeline() ? pipeline_.get() : nullptr;
    }

private:
    void on_failed(const RunningPipeline::Failure &failure);
    void on_ended();
    void restart_later();

    const description::Binding &binding_;
    const description::PipelineText &text_;
    const Time time_;
    const Report report_;
    const Handlers handlers_;
    std::string label_;
    std::unique_ptr<RunningPipeline> pipeline_;
    Timer restart_;
    int64_t delay_ = 0;     ///< ns until the next restart
    gint64 started_at_ = 0; ///< monotonic, µs
    bool has_restarted_ = false;
    bool done_ = false, draining_ = false, stopping_ = false;
    std::shared_ptr<StartPipeline *> self_ = std::make_shared<StartPipeline *>(this);
};

} // namespace penstock::supervisor

// SPDX-License-Identifier: LGPL-2.1-or-later
// Runs descriptions: their ports, their pipelines, what happens when one ends.
#pragma once

#include "description/binding.h"
#include "supervisor/listeners.h"
#include "supervisor/report.h"
#include "supervisor/rule.h"
#include "supervisor/running.h"

#include <memory>
#include <string>
#include <vector>

namespace penstock::supervisor {

class Supervisor {
public:
    /// `ended(exit code)` is called on the main loop when nothing is left to run, or when a
    /// pipeline failed that must not. It is called once.
    Supervisor(std::vector<std::unique_ptr<description::Binding>> bindings, Report report,
               std::function<void(int)> ended);
    ~Supervisor();

    /// Opens the ports. The bindings then know the ports that the system chose.
    bool open(std::string *error);
    /// Takes publishers and starts the pipelines. After open().
    bool start(std::string *error);
    /// Stops everything; `stopped` runs on the main loop when nothing runs any more.
    void stop(Task stopped);

    const std::vector<std::unique_ptr<description::Binding>> &bindings() const { return bindings_; }

private:
    struct Started {
        const description::Binding *binding = nullptr;
        const description::PipelineText *text = nullptr;
        std::string label;
        std::unique_ptr<RunningPipeline> pipeline;
        Timer restart;
        int64_t delay = 0;     ///< ns until the next restart
        gint64 started_at = 0; ///< monotonic, µs
        bool done = false;
    };

    bool start_pipeline(Started &started, std::string *error);
    void on_failed(Started &started, const std::string &what);
    void on_ended(Started &started);
    void restart_later(Started &started);
    void finish(int code);
    void end_if_nothing_runs();

    const std::vector<std::unique_ptr<description::Binding>> bindings_;
    const Report report_;
    std::function<void(int)> ended_;
    Time time_;
    Listeners listeners_;
    std::vector<std::unique_ptr<Rule>> rules_;
    std::vector<std::unique_ptr<Started>> started_;
    std::shared_ptr<Supervisor *> self_ = std::make_shared<Supervisor *>(this);
    bool stopping_ = false;
};

} // namespace penstock::supervisor

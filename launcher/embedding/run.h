// SPDX-License-Identifier: LGPL-2.1-or-later
// What PenstockServer does: a supervisor, the pages, and the pipelines that are there.
#pragma once

#include "console/pages.h"
#include "embedding/internal.h"
#include "embedding/stats.h"
#include "supervisor/supervisor.h"

#include <functional>

namespace penstock::embedding {

/// Lives on the thread of the default main context.
class Run {
public:
    struct Handlers {
        std::function<void(supervisor::Severity, const std::string &)> report;
        std::function<void(const std::string &label, GstElement *pipeline, bool there)> pipeline;
        std::function<void(bool well)> ended; ///< once, unless stop_now() came first
        /// Makes the watch that is asked about the peers of one run.
        std::function<std::shared_ptr<net::PeerWatch>()> watch;
    };
    explicit Run(Handlers handlers) : handlers_(std::move(handlers)) {}
    ~Run();

    void add(std::shared_ptr<Bound> bound) { bound_.push_back(std::move(bound)); }
    /// False and the reason: then nothing runs.
    bool start(std::string *error);
    /// Runs these instead; what does not differ goes on. False and the reason: all goes on.
    bool reload(std::vector<std::shared_ptr<Bound>> bound, std::string *error);
    /// Lets every pipeline finish what it writes, for so many milliseconds at most, and stops.
    void drain(guint limit_ms);
    void stop();
    /// Releases everything without waiting; no handler is called.
    void stop_now();
    bool is_running() const { return supervisor_ != nullptr; }
    const StatsOf &stats() const { return stats_; }
    const std::string &last_error() const { return last_error_; }

private:
    void tell_ports();
    void finish(bool well);
    supervisor::Task end(bool well);

    const Handlers handlers_;
    std::vector<std::shared_ptr<Bound>> bound_;
    std::unique_ptr<supervisor::Supervisor> supervisor_;
    console::Pages pages_;
    StatsOf stats_;
    std::string last_error_;
    bool draining_ = false, stopping_ = false;
    /// Tasks posted to the main loop look here whether this run still exists.
    std::shared_ptr<Run *> self_;
};

} // namespace penstock::embedding

// SPDX-License-Identifier: LGPL-2.1-or-later
// The implementation of PenstockServer: a supervisor, the pages, and the current pipelines.
#pragma once

#include "console/pages.h"
#include "embedding/internal.h"
#include "embedding/stats.h"
#include "supervisor/supervisor.h"

#include <functional>

namespace penstock::embedding {

/// Used on the thread of the default main context.
class Run {
public:
    struct Handlers {
        std::function<void(supervisor::Severity, const std::string &)> report;
        std::function<void(const std::string &label, GstElement *pipeline, bool there)> pipeline;
        std::function<void(bool well)> ended; ///< called once, unless stop_now() came first
        /// Makes the watch that is consulted about the peers of a run.
        std::function<std::shared_ptr<net::PeerWatch>()> watch;
    };
    explicit Run(Handlers handlers) : handlers_(std::move(handlers)) {}
    ~Run();

    void add(std::shared_ptr<Bound> bound) { bound_.push_back(std::move(bound)); }
    /// On failure returns false and sets the reason; nothing runs then.
    bool start(std::string *error);
    /// Runs these bindings instead; unchanged parts continue. On failure returns false and sets the
    /// reason; everything continues unchanged.
    bool reload(std::vector<std::shared_ptr<Bound>> bound, std::string *error);
    /// Lets every pipeline finish its output for up to `limit_ms`, then stops.
    void drain(guint limit_ms);
    void stop();
    /// Releases everything without waiting. No handler is called.
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
    /// Tasks posted to the main loop hold a weak reference to this, to detect a destroyed run.
    std::shared_ptr<Run *> self_;
};

} // namespace penstock::embedding

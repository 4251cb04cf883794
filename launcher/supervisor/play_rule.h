// SPDX-License-Identifier: LGPL-2.1-or-later
// A play rule at work: one pipeline for each stream that somebody asks for and nobody publishes.
#pragma once

#include "description/binding.h"
#include "supervisor/running.h"

#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

namespace penstock::supervisor {

/// Lives on the main loop's thread; only the questions of players come from the network.
class PlayRule {
public:
    /// nullptr and the reason if the rule can't be set up. `binding` must outlive it.
    static std::unique_ptr<PlayRule> make(const description::PlayRule &rule,
                                          const description::Binding &binding, const Time &time,
                                          Report report, std::string *error);
    ~PlayRule();

    /// Starts nothing more; what runs goes on until nobody watches.
    void retire();
    /// Retires, and sends EOS through every pipeline.
    void drain();
    /// Pipelines that run.
    size_t running() const;
    void each(const std::function<void(const RunningPipeline &)> &visit) const {
        for (const auto &[captures, instance] : instances_)
            if (instance.pipeline && instance.pipeline->pipeline()) visit(*instance.pipeline);
    }
    /// Starts nothing more and stops every pipeline; `stopped` runs on the main loop.
    void stop(Task stopped);

private:
    using Captures = description::Captures;
    /// One address under which the streams are asked for.
    struct Match {
        description::PathPattern pattern;
        std::shared_ptr<protocols::Listener> listener;
        protocols::Lease lease, watch;
    };
    struct Waiting {
        std::string path;
        protocols::PlayAnswer answer;
        gint64 until = 0; ///< monotonic, µs
    };
    /// A question that came while the pipeline was ending.
    struct Asked {
        size_t match = 0;
        std::string path;
        protocols::PlayAnswer answer;
    };
    struct Instance {
        std::unique_ptr<RunningPipeline> pipeline;
        bool stopping = false;
        gint64 idle_since = 0; ///< monotonic, µs; 0: somebody watches
        std::vector<Waiting> waiting;
        std::vector<Asked> asked_again;
        std::string failure; ///< what ended it; empty if nothing did
        gint64 retry_at = 0; ///< a failed one is not started again before
        gint64 delay = 0;    ///< µs, doubles with each failure in a row
    };
    /// The paths that need not ask: looked at by network loops.
    struct Ready {
        std::mutex mutex;
        std::set<std::string> paths;
    };

    PlayRule(const description::PlayRule &rule, const description::Binding &binding,
             const Time &time, Report report);
    bool add_match(const description::Template &text, std::string *error);
    void on_demand(size_t match, const std::string &path, protocols::PlayAnswer answer);
    std::string missing_source(const Captures &captures) const;
    bool start(const Captures &captures, std::string *error);
    void end(const Captures &captures, const std::string &failure);
    void forget(const Captures &captures);
    void review(const Captures &captures);
    void note_viewers(const Captures &captures, Instance &instance) const;
    void set_timer();
    void on_timer();
    void serve_waiting(Instance &instance);
    unsigned viewers(const Captures &captures) const;
    std::string label(const Captures &captures) const;

    const description::PlayRule &rule_;
    const description::Binding &binding_;
    const Time time_;
    const Report report_;
    int64_t idle_ = description::default_idle; ///< ns
    std::vector<Match> matches_;
    std::map<Captures, Instance> instances_;
    std::shared_ptr<Ready> ready_ = std::make_shared<Ready>();
    Timer timer_;
    Task stopped_;
    bool ending_ = false;
    /// Work posted to the main loop looks here whether the rule still is.
    std::shared_ptr<PlayRule *> self_ = std::make_shared<PlayRule *>(this);
};

} // namespace penstock::supervisor

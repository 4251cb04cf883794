// SPDX-License-Identifier: LGPL-2.1-or-later
// Runs a play rule: starts one pipeline for each stream that viewers request and nobody publishes.
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

/// Used on the main loop's thread; only the lease's callbacks are called on network loops.
class PlayRule {
public:
    /// Returns nullptr and sets the reason if the rule can't be set up. `binding` must outlive the
    /// result.
    static std::unique_ptr<PlayRule> make(const description::PlayRule &rule,
                                          const description::Binding &binding, const Time &time,
                                          Report report, std::string *error);
    ~PlayRule();

    /// Starts no more pipelines; running ones continue until they have no viewers. Whenever none is
    /// left, `emptied` runs on the main loop, and may destroy the rule, which keeps its listeners
    /// open.
    void retire(Task emptied);
    /// Retires, and sends EOS through every pipeline.
    void drain();
    /// The number of running pipelines.
    size_t running() const;
    void each(const std::function<void(const RunningPipeline &)> &visit) const {
        for (const auto &[captures, instance] : instances_)
            if (instance.pipeline && instance.pipeline->pipeline()) visit(*instance.pipeline);
    }
    /// Starts no more pipelines and stops the running ones; then runs `stopped` on the main loop.
    void stop(Task stopped);

private:
    using Captures = description::Captures;
    /// One of the rule's `match` patterns.
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
    /// A request that arrived while the pipeline was ending.
    struct Asked {
        size_t match = 0;
        std::string path;
        protocols::PlayAnswer answer;
    };
    struct Instance {
        std::unique_ptr<RunningPipeline> pipeline;
        bool stopping = false;
        gint64 idle_since = 0; ///< monotonic, µs; 0: it has viewers
        gint64 gone_since = 0; ///< monotonic, µs; 0: what it receives is published
        std::vector<Waiting> waiting;
        std::vector<Asked> asked_again;
        /// Paths at which this stream is not, although the rule has them, and why.
        std::map<std::string, std::string> missing;
        std::string failure; ///< the error that ended it; empty: none
        gint64 retry_at = 0; ///< monotonic, µs; after a failure it is not restarted earlier
        gint64 delay = 0;    ///< µs; doubles with each consecutive failure
    };
    /// A stream that a pipeline of another rule makes, as one that records it: a second one would
    /// find its paths taken.
    using Foreign = std::vector<Waiting>; ///< requests that wait until it is live
    /// Paths that viewers may join without a request; read by network loops.
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
    bool is_live(const std::string &path) const;
    bool is_foreign(const Captures &captures) const;
    void join_foreign(const Captures &captures, size_t match, const std::string &path,
                      protocols::PlayAnswer answer);
    void review_foreign(const Captures &captures);
    void on_foreign_timer();
    void drop_foreign();
    void note_missing(const Captures &captures, const std::vector<std::string> &locations,
                      const std::string &reason);
    unsigned viewers(const Captures &captures) const;
    void end_leases();
    std::string label(const Captures &captures) const;

    const description::PlayRule &rule_;
    const description::Binding &binding_;
    const Time time_;
    const Report report_;
    int64_t idle_ = description::default_idle; ///< ns
    std::vector<Match> matches_;
    std::map<Captures, Instance> instances_;
    std::map<Captures, Foreign> foreign_;
    std::shared_ptr<Ready> ready_ = std::make_shared<Ready>();
    Timer timer_;
    Task stopped_, emptied_;
    bool ending_ = false;
    /// Tasks posted to the main loop hold a weak reference to this, to detect a destroyed rule.
    std::shared_ptr<PlayRule *> self_ = std::make_shared<PlayRule *>(this);
};

} // namespace penstock::supervisor

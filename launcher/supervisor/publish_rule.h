// SPDX-License-Identifier: LGPL-2.1-or-later
// Runs a publish rule: starts one pipeline for each stream that arrives.
#pragma once

#include "description/binding.h"
#include "supervisor/running.h"

#include <map>
#include <memory>
#include <string>

namespace penstock::supervisor {

/// Used on the main loop's thread; only the lease's callbacks are called on network loops.
class PublishRule {
public:
    /// Returns nullptr and sets the reason if the rule can't be set up. `binding` must outlive the
    /// result.
    static std::unique_ptr<PublishRule> make(const description::PublishRule &rule,
                                             const description::Binding &binding,
                                             std::shared_ptr<protocols::Listener> listener,
                                             const Time &time, Report report, std::string *error);
    ~PublishRule();

    /// Accepts no new streams; running ones continue until they end. Whenever none is left,
    /// `emptied` runs on the main loop, and may destroy the rule, which keeps its listener open.
    void retire(Task emptied);
    /// Retires, and sends EOS through every pipeline.
    void drain();
    /// Accepts no new streams and stops every pipeline; then runs `stopped` on the main loop.
    void stop(Task stopped);
    size_t running() const { return instances_.size(); }
    void each(const std::function<void(const RunningPipeline &)> &visit) const {
        for (const auto &[path, instance] : instances_)
            if (instance.pipeline) visit(*instance.pipeline);
    }

private:
    struct Instance {
        std::unique_ptr<RunningPipeline> pipeline;
        Timer grace;
        bool stopping = false;
        bool wanted_again = false; ///< a publisher came while it was stopping
    };

    PublishRule(const description::PublishRule &rule, const description::Binding &binding,
                std::shared_ptr<protocols::Listener> listener, const Time &time, Report report);
    void on_publish(const std::string &path);
    void start(const std::string &path);
    void end(const std::string &path);
    bool is_taken(const description::Captures &captures) const;
    void wait_for_publisher(const std::string &path, int64_t nanoseconds);

    const description::PublishRule &rule_;
    const description::Binding &binding_;
    const std::shared_ptr<protocols::Listener> listener_;
    const Time time_;
    const Report report_;
    std::shared_ptr<const description::PathPattern> pattern_;
    int64_t grace_ = description::default_grace; ///< ns
    protocols::Lease lease_;
    std::map<std::string, Instance> instances_; ///< by path
    Task stopped_, emptied_;
    bool ending_ = false;
    /// Tasks posted to the main loop hold a weak reference to this, to detect a destroyed rule.
    std::shared_ptr<PublishRule *> self_ = std::make_shared<PublishRule *>(this);
};

} // namespace penstock::supervisor

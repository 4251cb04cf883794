// SPDX-License-Identifier: LGPL-2.1-or-later
// Runs descriptions: their ports, their pipelines, what happens when one ends or a file changes.
#pragma once

#include "description/binding.h"
#include "supervisor/listeners.h"
#include "supervisor/play_rule.h"
#include "supervisor/publish_rule.h"
#include "supervisor/report.h"
#include "supervisor/start_pipeline.h"

#include <memory>
#include <string>
#include <vector>

namespace penstock::supervisor {

/// A description with its values; owns both. Parts that still run keep it after a reload.
using Bindings = std::vector<std::shared_ptr<description::Binding>>;

class Supervisor {
public:
    /// `ended(exit code)` is called on the main loop when nothing is left to run, or when a
    /// pipeline failed that must not. It is called once.
    Supervisor(Bindings bindings, Report report, std::function<void(int)> ended);
    ~Supervisor();

    /// `watch` is asked about the peers of every port that open() and reload() open, before a rule
    /// is. Call it before open().
    void set_watch(std::shared_ptr<net::PeerWatch> watch) { watch_ = std::move(watch); }
    /// Opens the ports. The bindings then know the ports that the system chose.
    bool open(std::string *error);
    /// Takes publishers and starts the pipelines. After open().
    bool start(std::string *error);
    /// Replaces what differs and leaves alone what does not: a pipeline of `start` is stopped and
    /// started, a changed rule's streams go on as they are and new ones follow the new text. False
    /// and the reason, and nothing is changed, if a port can't be had, two rules take
    /// the same paths, or everything is ending.
    bool reload(Bindings bindings, std::string *error);
    /// Takes no new peers and lets every pipeline come to its end (EOS), so that files and
    /// playlists are finished; stop() follows, after `limit` at the latest.
    void drain(guint limit_ms, Task stopped);
    /// Stops everything; `stopped` runs on the main loop when nothing runs any more.
    void stop(Task stopped);

    const Bindings &bindings() const { return bindings_; }
    /// Every pipeline that runs now.
    void each_pipeline(const std::function<void(const description::Binding &,
                                                const RunningPipeline &)> &visit) const;

private:
    /// A rule and what tells whether it has changed.
    template <class R>
    struct Held {
        std::shared_ptr<description::Binding> binding;
        std::string signature;
        std::unique_ptr<R> rule;
    };
    struct HeldPipeline {
        std::shared_ptr<description::Binding> binding;
        std::string signature;
        std::unique_ptr<StartPipeline> started;
    };

    bool add_rules(const std::shared_ptr<description::Binding> &binding, std::string *error);
    bool add_pipelines(const std::shared_ptr<description::Binding> &binding, std::string *error);
    void watch(const Listeners &opened);
    void retire_rules(const Bindings &next);
    void keep_chosen_ports(const Bindings &next) const;
    void finish(int code);
    void end_if_nothing_runs();
    bool is_running() const;

    Bindings bindings_;
    const Report report_;
    std::function<void(int)> ended_;
    Time time_;
    Listeners listeners_;
    std::shared_ptr<net::PeerWatch> watch_;          ///< nullptr: every peer is let in
    std::vector<std::weak_ptr<const void>> watched_; ///< those that have `watch_`
    std::vector<Held<PublishRule>> rules_, retired_rules_;
    std::vector<Held<PlayRule>> play_rules_, retired_play_rules_;
    std::vector<HeldPipeline> pipelines_;
    std::shared_ptr<Supervisor *> self_ = std::make_shared<Supervisor *>(this);
    Timer drain_;
    bool draining_ = false, stopping_ = false;
};

} // namespace penstock::supervisor

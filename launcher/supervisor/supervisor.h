// SPDX-License-Identifier: LGPL-2.1-or-later
// Runs descriptions: opens their listeners, runs their pipelines, and applies reloads.
#pragma once

#include "core/net/loop/accept_hold.h"
#include "supervisor/authorization.h"
#include "supervisor/bindings.h"
#include "supervisor/listeners.h"
#include "supervisor/play_rule.h"
#include "supervisor/publish_rule.h"
#include "supervisor/report.h"
#include "supervisor/start_pipeline.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace penstock::supervisor {

class Supervisor {
public:
    /// `ended(exit code)` is called once, on the main loop, when nothing is left to run or when a
    /// pipeline fails whose failure ends the program.
    Supervisor(Bindings bindings, Report report, std::function<void(int)> ended);
    ~Supervisor();

    /// Consults `watch` about the peers of every listener opened by open() or reload(), before any
    /// rule is consulted. Call before open().
    void set_watch(std::shared_ptr<net::PeerWatch> watch) { watch_ = std::move(watch); }
    /// Opens the listeners. The bindings then contain the ports that the system chose.
    bool open(std::string *error);
    /// Sets up the rules and starts the pipelines. Call after open().
    bool start(std::string *error);
    /// Applies new descriptions and leaves unchanged parts alone. A changed `start` pipeline is
    /// stopped and started again; streams of a changed rule continue, and new streams use the new
    /// text. Returns false, sets the reason and changes nothing if a port can't be opened, if two
    /// rules match the same paths, if two descriptions serve the same path, or if the supervisor is
    /// ending.
    bool reload(Bindings bindings, std::string *error);
    /// Accepts no new peers and sends EOS through every pipeline, so that files and playlists are
    /// finished. Stops everything when they have ended, or after `limit_ms`.
    void drain(guint limit_ms, Task stopped);
    /// Stops everything; `stopped` runs on the main loop once nothing runs.
    void stop(Task stopped);

    const Bindings &bindings() const { return bindings_; }
    /// Calls `visit` for every running pipeline.
    void each_pipeline(const std::function<void(const description::Binding &,
                                                const RunningPipeline &)> &visit) const;

private:
    /// A rule, with the signature that shows whether it has changed.
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

    Report report_of(const description::Binding &binding) const;
    bool add_rules(const std::shared_ptr<description::Binding> &binding, std::string *error);
    bool add_pipelines(const std::shared_ptr<description::Binding> &binding, std::string *error);
    void watch(const Listeners &opened);
    void guard(Guards next);
    void retire_rules(const Bindings &next);
    void drop_retired_rules();
    bool say_what_changes(const Bindings &next) const;
    void keep_chosen_ports(const Bindings &next) const;
    void finish(int code);
    void end_if_nothing_runs();
    bool is_running() const;

    Bindings bindings_;
    const Report report_;
    std::function<void(int)> ended_;
    Time time_;
    std::optional<net::AcceptHold>
        accepts_nothing_; ///< while listeners are open before their rules
    Listeners listeners_;
    std::shared_ptr<net::PeerWatch> watch_;          ///< nullptr: every peer is admitted
    std::vector<std::weak_ptr<const void>> watched_; ///< the servers that already consult `watch_`
    Guards guards_;                                  ///< of `authorize` and `notify`
    std::vector<Held<PublishRule>> rules_, retired_rules_;
    std::vector<Held<PlayRule>> play_rules_, retired_play_rules_;
    std::vector<HeldPipeline> pipelines_;
    std::shared_ptr<Supervisor *> self_ = std::make_shared<Supervisor *>(this);
    unsigned reloads_ = 0; ///< those whose pipelines are still to start
    Timer drain_;
    bool draining_ = false, stopping_ = false;
};

} // namespace penstock::supervisor

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "supervisor/supervisor.h"

#include "supervisor/clashes.h"
#include "supervisor/signature.h"

#include <algorithm>
#include <map>
#include <set>
#include <span>

namespace penstock::supervisor {
namespace {

template <class Held>
bool holds(const std::vector<Held> &list, const std::string &signature) {
    return std::any_of(list.begin(), list.end(),
                       [&](const Held &held) { return held.signature == signature; });
}

bool contains(const std::vector<std::string> &list, const std::string &signature) {
    return std::find(list.begin(), list.end(), signature) != list.end();
}

/// The signatures of all pipelines that start by themselves.
std::vector<std::string> pipelines_of(const Bindings &bindings) {
    std::vector<std::string> out;
    for (const auto &binding : bindings)
        for (const description::PipelineText &text : binding->description().start)
            if (binding->holds(text.when)) out.push_back(signature_of(text, *binding));
    return out;
}

/// The signatures of all `publish` and `play` rules.
std::vector<std::string> rules_of(const Bindings &bindings) {
    std::vector<std::string> out;
    for (const auto &binding : bindings) {
        for (const auto &rule : binding->description().publish)
            if (binding->is_there(rule)) out.push_back(signature_of(rule, *binding));
        for (const auto &rule : binding->description().play)
            if (binding->is_there(rule)) out.push_back(signature_of(rule, *binding));
    }
    return out;
}

} // namespace

Supervisor::Supervisor(Bindings bindings, Report report, std::function<void(int)> ended)
    : bindings_(std::move(bindings)), report_(std::move(report)), ended_(std::move(ended)),
      time_(Time::now()) {
}

Supervisor::~Supervisor() {
    *self_ = nullptr;
}

bool Supervisor::open(std::string *error) {
    accepts_nothing_.emplace(); // a publisher that came before its rule would be refused
    // A value such as `rtmp=127.0.0.1:0` means the same port in all descriptions that have the
    // parameter.
    std::map<std::pair<std::string, std::string>, description::Value> chosen;
    Guards guards;
    for (const auto &binding : bindings_) {
        std::map<std::string, std::string> wanted;
        for (const description::Parameter &parameter : binding->description().parameters) {
            const description::Value *value = binding->find(parameter.name);
            if (!value || parameter.type != description::Type::address) continue;
            wanted[parameter.name] = value->text;
            const auto found = chosen.find({parameter.name, value->text});
            if (found != chosen.end()) binding->set(parameter.name, found->second);
        }
        const size_t before = listeners_.size();
        if (!open_listeners(*binding, listeners_, error) ||
            !make_guards(*binding, std::span(listeners_).subspan(before), guards, error))
            return false;
        for (const auto &[name, text] : wanted)
            chosen[{name, text}] = *binding->find(name);
    }
    watch(listeners_);
    guard(std::move(guards));
    return check_clashes(bindings_, error);
}

/// A server shared by several descriptions must consult the watch only once.
void Supervisor::watch(const Listeners &opened) {
    if (!watch_) return;
    std::erase_if(watched_, [](const auto &server) { return server.expired(); });
    for (const auto &listener : opened) {
        const auto server = listener->server();
        const bool known = std::any_of(watched_.begin(), watched_.end(),
                                       [&](const auto &each) { return each.lock() == server; });
        if (known) continue;
        listener->add_watch(watch_);
        watched_.push_back(server);
    }
}

/// From now on peers are asked about by `next` alone. Until those before are released, both decide.
void Supervisor::guard(Guards next) {
    for (const Guard &each : next)
        each.listener->add_watch(each.watch);
    guards_ = std::move(next);
}

bool Supervisor::start(std::string *error) {
    // Rules come first, because a pipeline may publish to one of them.
    for (const auto &binding : bindings_)
        if (!add_rules(binding, error)) return false;
    accepts_nothing_.reset(); // not later: a pipeline may connect to one of the ports and wait
    for (const auto &binding : bindings_)
        if (!add_pipelines(binding, error)) return false;
    end_if_nothing_runs();
    return true;
}

/// With the description's name in front where several run: the streams of a rule do not tell it.
Report Supervisor::report_of(const description::Binding &binding) const {
    if (bindings_.size() < 2) return report_;
    return Report(
        [report = report_, name = binding.description().name](
            Severity severity, const std::string &text) { report(severity, name + ": " + text); },
        [report = report_](const std::string &label, GstElement *pipeline, bool there) {
            report.pipeline(label, pipeline, there);
        });
}

/// Rules that already run are left alone.
bool Supervisor::add_rules(const std::shared_ptr<description::Binding> &binding,
                           std::string *error) {
    for (const description::PublishRule &rule : binding->description().publish) {
        if (!binding->is_there(rule)) continue;
        std::string signature = signature_of(rule, *binding);
        if (holds(rules_, signature)) continue;
        auto pattern = description::PathPattern::make(rule.match, *binding, error);
        if (!pattern) return false;
        auto listener = pattern->protocol().open(
            {.address = pattern->address(), .scheme = pattern->scheme(), .shares = true}, error);
        if (!listener) return false;
        auto running = PublishRule::make(rule, *binding, std::move(listener), time_,
                                         report_of(*binding), error);
        if (!running) return false;
        rules_.push_back({binding, std::move(signature), std::move(running)});
    }
    for (const description::PlayRule &rule : binding->description().play) {
        if (!binding->is_there(rule)) continue;
        std::string signature = signature_of(rule, *binding);
        if (holds(play_rules_, signature)) continue;
        auto running = PlayRule::make(rule, *binding, time_, report_of(*binding), error);
        if (!running) return false;
        play_rules_.push_back({binding, std::move(signature), std::move(running)});
    }
    return true;
}

bool Supervisor::add_pipelines(const std::shared_ptr<description::Binding> &binding,
                               std::string *error) {
    for (const description::PipelineText &text : binding->description().start) {
        if (!binding->holds(text.when)) continue;
        std::string signature = signature_of(text, *binding);
        if (holds(pipelines_, signature)) continue;
        StartPipeline::Handlers handlers;
        handlers.done = [this] { end_if_nothing_runs(); };
        handlers.failed = [this] { finish(1); };
        auto started =
            std::make_unique<StartPipeline>(*binding, text, time_, report_, std::move(handlers));
        if (!started->start(error)) return false;
        pipelines_.push_back({binding, std::move(signature), std::move(started)});
    }
    return true;
}

/// Keeps the ports that the system chose earlier.
void Supervisor::keep_chosen_ports(const Bindings &next) const {
    for (const auto &binding : next)
        for (const auto &old : bindings_) {
            if (old->description().name != binding->description().name) continue;
            for (const description::Parameter &parameter : binding->description().parameters) {
                if (parameter.type != description::Type::address) continue;
                const description::Value *now = binding->find(parameter.name);
                const description::Value *before = old->find(parameter.name);
                const auto wanted = now ? net::parse_address(now->text) : std::nullopt;
                if (wanted && wanted->port == 0 && before) binding->set(parameter.name, *before);
            }
        }
}

bool Supervisor::reload(Bindings next, std::string *error) {
    if (draining_ || stopping_) {
        if (error) *error = "everything is ending: start it again to run other descriptions";
        return false;
    }
    keep_chosen_ports(next);
    const net::AcceptHold hold; // new listeners accept nothing before their rules
    Listeners listeners;
    Guards guards;
    for (const auto &binding : next) {
        const size_t before = listeners.size();
        if (!open_listeners(*binding, listeners, error) ||
            !make_guards(*binding, std::span(listeners).subspan(before), guards, error))
            return false;
    }
    if (!check_clashes(next, error)) return false;
    watch(listeners);
    guard(std::move(guards));
    if (!say_what_changes(next))
        report_(Severity::info, "the descriptions are as before: everything goes on");
    retire_rules(next);

    const std::vector<std::string> wanted = pipelines_of(next);
    auto gone = std::make_shared<std::vector<HeldPipeline>>();
    for (HeldPipeline &held : pipelines_)
        if (!contains(wanted, held.signature)) gone->push_back(std::move(held));
    std::erase_if(pipelines_, [](const HeldPipeline &held) { return !held.started; });

    bindings_ = std::move(next);
    listeners_ = std::move(listeners);
    for (const auto &binding : bindings_) {
        std::string reason;
        if (!add_rules(binding, &reason)) report_(Severity::error, reason);
    }
    // A changed pipeline may hold a path or port that its successor needs.
    auto open = std::make_shared<size_t>(gone->size() + 1);
    ++reloads_;
    const Task one = [weak = std::weak_ptr(self_), open, gone] {
        if (--*open > 0) return;
        gone->clear();
        const auto self = weak.lock();
        if (!self || !*self) return;
        --(*self)->reloads_;
        if ((*self)->stopping_) return;
        const size_t before = (*self)->pipelines_.size();
        for (const auto &binding : (*self)->bindings_) {
            std::string reason;
            if (!(*self)->add_pipelines(binding, &reason))
                (*self)->report_(Severity::error, reason);
        }
        for (size_t i = before; i < (*self)->pipelines_.size(); ++i)
            (*self)->report_(Severity::info, (*self)->pipelines_[i].started->label() + ": started");
        (*self)->end_if_nothing_runs();
    };
    for (const HeldPipeline &held : *gone)
        held.started->stop(one);
    post(one);
    return true;
}

/// Returns false if nothing does.
bool Supervisor::say_what_changes(const Bindings &next) const {
    const std::vector<std::string> rules = rules_of(next), pipelines = pipelines_of(next);
    std::set<std::string> changed; // descriptions whose rules differ
    size_t kept = 0;
    const auto compare = [&](const auto &held_rules) {
        for (const auto &held : held_rules)
            if (contains(rules, held.signature))
                ++kept;
            else
                changed.insert(held.binding->description().name);
    };
    compare(rules_);
    compare(play_rules_);
    for (const std::string &name : changed)
        report_(Severity::info,
                name + ": its rules have changed: streams that run go on by the old ones");
    const auto authorization = [](const Bindings &bindings) {
        std::string all;
        for (const auto &binding : bindings)
            all += binding->description().name + '\n' + authorization_of(*binding);
        return all;
    };
    const bool differs = authorization(bindings_) != authorization(next);
    if (differs)
        report_(Severity::info, "who may publish and play has changed: it holds for those who "
                                "come from now on");
    size_t stopped = 0;
    for (const HeldPipeline &held : pipelines_) {
        if (contains(pipelines, held.signature)) continue;
        ++stopped;
        report_(Severity::info, held.started->label() + ": stops, since its description changed");
    }
    return differs || !changed.empty() || kept < rules.size() || stopped > 0 ||
           pipelines.size() > pipelines_.size();
}

void Supervisor::retire_rules(const Bindings &next) {
    const std::vector<std::string> wanted = rules_of(next);
    const auto retire = [&](auto &rules, auto &retired) {
        for (auto &held : rules) {
            if (contains(wanted, held.signature)) continue;
            held.rule->retire([weak = std::weak_ptr(self_)] {
                if (const auto self = weak.lock(); self && *self) (*self)->drop_retired_rules();
            });
            retired.push_back(std::move(held));
        }
        std::erase_if(rules, [](const auto &held) { return !held.rule; });
    };
    retire(rules_, retired_rules_);
    retire(play_rules_, retired_play_rules_);
}

/// They keep their listeners open, although nothing may be left that is served there.
void Supervisor::drop_retired_rules() {
    if (draining_ || stopping_) return; // that waits for every rule
    const auto is_over = [](const auto &held) { return held.rule->running() == 0; };
    std::erase_if(retired_rules_, is_over);
    std::erase_if(retired_play_rules_, is_over);
    end_if_nothing_runs();
}

bool Supervisor::is_running() const {
    const auto busy = [](const auto &held) { return held.rule->running() > 0; };
    return std::any_of(rules_.begin(), rules_.end(), busy) ||
           std::any_of(retired_rules_.begin(), retired_rules_.end(), busy) ||
           std::any_of(play_rules_.begin(), play_rules_.end(), busy) ||
           std::any_of(retired_play_rules_.begin(), retired_play_rules_.end(), busy) ||
           std::any_of(pipelines_.begin(), pipelines_.end(),
                       [](const HeldPipeline &held) { return !held.started->is_done(); });
}

void Supervisor::end_if_nothing_runs() {
    if (rules_.empty() && play_rules_.empty() && reloads_ == 0 && !is_running()) finish(0);
}

void Supervisor::each_pipeline(
    const std::function<void(const description::Binding &, const RunningPipeline &)> &visit) const {
    const auto each = [&](const auto &list) {
        for (const auto &held : list)
            held.rule->each([&](const RunningPipeline &running) { visit(*held.binding, running); });
    };
    // Includes the pipelines of replaced rules.
    each(rules_);
    each(retired_rules_);
    each(play_rules_);
    each(retired_play_rules_);
    for (const auto &held : pipelines_)
        if (const RunningPipeline *running = held.started->running())
            visit(*held.binding, *running);
}

void Supervisor::finish(int code) {
    if (stopping_ || draining_) return;
    if (const auto ended = std::exchange(ended_, {})) post([ended, code] { ended(code); });
}

void Supervisor::drain(guint limit_ms, Task stopped) {
    draining_ = true;
    for (const auto &held : rules_)
        held.rule->drain();
    for (const auto &held : retired_rules_)
        held.rule->drain();
    for (const auto &held : play_rules_)
        held.rule->drain();
    for (const auto &held : retired_play_rules_)
        held.rule->drain();
    for (const auto &held : pipelines_)
        held.started->drain();
    constexpr guint look_again = 50;
    struct Look {
        Supervisor *self;
        gint64 until;
        Task stopped;
        void operator()() {
            if (self->is_running() && loop_clock().now() < until)
                self->drain_.start(look_again, Look(*this));
            else
                self->stop(std::move(stopped));
        }
    };
    drain_.start(look_again,
                 Look{this, loop_clock().now() + gint64(limit_ms) * 1000, std::move(stopped)});
}

void Supervisor::stop(Task stopped) {
    stopping_ = true;
    drain_.cancel();
    auto open = std::make_shared<size_t>(1);
    const Task one = [open, stopped = std::move(stopped)] {
        if (--*open == 0) stopped();
    };
    const auto stop_all = [&](auto &rules) {
        *open += rules.size();
        for (const auto &held : rules)
            held.rule->stop(one);
    };
    stop_all(rules_);
    stop_all(retired_rules_);
    stop_all(play_rules_);
    stop_all(retired_play_rules_);
    *open += pipelines_.size();
    for (const HeldPipeline &held : pipelines_)
        held.started->stop(one);
    post(one);
}

} // namespace penstock::supervisor

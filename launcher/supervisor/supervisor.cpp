// SPDX-License-Identifier: LGPL-2.1-or-later
#include "supervisor/supervisor.h"

#include <algorithm>

namespace penstock::supervisor {

using description::Restart;

Supervisor::Supervisor(std::vector<std::unique_ptr<description::Binding>> bindings, Report report,
                       std::function<void(int)> ended)
    : bindings_(std::move(bindings)), report_(std::move(report)), ended_(std::move(ended)),
      time_(Time::now()) {
}

Supervisor::~Supervisor() {
    *self_ = nullptr;
}

bool Supervisor::open(std::string *error) {
    return std::all_of(bindings_.begin(), bindings_.end(), [&](const auto &binding) {
        return open_listeners(*binding, listeners_, error);
    });
}

bool Supervisor::start(std::string *error) {
    // Rules first: a pipeline may publish to one of them.
    for (const auto &binding : bindings_) {
        for (const description::PublishRule &rule : binding->description().publish) {
            auto pattern = description::PathPattern::make(rule, *binding, error);
            if (!pattern) return false;
            auto server = net::RtmpServer::open(pattern->address(), error);
            if (!server) return false;
            auto running = Rule::make(rule, *binding, std::move(server), time_, report_, error);
            if (!running) return false;
            rules_.push_back(std::move(running));
        }
    }
    for (const auto &binding : bindings_) {
        const description::Description &description = binding->description();
        for (const description::PipelineText &text : description.start) {
            if (!binding->holds(text.when)) continue;
            auto started = std::make_unique<Started>();
            started->binding = binding.get();
            started->text = &text;
            started->label = description.name;
            if (description.start.size() > 1) started->label += "/" + text.name;
            started->delay = description.restart.delay;
            if (!start_pipeline(*started, error)) return false;
            started_.push_back(std::move(started));
        }
    }
    end_if_nothing_runs();
    return true;
}

bool Supervisor::start_pipeline(Started &started, std::string *error) {
    auto pipeline = started.binding->instantiate(*started.text, {}, error);
    if (!pipeline) return false;
    started.started_at = g_get_monotonic_time();
    RunningPipeline::Handlers handlers;
    handlers.failed = [this, &started](const std::string &what) { on_failed(started, what); };
    handlers.ended = [this, &started] { on_ended(started); };
    handlers.hint = [&started](const std::string &element) {
        return started.binding->hint_for(*started.text, element);
    };
    started.pipeline = std::make_unique<RunningPipeline>(started.label, std::move(pipeline),
                                                         report_, std::move(handlers));
    started.pipeline->play(time_);
    return true;
}

void Supervisor::on_failed(Started &started, const std::string &what) {
    if (stopping_ || started.done) return;
    report_(Severity::error, started.label + ": " + what);
    if (started.binding->description().restart.policy == Restart::Policy::never) {
        started.done = true;
        finish(1);
    } else {
        restart_later(started);
    }
}

void Supervisor::on_ended(Started &started) {
    if (stopping_ || started.done) return;
    if (started.binding->description().restart.policy == Restart::Policy::always) {
        restart_later(started);
        return;
    }
    started.done = true;
    // Stopped from the main loop: this is the pipeline's own handler.
    post([weak = std::weak_ptr(self_), &started] {
        if (const auto self = weak.lock(); self && *self) {
            started.pipeline->stop({});
            (*self)->end_if_nothing_runs();
        }
    });
}

void Supervisor::restart_later(Started &started) {
    if (started.restart.is_running()) return;
    const Restart &policy = started.binding->description().restart;
    // One that ran well for a while starts with the short delay again.
    if ((g_get_monotonic_time() - started.started_at) * 1000 > 2 * policy.max_delay)
        started.delay = policy.delay;
    report_(Severity::info,
            started.label + ": restarts in " + std::to_string(started.delay / 1'000'000) + " ms");
    started.restart.start(static_cast<guint>(started.delay / 1'000'000), [this, &started] {
        // The old one has to be gone first: it may hold a path.
        started.pipeline->stop([weak = std::weak_ptr(self_), &started] {
            const auto self = weak.lock();
            if (!self || !*self || (*self)->stopping_) return;
            std::string error;
            if (!(*self)->start_pipeline(started, &error)) {
                (*self)->report_(Severity::error, error);
                (*self)->finish(1);
            }
        });
    });
    started.delay = std::min(started.delay * 2, policy.max_delay);
}

void Supervisor::end_if_nothing_runs() {
    if (!rules_.empty()) return;
    if (std::all_of(started_.begin(), started_.end(), [](const auto &s) { return s->done; }))
        finish(0);
}

void Supervisor::finish(int code) {
    if (const auto ended = std::exchange(ended_, {})) post([ended, code] { ended(code); });
}

void Supervisor::stop(Task stopped) {
    stopping_ = true;
    auto open = std::make_shared<size_t>(rules_.size() + started_.size());
    if (*open == 0) return post(std::move(stopped));
    const Task one = [open, stopped = std::move(stopped)] {
        if (--*open == 0) stopped();
    };
    for (const auto &rule : rules_)
        rule->stop(one);
    for (const auto &started : started_) {
        started->restart.cancel();
        if (started->pipeline)
            started->pipeline->stop(one);
        else
            post(one);
    }
}

} // namespace penstock::supervisor

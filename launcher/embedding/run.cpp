// SPDX-License-Identifier: LGPL-2.1-or-later
#include "embedding/run.h"

namespace penstock::embedding {

using supervisor::Severity;

Run::~Run() {
    stop_now();
}

namespace {

supervisor::Bindings copies_of(const std::vector<std::shared_ptr<Bound>> &all) {
    supervisor::Bindings out;
    for (const auto &bound : all) {
        std::lock_guard lock(bound->mutex);
        // The copy keeps its description alive.
        const auto copy = std::make_shared<Bound>(bound->description, bound->values);
        out.emplace_back(copy, &copy->values);
    }
    return out;
}

} // namespace

bool Run::start(std::string *error) {
    stop_now();
    stopping_ = draining_ = false;
    last_error_.clear();
    self_ = std::make_shared<Run *>(this);
    const std::weak_ptr<Run *> weak = self_;
    const auto say = [weak](Severity severity, const std::string &text) {
        const auto self = weak.lock();
        if (!self) return;
        if (severity == Severity::error) (*self)->last_error_ = text;
        (*self)->handlers_.report(severity, text);
    };
    const auto pipeline = [weak](const std::string &label, GstElement *element, bool there) {
        const auto self = weak.lock();
        if (!self) return;
        auto &all = (*self)->stats_.pipelines;
        if (there)
            all.emplace_back(label, GstPtr<GstElement>::ref(element));
        else
            std::erase_if(all, [&](const auto &entry) { return entry.second.get() == element; });
        (*self)->handlers_.pipeline(label, element, there);
    };
    supervisor_ = std::make_unique<supervisor::Supervisor>(
        copies_of(bound_), supervisor::Report(say, pipeline), [weak](int code) {
            if (const auto self = weak.lock()) (*self)->finish(code == 0);
        });
    const auto fail = [&] {
        last_error_ = *error;
        stop_now();
        return false;
    };
    supervisor_->set_watch(handlers_.watch());
    if (!supervisor_->open(error)) return fail();
    tell_ports();
    stats_.running = true;
    stats_.since = g_get_monotonic_time();
    return (pages_.serve(supervisor_->bindings(), error) && supervisor_->start(error)) || fail();
}

/// Replaces port 0 in addresses by the port that the system chose.
void Run::tell_ports() {
    for (size_t i = 0; i < bound_.size(); ++i) {
        std::lock_guard lock(bound_[i]->mutex);
        for (const std::string &name : bound_[i]->description->parameter_names())
            if (const auto *value = supervisor_->bindings()[i]->find(name))
                bound_[i]->values.set(name, *value);
    }
}

bool Run::reload(std::vector<std::shared_ptr<Bound>> bound, std::string *error) {
    if (!supervisor_->reload(copies_of(bound), error)) return false;
    bound_ = std::move(bound);
    tell_ports();
    std::string reason;
    if (!pages_.serve(supervisor_->bindings(), &reason)) handlers_.report(Severity::error, reason);
    return true;
}

void Run::drain(guint limit_ms) {
    if (!is_running() || stopping_ || std::exchange(draining_, true)) return;
    supervisor_->drain(limit_ms, end(true));
}

void Run::stop() {
    if (is_running()) finish(true);
}

void Run::finish(bool well) {
    if (std::exchange(stopping_, true)) return;
    supervisor_->stop(end(well));
}

/// The task to run when nothing is running any more.
supervisor::Task Run::end(bool well) {
    return [weak = std::weak_ptr(self_), well] {
        const auto self = weak.lock();
        if (!self) return;
        Run &run = **self;
        run.stop_now();
        run.handlers_.ended(well);
    };
}

void Run::stop_now() {
    self_.reset(); // no handler is called from now on
    pages_.clear();
    supervisor_.reset();
    stats_.pipelines.clear();
    stats_.running = false;
}

} // namespace penstock::embedding

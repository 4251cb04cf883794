// SPDX-License-Identifier: LGPL-2.1-or-later
#include "embedding/run.h"

#include "supervisor/endpoints.h"

namespace penstock::embedding {

using supervisor::Severity;

Run::~Run() {
    stop_now();
}

bool Run::start(std::string *error) {
    stop_now();
    stopping_ = false;
    last_error_.clear();
    self_ = std::make_shared<Run *>(this);
    const std::weak_ptr<Run *> weak = self_;
    supervisor::Bindings bindings;
    for (const auto &bound : bound_) {
        std::lock_guard lock(bound->mutex);
        // Whoever keeps the copy keeps the description too.
        const auto copy = std::make_shared<Bound>(bound->description, bound->values);
        bindings.emplace_back(copy, &copy->values);
    }
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
        std::move(bindings), supervisor::Report(say, pipeline), [weak](int code) {
            if (const auto self = weak.lock()) (*self)->finish(code == 0);
        });
    const auto fail = [&] {
        last_error_ = *error;
        stop_now();
        return false;
    };
    if (!supervisor_->open(error)) return fail();
    watch_ = handlers_.watch();
    for (const auto &server : supervisor_->listeners().rtmp)
        server->add_watch(watch_);
    for (size_t i = 0; i < bound_.size(); ++i) {
        std::lock_guard lock(bound_[i]->mutex);
        // An address whose port was 0 has the one that the system chose.
        for (const std::string &name : bound_[i]->description->parameter_names())
            if (const auto *value = supervisor_->bindings()[i]->find(name))
                bound_[i]->values.set(name, *value);
    }
    stats_.running = true;
    stats_.since = g_get_monotonic_time();
    return (serve_pages(error) && supervisor_->start(error)) || fail();
}

bool Run::serve_pages(std::string *error) {
    for (const auto &binding : supervisor_->bindings()) {
        for (const auto &endpoint : supervisor::find_endpoints(*binding)) {
            if (endpoint.kind != supervisor::Endpoint::Kind::page) continue;
            const auto address = supervisor::address_of(endpoint, *binding, error);
            if (!address) return false;
            if (pages_.contains(*address)) continue;
            auto page = console::Page::serve(*address, error);
            if (!page) return false;
            pages_[*address] = std::move(page);
        }
    }
    return true;
}

void Run::stop() {
    if (is_running()) finish(true);
}

void Run::finish(bool well) {
    if (std::exchange(stopping_, true)) return;
    supervisor_->stop([weak = std::weak_ptr(self_), well] {
        const auto self = weak.lock();
        if (!self) return;
        Run &run = **self;
        run.stop_now();
        run.handlers_.ended(well);
    });
}

void Run::stop_now() {
    self_.reset(); // from here on nobody is told anything
    pages_.clear();
    supervisor_.reset();
    watch_.reset();
    stats_.pipelines.clear();
    stats_.running = false;
}

} // namespace penstock::embedding

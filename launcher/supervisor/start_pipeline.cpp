// SPDX-License-Identifier: LGPL-2.1-or-later
#include "supervisor/start_pipeline.h"

#include "core/net/loop/clock.h"

#include <algorithm>

namespace penstock::supervisor {

using description::Restart;

namespace {

/// A pipeline that fails later has run; µs.
constexpr gint64 starting_time = 10'000'000;

} // namespace

StartPipeline::StartPipeline(const description::Binding &binding,
                             const description::PipelineText &text, const Time &time, Report report,
                             Handlers handlers)
    : binding_(binding), text_(text), time_(time), report_(std::move(report)),
      handlers_(std::move(handlers)), label_(binding.description().name),
      delay_(binding.description().restart.delay) {
    if (binding.description().start.size() > 1) label_ += "/" + text.name;
}

StartPipeline::~StartPipeline() {
    *self_ = nullptr;
}

bool StartPipeline::start(std::string *error) {
    auto pipeline = binding_.instantiate(text_, {}, error);
    if (!pipeline) return false;
    started_at_ = loop_clock().now();
    auto handlers = handlers_for(binding_, text_, {});
    handlers.failed = [this](const RunningPipeline::Failure &failure) { on_failed(failure); };
    handlers.ended = [this] { on_ended(); };
    pipeline_ = std::make_unique<RunningPipeline>(label_, std::move(pipeline), report_,
                                                  std::move(handlers));
    pipeline_->play(time_);
    return true;
}

void StartPipeline::on_failed(const RunningPipeline::Failure &failure) {
    if (done_) return;
    report_(Severity::error, label_ + ": " + failure.what);
    // Only the first start counts: a camera that was there before may be plugged in again.
    const bool is_hopeless =
        failure.is_hopeless && !has_restarted_ && loop_clock().now() - started_at_ < starting_time;
    if (draining_ || is_hopeless ||
        binding_.description().restart.policy == Restart::Policy::never) {
        done_ = true;
        handlers_.failed();
    } else {
        restart_later();
    }
}

void StartPipeline::on_ended() {
    if (done_) return;
    if (!draining_ && binding_.description().restart.policy == Restart::Policy::always)
        return restart_later();
    done_ = true;
    // Posted to the main loop, because this runs in the pipeline's own handler.
    post([weak = std::weak_ptr(self_)] {
        const auto self = weak.lock();
        if (!self || !*self || (*self)->stopping_) return;
        (*self)->pipeline_->stop([weak] {
            if (const auto still = weak.lock(); still && *still && !(*still)->stopping_)
                (*still)->handlers_.done();
        });
    });
}

void StartPipeline::restart_later() {
    if (restart_.is_running()) return;
    has_restarted_ = true;
    const Restart &policy = binding_.description().restart;
    // A pipeline that ran well for a while restarts with the initial delay.
    if ((loop_clock().now() - started_at_) * 1000 > 2 * policy.max_delay) delay_ = policy.delay;
    report_(Severity::info,
            label_ + ": restarts in " + net::time_text(static_cast<uint64_t>(delay_ / 1'000'000)));
    restart_.start(static_cast<guint>(delay_ / 1'000'000), [this] {
        // The old pipeline must be gone first: it may hold a path.
        pipeline_->stop([weak = std::weak_ptr(self_)] {
            const auto self = weak.lock();
            if (!self || !*self || (*self)->stopping_ || (*self)->draining_) return;
            std::string error;
            if ((*self)->start(&error)) return;
            (*self)->report_(Severity::error, error);
            (*self)->done_ = true;
            (*self)->handlers_.failed();
        });
    });
    delay_ = std::min(delay_ * 2, policy.max_delay);
}

void StartPipeline::drain() {
    draining_ = true;
    if (restart_.is_running()) {
        restart_.cancel();
        done_ = true;
    } else if (!done_) {
        pipeline_->drain();
    }
}

void StartPipeline::stop(Task stopped) {
    stopping_ = done_ = true;
    restart_.cancel();
    if (pipeline_)
        pipeline_->stop(std::move(stopped));
    else
        post(std::move(stopped));
}

} // namespace penstock::supervisor

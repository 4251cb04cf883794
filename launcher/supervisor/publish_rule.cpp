// SPDX-License-Identifier: LGPL-2.1-or-later
#include "supervisor/publish_rule.h"

#include "core/gop/channels.h"
#include "supervisor/channels_of.h"

#include <algorithm>

namespace penstock::supervisor {
namespace {

/// How long a new pipeline is kept without a publisher; ns. Slightly longer than the five seconds
/// within which a publisher must be claimed.
constexpr int64_t claim_time = 6'000'000'000;

guint milliseconds(int64_t nanoseconds) {
    return static_cast<guint>(std::clamp<int64_t>(nanoseconds / 1'000'000, 0, G_MAXINT));
}

} // namespace

PublishRule::PublishRule(const description::PublishRule &rule, const description::Binding &binding,
                         std::shared_ptr<protocols::Listener> listener, const Time &time,
                         Report report)
    : rule_(rule), binding_(binding), listener_(std::move(listener)), time_(time),
      report_(std::move(report)) {
}

PublishRule::~PublishRule() {
    lease_.reset();
    *self_ = nullptr;
}

std::unique_ptr<PublishRule> PublishRule::make(const description::PublishRule &rule,
                                               const description::Binding &binding,
                                               std::shared_ptr<protocols::Listener> listener,
                                               const Time &time, Report report,
                                               std::string *error) {
    auto pattern = description::PathPattern::make(rule.match, binding, error);
    if (!pattern) return nullptr;
    std::unique_ptr<PublishRule> out(
        new PublishRule(rule, binding, std::move(listener), time, std::move(report)));
    out->pattern_ = std::make_shared<const description::PathPattern>(std::move(*pattern));
    out->grace_ = binding.duration(rule.grace, description::default_grace);
    std::string key;
    if (rule.publish_key) {
        const auto text = binding.expand(rule.publish_key->pieces, {}, error);
        if (!text) return nullptr;
        key = *text;
    }
    protocols::PublishLease lease;
    lease.publish_key = key;
    lease.example = out->pattern_->example();
    lease.matches = [pattern = out->pattern_](std::string_view path) {
        return pattern->match(path).has_value();
    };
    lease.on_publish = [weak = std::weak_ptr(out->self_)](const std::string &path) {
        post([weak, path] {
            if (const auto self = weak.lock(); self && *self) (*self)->on_publish(path);
        });
    };
    out->lease_ = out->listener_->lease_publish(std::move(lease));
    if (!out->lease_) {
        if (error) *error = out->pattern_->scheme() + ":// takes no publishers";
        return nullptr;
    }
    return out;
}

void PublishRule::on_publish(const std::string &path) {
    if (ending_) return;
    if (const auto found = instances_.find(path); found != instances_.end()) {
        // A running pipeline claims the publisher itself.
        if (found->second.stopping) found->second.wanted_again = true;
        return;
    }
    // The publisher may have left in the meantime.
    if (!listener_->is_publishing(path)) return;
    if (instances_.size() >= rule_.max_instances)
        return listener_->refuse(path, "this server takes " + std::to_string(rule_.max_instances) +
                                           " streams at a time (max-instances)");
    start(path);
}

/// Whether another pipeline offers a channel that this stream's would: a publisher of another
/// protocol has the name.
bool PublishRule::is_taken(const description::Captures &captures) const {
    const auto channels = channels_of(rule_.pipeline, "goptee", binding_, captures);
    return std::any_of(channels.begin(), channels.end(), gop::Channels::is_offered);
}

void PublishRule::start(const std::string &path) {
    const auto captures = pattern_->match(path);
    if (!captures) return;
    if (is_taken(*captures)) return listener_->refuse_busy(path);
    std::string error;
    auto pipeline = binding_.instantiate(rule_.pipeline, *captures, &error);
    if (!pipeline) {
        report_(Severity::error, path + ": " + error);
        // Without this refusal the publisher would wait until its claim times out.
        return listener_->refuse(
            path, "the pipeline of this stream can't be built; the server's log says why");
    }
    Instance &instance = instances_[path];
    auto handlers = handlers_for(binding_, rule_.pipeline, *captures);
    handlers.failed = [this, path](const RunningPipeline::Failure &failure) {
        report_(Severity::error, path + ": " + failure.what + "; its pipeline ends");
        listener_->refuse(path,
                          "the pipeline of this stream has failed; the server's log says why");
        end(path);
    };
    handlers.ended = [this, path] { end(path); };
    handlers.publishing = [this, path](bool publishing) {
        // The message may be old: the publisher has gone since, and its message may be lost.
        if (publishing && listener_->is_publishing(path))
            instances_[path].grace.cancel();
        else
            wait_for_publisher(path, grace_);
    };
    instance.pipeline =
        std::make_unique<RunningPipeline>(path, std::move(pipeline), report_, std::move(handlers));
    wait_for_publisher(path, std::max(grace_, claim_time));
    instance.pipeline->play(time_);
}

void PublishRule::wait_for_publisher(const std::string &path, int64_t nanoseconds) {
    instances_[path].grace.start(milliseconds(nanoseconds), [this, path] {
        // The listener's answer is reliable; a bus message may have been missed.
        if (listener_->is_publishing(path))
            wait_for_publisher(path, std::max<int64_t>(grace_, 1'000'000'000));
        else
            end(path);
    });
}

/// Deferred, because it is called from the pipeline's own handlers.
void PublishRule::end(const std::string &path) {
    const auto found = instances_.find(path);
    if (found == instances_.end() || found->second.stopping) return;
    found->second.stopping = true;
    found->second.grace.cancel();
    post([weak = std::weak_ptr(self_), path] {
        const auto self = weak.lock();
        if (!self || !*self) return;
        Instance &instance = (*self)->instances_[path];
        instance.pipeline->stop([weak, path] {
            const auto still = weak.lock();
            if (!still || !*still) return;
            PublishRule &rule = **still;
            const bool again = rule.instances_[path].wanted_again && !rule.ending_ &&
                               rule.listener_->is_publishing(path);
            rule.instances_.erase(path);
            if (again) rule.start(path);
            if (!rule.instances_.empty()) return;
            if (rule.emptied_) post(rule.emptied_);
            if (rule.ending_ && rule.stopped_) post(std::exchange(rule.stopped_, {}));
        });
    });
}

void PublishRule::retire(Task emptied) {
    lease_.reset();
    emptied_ = std::move(emptied);
    // Behind the publishers of which the lease has told already.
    if (instances_.empty()) post(emptied_);
}

void PublishRule::drain() {
    lease_.reset();
    ending_ = true;
    for (const auto &[path, instance] : instances_)
        if (!instance.stopping) instance.pipeline->drain();
}

void PublishRule::stop(Task stopped) {
    ending_ = true;
    lease_.reset();
    if (instances_.empty()) return post(std::move(stopped));
    stopped_ = std::move(stopped);
    std::vector<std::string> paths;
    for (const auto &[path, instance] : instances_)
        paths.push_back(path);
    for (const std::string &path : paths)
        end(path);
}

} // namespace penstock::supervisor

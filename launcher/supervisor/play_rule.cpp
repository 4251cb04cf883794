// SPDX-License-Identifier: LGPL-2.1-or-later
#include "supervisor/play_rule.h"

#include "core/gop/channels.h"
#include "supervisor/channels_of.h"
#include "supervisor/received.h"

#include <algorithm>

namespace penstock::supervisor {
namespace {

/// How long an HTTP request waits for its stream before it is answered with 404; µs.
constexpr gint64 longest_wait = 10 * G_USEC_PER_SEC;
/// How long a pipeline goes on when nobody publishes what it receives; µs.
constexpr gint64 longest_gap = 10 * G_USEC_PER_SEC;
constexpr gint64 first_delay = G_USEC_PER_SEC, longest_delay = 30 * G_USEC_PER_SEC;

} // namespace

PlayRule::PlayRule(const description::PlayRule &rule, const description::Binding &binding,
                   const Time &time, Report report)
    : rule_(rule), binding_(binding), time_(time), report_(std::move(report)),
      idle_(binding.duration(rule.idle, description::default_idle)) {
}

PlayRule::~PlayRule() {
    drop_foreign(); // requests that came after the leases had ended
    matches_.clear();
    *self_ = nullptr;
}

std::unique_ptr<PlayRule> PlayRule::make(const description::PlayRule &rule,
                                         const description::Binding &binding, const Time &time,
                                         Report report, std::string *error) {
    std::unique_ptr<PlayRule> out(new PlayRule(rule, binding, time, std::move(report)));
    for (const description::Template &match : rule.matches)
        if (!binding.is_off(match) && !out->add_match(match, error)) return nullptr;
    return out;
}

bool PlayRule::add_match(const description::Template &text, std::string *error) {
    auto pattern = description::PathPattern::make(text, binding_, error);
    if (!pattern) return false;
    const size_t index = matches_.size();
    protocols::PlayLease options;
    options.matches = [copy = *pattern](std::string_view path) {
        return copy.match(path).has_value();
    };
    options.is_ready = [ready = ready_](const std::string &path) {
        std::lock_guard lock(ready->mutex);
        return ready->paths.contains(path);
    };
    options.on_demand = [weak = std::weak_ptr(self_), index](const std::string &path,
                                                             protocols::PlayAnswer answer) {
        post([weak, index, path, answer = std::move(answer)] {
            const auto self = weak.lock();
            if (self && *self)
                (*self)->on_demand(index, path, answer);
            else
                answer(false, "the server ends");
        });
    };
    options.example = pattern->example();
    Match match{.pattern = std::move(*pattern)};
    match.listener = match.pattern.protocol().open(
        {.address = match.pattern.address(), .scheme = match.pattern.scheme(), .shares = true},
        error);
    if (!match.listener) return false;
    match.lease = match.listener->lease_play(std::move(options));
    if (!match.lease) return false;
    match.watch = match.listener->watch(
        [weak = std::weak_ptr(self_), pattern = match.pattern](const std::string &path) {
            const auto captures = pattern.match(path);
            if (!captures) return;
            post([weak, captures = *captures] {
                if (const auto self = weak.lock(); self && *self) (*self)->review(captures);
            });
        });
    matches_.push_back(std::move(match));
    return true;
}

/// Returns the name of the channel that the pipeline reads and nothing provides, or the URL that it
/// receives from where nobody publishes; empty if there is none.
std::string PlayRule::missing_source(const Captures &captures) const {
    for (const std::string &channel : channels_of(rule_.pipeline, "gopsrc", binding_, captures))
        if (!gop::Channels::is_offered(channel)) return channel;
    return missing_publisher(rule_.pipeline, binding_, captures);
}

void PlayRule::on_demand(size_t index, const std::string &path, protocols::PlayAnswer answer) {
    const auto captures = matches_[index].pattern.match(path);
    if (!captures || ending_) return answer(false, "the server ends");
    const gint64 now = loop_clock().now();
    auto found = instances_.find(*captures);
    if (found != instances_.end() && !found->second.pipeline && now >= found->second.retry_at)
        found = instances_.end(); // its last failure was long enough ago
    if (found == instances_.end()) {
        if (is_foreign(*captures)) return join_foreign(*captures, index, path, std::move(answer));
        if (const std::string missing = missing_source(*captures); !missing.empty())
            return answer(false, missing + " is not being published");
        if (running() >= rule_.max_instances) {
            report_(Severity::warning, label(*captures) +
                                           ": refused: " + std::to_string(rule_.max_instances) +
                                           " streams are made on demand already (max-instances)");
            return answer(false, "too many streams are made on demand already");
        }
        std::string error;
        if (!start(*captures, &error)) {
            report_(Severity::error, label(*captures) + ": " + error);
            return answer(false, "its pipeline can't be built; the server's log says why");
        }
        found = instances_.find(*captures);
    }
    Instance &instance = found->second;
    if (!instance.pipeline)
        return answer(false, "its pipeline has failed; the server's log says why");
    if (instance.stopping) {
        instance.asked_again.push_back({index, path, std::move(answer)});
        return;
    }
    if (const auto missing = instance.missing.find(path); missing != instance.missing.end())
        return answer(false, missing->second);
    // An RTMP player can wait on its mount; an HTTP request needs a playlist that exists.
    if (matches_[index].listener->parks_viewers()) {
        answer(true, {});
        instance.idle_since = now;
    } else {
        instance.waiting.push_back({path, std::move(answer), now + longest_wait});
    }
    review(*captures);
}

bool PlayRule::start(const Captures &captures, std::string *error) {
    auto pipeline = binding_.instantiate(rule_.pipeline, captures, error);
    if (!pipeline) return false;
    Instance &instance = instances_[captures];
    instance.failure.clear();
    instance.missing.clear();
    instance.gone_since = 0;
    auto handlers = handlers_for(binding_, rule_.pipeline, captures);
    handlers.failed = [this, captures](const RunningPipeline::Failure &failure) {
        report_(Severity::error, label(captures) + ": " + failure.what + "; its pipeline ends");
        end(captures, failure.what);
    };
    handlers.ended = [this, captures] { end(captures, {}); };
    handlers.publishing = [this, captures](bool is_publishing) {
        const auto found = instances_.find(captures);
        if (found == instances_.end()) return;
        found->second.gone_since = is_publishing ? 0 : loop_clock().now();
        set_timer();
    };
    handlers.no_stream = [this, captures](const std::vector<std::string> &locations,
                                          const std::string &reason) {
        note_missing(captures, locations, reason);
    };
    instance.pipeline = std::make_unique<RunningPipeline>(label(captures), std::move(pipeline),
                                                          report_, std::move(handlers));
    report_(Severity::info, label(captures) + ": starts, requested by a viewer");
    instance.pipeline->play(time_);
    return true;
}

/// Refuses requests that wait for a stream which an element said it does not make.
void PlayRule::note_missing(const Captures &captures, const std::vector<std::string> &locations,
                            const std::string &reason) {
    const auto found = instances_.find(captures);
    if (found == instances_.end() || found->second.stopping) return;
    Instance &instance = found->second;
    for (const Match &match : matches_) {
        const std::string path = match.pattern.path_of(captures);
        const auto has_path = [&](const std::string &location) {
            const size_t host = location.find("://");
            return host != location.npos &&
                   location.find('/' + path, host + 3) == location.find('/', host + 3) &&
                   location.ends_with('/' + path);
        };
        if (std::none_of(locations.begin(), locations.end(), has_path)) continue;
        if (reason.empty()) instance.missing.erase(path);
        // The first reason counts: later ones follow from it.
        if (reason.empty() || !instance.missing.emplace(path, reason).second) continue;
        report_(Severity::info, path + ": there is none: " + reason);
        if (match.listener->parks_viewers()) match.listener->end_viewers(path, reason);
    }
    review(captures);
}

/// Called when the mounts of an instance, or the requests that wait for it, have changed.
void PlayRule::review(const Captures &captures) {
    review_foreign(captures);
    const auto found = instances_.find(captures);
    if (found == instances_.end()) return;
    Instance &instance = found->second;
    if (instance.pipeline && !instance.stopping) {
        serve_waiting(instance);
        note_viewers(captures, instance);
    }
    set_timer();
}

void PlayRule::note_viewers(const Captures &captures, Instance &instance) const {
    if (!instance.waiting.empty() || viewers(captures) > 0)
        instance.idle_since = 0;
    else if (instance.idle_since == 0)
        instance.idle_since = loop_clock().now();
}

/// Starts the timer for the next deadline.
void PlayRule::set_timer() {
    const gint64 now = loop_clock().now();
    gint64 due = G_MAXINT64;
    for (const auto &[captures, instance] : instances_) {
        if (!instance.pipeline)
            due = std::min(due, instance.retry_at + longest_delay);
        else if (instance.stopping)
            continue;
        else if (!instance.waiting.empty())
            due = std::min(due, instance.waiting.front().until); // the first is due first
        else if (instance.idle_since != 0)
            due = std::min(due, instance.idle_since + idle_ / 1000);
        if (instance.pipeline && !instance.stopping && instance.gone_since != 0)
            due = std::min(due, instance.gone_since + longest_gap);
    }
    for (const auto &[captures, waiting] : foreign_)
        if (!waiting.empty()) due = std::min(due, waiting.front().until);
    if (due == G_MAXINT64) return timer_.cancel();
    const gint64 wait_ms = std::clamp<gint64>((due - now) / 1000 + 1, 1, 3'600'000);
    timer_.start(unsigned(wait_ms), [this] { on_timer(); });
}

void PlayRule::on_timer() {
    const gint64 now = loop_clock().now();
    on_foreign_timer();
    std::vector<Captures> idle, gone;
    for (auto &[captures, instance] : instances_) {
        if (!instance.pipeline || instance.stopping) continue;
        serve_waiting(instance);
        note_viewers(captures, instance);
        if (instance.idle_since != 0 && (now - instance.idle_since) * 1000 >= idle_)
            idle.push_back(captures);
        else if (instance.gone_since != 0 && now - instance.gone_since >= longest_gap)
            gone.push_back(captures);
    }
    std::erase_if(instances_, [now](const auto &i) {
        return !i.second.pipeline && now > i.second.retry_at + longest_delay;
    });
    for (const Captures &captures : idle) {
        report_(Severity::info, label(captures) + ": ends, no viewers are left");
        end(captures, {});
    }
    for (const Captures &captures : gone) {
        report_(Severity::info, label(captures) + ": ends, nobody publishes any more");
        end(captures, {});
    }
    set_timer();
}

/// At a listener where requests wait for that.
bool PlayRule::is_live(const std::string &path) const {
    return std::any_of(matches_.begin(), matches_.end(), [&](const Match &match) {
        return !match.listener->parks_viewers() && match.listener->is_live(path);
    });
}

/// Answers requests whose stream has begun or whose wait has timed out.
void PlayRule::serve_waiting(Instance &instance) {
    const gint64 now = loop_clock().now();
    std::erase_if(instance.waiting, [&](const Waiting &waiting) {
        const bool live = is_live(waiting.path);
        if (live) {
            std::lock_guard lock(ready_->mutex);
            ready_->paths.insert(waiting.path);
        }
        const auto missing = instance.missing.find(waiting.path);
        const bool is_missing = missing != instance.missing.end();
        if (!live && !is_missing && now < waiting.until) return false;
        waiting.answer(live, is_missing ? missing->second : "it did not begin in time");
        return true;
    });
}

unsigned PlayRule::viewers(const Captures &captures) const {
    unsigned sum = 0;
    for (const Match &match : matches_)
        sum += match.listener->viewers(match.pattern.path_of(captures));
    return sum;
}

std::string PlayRule::label(const Captures &captures) const {
    return matches_.empty() ? "play" : matches_.front().pattern.path_of(captures);
}

/// Deferred, because it is called from the pipeline's own handlers.
void PlayRule::end(const Captures &captures, const std::string &failure) {
    const auto found = instances_.find(captures);
    if (found == instances_.end() || found->second.stopping) return;
    Instance &instance = found->second;
    instance.stopping = true;
    instance.failure = failure;
    for (const Waiting &waiting : std::exchange(instance.waiting, {}))
        waiting.answer(false, "its pipeline has ended");
    for (const Match &match : matches_) {
        std::lock_guard lock(ready_->mutex);
        ready_->paths.erase(match.pattern.path_of(captures));
    }
    post([weak = std::weak_ptr(self_), captures] {
        const auto self = weak.lock();
        if (!self || !*self) return;
        (*self)->instances_[captures].pipeline->stop([weak, captures] {
            if (const auto still = weak.lock(); still && *still) (*still)->forget(captures);
        });
    });
}

/// Called when the instance's pipeline is gone. Closes remaining viewers, who may request the
/// stream again; a failed pipeline is restarted only after a delay.
void PlayRule::forget(const Captures &captures) {
    Instance &instance = instances_[captures];
    instance.pipeline.reset();
    instance.stopping = false;
    for (const Match &match : matches_) {
        const std::string path = match.pattern.path_of(captures);
        match.listener->end_viewers(path, "the stream has ended");
    }
    const std::vector<Asked> asked = std::exchange(instance.asked_again, {});
    if (instance.failure.empty()) {
        instances_.erase(captures);
    } else {
        instance.delay = std::clamp(2 * instance.delay, first_delay, longest_delay);
        instance.retry_at = loop_clock().now() + instance.delay;
    }
    set_timer();
    for (const Asked &each : asked)
        on_demand(each.match, each.path, each.answer);
    if (running() > 0) return;
    if (emptied_) post(emptied_);
    if (ending_ && stopped_) post(std::exchange(stopped_, {}));
}

size_t PlayRule::running() const {
    return size_t(std::count_if(instances_.begin(), instances_.end(),
                                [](const auto &i) { return bool(i.second.pipeline); }));
}

void PlayRule::end_leases() {
    for (Match &match : matches_)
        match.lease.reset();
    drop_foreign();
}

void PlayRule::retire(Task emptied) {
    end_leases();
    emptied_ = std::move(emptied);
    // Behind the viewers of whom the leases have told already.
    if (running() == 0) post(emptied_);
}

void PlayRule::drain() {
    end_leases();
    ending_ = true;
    for (const auto &[captures, instance] : instances_)
        if (instance.pipeline && !instance.stopping) instance.pipeline->drain();
}

void PlayRule::stop(Task stopped) {
    ending_ = true;
    end_leases();
    std::vector<Captures> open;
    for (const auto &[captures, instance] : instances_)
        if (instance.pipeline) open.push_back(captures);
    if (open.empty()) return post(std::move(stopped));
    stopped_ = std::move(stopped);
    for (const Captures &captures : open)
        end(captures, {});
}

} // namespace penstock::supervisor

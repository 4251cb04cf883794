// SPDX-License-Identifier: LGPL-2.1-or-later
// Viewers of a stream that a play rule could make, and a pipeline of another rule makes already: it
// is served at the rule's paths, and they join it there.
#include "supervisor/play_rule.h"

#include <algorithm>
#include <utility>

namespace penstock::supervisor {
namespace {

/// How long a request waits for media of a pipeline that is there; µs.
constexpr gint64 longest_wait = 10 * G_USEC_PER_SEC;

} // namespace

/// Whether a pipeline that is none of this rule's serves the stream at any of the rule's paths.
bool PlayRule::is_foreign(const Captures &captures) const {
    return std::any_of(matches_.begin(), matches_.end(), [&](const Match &match) {
        return match.listener->is_fed(match.pattern.path_of(captures));
    });
}

void PlayRule::join_foreign(const Captures &captures, size_t match, const std::string &path,
                            protocols::PlayAnswer answer) {
    // An RTMP player can wait on its mount; an HTTP request needs a playlist that exists.
    if (matches_[match].listener->parks_viewers()) return answer(true, {});
    foreign_[captures].push_back({path, std::move(answer), loop_clock().now() + longest_wait});
    review(captures);
}

/// Answers who waits for it. While it is live, viewers need not ask; they have to again once it has
/// ended, as this rule may make it then.
void PlayRule::review_foreign(const Captures &captures) {
    const auto found = foreign_.find(captures);
    if (found == foreign_.end()) return;
    const gint64 now = loop_clock().now();
    const bool is_there = is_foreign(captures);
    std::erase_if(found->second, [&](const Waiting &waiting) {
        const bool live = is_live(waiting.path);
        if (live) {
            std::lock_guard lock(ready_->mutex);
            ready_->paths.insert(waiting.path);
        }
        if (!live && is_there && now < waiting.until) return false;
        waiting.answer(live, is_there ? "it did not begin in time" : "its pipeline has ended");
        return true;
    });
    bool has_ready = false;
    for (const Match &match : matches_) {
        const std::string path = match.pattern.path_of(captures);
        std::lock_guard lock(ready_->mutex);
        if (!is_live(path)) ready_->paths.erase(path);
        has_ready = has_ready || ready_->paths.contains(path);
    }
    if (found->second.empty() && !has_ready) foreign_.erase(found);
}

void PlayRule::on_foreign_timer() {
    std::vector<Captures> all;
    for (const auto &[captures, waiting] : foreign_)
        if (!waiting.empty()) all.push_back(captures);
    for (const Captures &captures : all)
        review_foreign(captures);
}

void PlayRule::drop_foreign() {
    for (const auto &[captures, foreign] : std::exchange(foreign_, {}))
        for (const Waiting &waiting : foreign)
            waiting.answer(false, "its rule has ended");
}

} // namespace penstock::supervisor

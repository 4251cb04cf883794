// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/stream/admission.h"

#include "core/net/loop/clock.h"

#include <boost/asio/post.hpp>

#include <chrono>
#include <optional>
#include <utility>

namespace penstock::net {

/// Consults the watchers in turn on the peer's loop. Answers may come from any thread and are
/// posted.
class Admission::Question : public std::enable_shared_from_this<Question> {
public:
    Question(const boost::asio::any_io_executor &executor,
             std::vector<std::shared_ptr<PeerWatch>> watches, PeerInfo peer, uint64_t timeout_ms)
        : executor_(executor), watches_(std::move(watches)), peer_(std::move(peer)),
          timeout_ms_(timeout_ms) {}

    /// Returns true if all remaining watchers allow it at once; otherwise `done` is called later.
    bool go_on() {
        while (at_ < watches_.size()) {
            const auto watch = watches_[at_++];
            if (!watch) continue;
            // Weak: the admission keeps the question alive, the answer does not.
            const auto answer = [weak = weak_from_this(), number = at_](const Verdict &verdict) {
                const auto self = weak.lock();
                if (!self) return;
                boost::asio::post(self->executor_, [self, number, verdict] {
                    if (number == self->at_) self->on_answer(verdict);
                });
            };
            if (!watch->authorize(peer_, answer)) continue;
            timer_.emplace(executor_, std::chrono::milliseconds(timeout_ms_));
            timer_->async_wait([weak = weak_from_this()](boost::system::error_code ec) {
                if (const auto self = weak.lock(); self && !ec)
                    self->end(false,
                              "authorization timed out after " + time_text(self->timeout_ms_));
            });
            return false;
        }
        return true;
    }
    void set_done(Done done) { done_ = std::move(done); }
    uint64_t until_ms() const { return until_ms_; }
    const std::string &new_path() const { return new_path_; }
    void cancel() {
        timer_.reset();
        done_ = nullptr;
    }

private:
    void on_answer(const Verdict &verdict) {
        if (!done_) return;
        timer_.reset();
        if (verdict.until_ms != 0 && (until_ms_ == 0 || verdict.until_ms < until_ms_))
            until_ms_ = verdict.until_ms;
        if (!verdict.path.empty()) new_path_ = verdict.path;
        if (!verdict.allowed)
            end(false, "not authorized");
        else if (go_on())
            end(true, {});
    }
    void end(bool allowed, const std::string &reason) {
        timer_.reset();
        if (const Done done = std::exchange(done_, nullptr)) done(allowed, reason);
    }

    const boost::asio::any_io_executor executor_;
    const std::vector<std::shared_ptr<PeerWatch>> watches_;
    const PeerInfo peer_;
    const uint64_t timeout_ms_;
    Done done_; ///< empty after it was called or cancelled
    size_t at_ = 0;
    uint64_t until_ms_ = 0; ///< the earliest that a watcher named
    std::string new_path_;  ///< the last that a watcher gave
    std::optional<Timer> timer_;
};

bool Admission::begin(const boost::asio::any_io_executor &executor,
                      std::vector<std::shared_ptr<PeerWatch>> watches, PeerInfo peer, Done done,
                      uint64_t timeout_ms) {
    const auto question =
        std::make_shared<Question>(executor, std::move(watches), std::move(peer), timeout_ms);
    if (question->go_on()) return true;
    question->set_done(std::move(done));
    question_ = question;
    return false;
}

bool Admission::ask(const boost::asio::any_io_executor &executor,
                    std::vector<std::shared_ptr<PeerWatch>> listener, Authority path, PeerInfo peer,
                    Done done, uint64_t timeout_ms) {
    cancel();
    listener_ = std::move(listener);
    path_ = std::move(path);
    entered_ = false;
    until_ms_ = 0;
    new_path_.clear();
    auto watches = listener_;
    watches.push_back(path_.watch);
    return begin(
        executor, std::move(watches), std::move(peer),
        [this, done = std::move(done)](bool allowed, const std::string &reason) {
            const auto keep = std::exchange(question_, nullptr);
            until_ms_ = keep->until_ms();
            new_path_ = keep->new_path();
            done(allowed, reason);
        },
        timeout_ms);
}

bool Admission::ask_again(const boost::asio::any_io_executor &executor, Authority path,
                          PeerInfo peer, Done done, uint64_t timeout_ms) {
    cancel();
    const bool now = begin(
        executor, {path.watch}, peer,
        [this, path, peer, done = std::move(done)](bool allowed, const std::string &reason) {
            const auto keep = std::exchange(question_, nullptr);
            limit(keep->until_ms());
            if (allowed) allow_path(path, peer);
            done(allowed, reason);
        },
        timeout_ms);
    if (now) allow_path(path, peer);
    return now;
}

void Admission::cancel() {
    if (const auto question = std::exchange(question_, nullptr)) question->cancel();
}

/// The watcher of an earlier producer is no longer notified about the peer.
void Admission::allow_path(const Authority &path, const PeerInfo &peer) {
    path_ = path;
    if (entered_ && path_.watch) path_.watch->connected(peer);
}

void Admission::limit(uint64_t until_ms) {
    if (until_ms != 0 && (until_ms_ == 0 || until_ms < until_ms_)) until_ms_ = until_ms;
}

void Admission::enter(const PeerInfo &peer) {
    entered_ = true;
    for (const auto &watch : listener_)
        watch->connected(peer);
    if (path_.watch) path_.watch->connected(peer);
}

void Admission::leave(const PeerInfo &peer, const std::string &reason) {
    cancel();
    auto told = std::exchange(listener_, {});
    told.push_back(std::exchange(path_, {}).watch);
    if (!std::exchange(entered_, false)) return;
    for (const auto &watch : told)
        if (watch) watch->disconnected(peer, reason);
}

} // namespace penstock::net

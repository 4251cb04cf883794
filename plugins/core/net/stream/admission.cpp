// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/stream/admission.h"

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <optional>

namespace penstock::net {
namespace {

class Question : public std::enable_shared_from_this<Question> {
public:
    using Done = std::function<void(bool, const std::string &)>;
    Question(const boost::asio::any_io_executor &executor,
             std::vector<std::shared_ptr<PeerWatch>> watches, PeerInfo peer, Done done)
        : executor_(executor), watches_(std::move(watches)), peer_(std::move(peer)),
          done_(std::move(done)) {}

    void next() {
        while (at_ < watches_.size()) {
            const auto watch = watches_[at_++];
            if (!watch) continue;
            const auto answer = [self = shared_from_this(), number = at_](bool allowed) {
                boost::asio::post(self->executor_, [self, number, allowed] {
                    if (number == self->at_) self->on_answer(allowed);
                });
            };
            if (!watch->authorize(peer_, answer)) continue;
            timer_.emplace(executor_, std::chrono::milliseconds(authorize_ms));
            timer_->async_wait([weak = weak_from_this()](boost::system::error_code ec) {
                if (const auto self = weak.lock(); self && !ec)
                    self->end(false, "nobody said within " + std::to_string(authorize_ms / 1000) +
                                         " s that it may");
            });
            return;
        }
        end(true, {});
    }

private:
    void on_answer(bool allowed) {
        if (!done_) return;
        timer_.reset();
        if (allowed)
            next();
        else
            end(false, "not authorized");
    }
    void end(bool allowed, const std::string &reason) {
        timer_.reset();
        if (const Done done = std::exchange(done_, nullptr)) done(allowed, reason);
    }

    const boost::asio::any_io_executor executor_;
    const std::vector<std::shared_ptr<PeerWatch>> watches_;
    const PeerInfo peer_;
    Done done_;
    size_t at_ = 0;
    std::optional<boost::asio::steady_timer> timer_;
};

} // namespace

void ask_watches(const boost::asio::any_io_executor &executor,
                 std::vector<std::shared_ptr<PeerWatch>> watches, PeerInfo peer,
                 std::function<void(bool allowed, const std::string &reason)> done) {
    std::make_shared<Question>(executor, std::move(watches), std::move(peer), std::move(done))
        ->next();
}

} // namespace penstock::net

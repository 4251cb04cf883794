// SPDX-License-Identifier: LGPL-2.1-or-later
#include "authorize/notifier.h"

#include "authorize/digest.h"
#include "authorize/http_client.h"
#include "core/net/loop/clock.h"
#include "core/net/loop/log.h"

#include <array>
#include <atomic>
#include <utility>

namespace penstock::authorize {
namespace {

constexpr std::array<uint64_t, 2> pauses_ms = {1'000, 4'000}; ///< before the next attempts

/// Unique to this run, so that a receiver can detect repetitions.
std::string next_id() {
    static std::atomic<uint64_t> next{1};
    static const std::string run =
        hex(sha256(std::to_string(net::unix_ms()) + ' ' + std::to_string(net::steady_ns())))
            .substr(0, 12);
    return run + '-' + std::to_string(next++);
}

void warn(const std::string &text) {
    net::log(net::LogLevel::warning, "authorize", text);
}

} // namespace

Notifier::Notifier(Server server) : server_(std::move(server)) {
}

void Notifier::tell(Event event, Request request) {
    const auto queue = [self = shared_from_this(), event, request = std::move(request)] {
        if (self->queue_.size() >= max_queued) {
            if (!std::exchange(self->is_full_, true))
                warn("events for " + self->server_.url.authority() +
                     " come faster than it takes them: some are left out");
            return;
        }
        self->queue_.push_back({body_of(self->server_.style, event, request), next_id()});
        if (self->queue_.size() == 1) self->send();
    };
    std::string reason;
    if (!worker::post(queue, &reason)) warn("an event is left out: " + reason);
}

void Notifier::send() {
    ++attempts_;
    Call call{.url = server_.url,
              .body = queue_.front().body,
              .headers = {{"X-Penstock-Event", queue_.front().id}},
              .timeout_ms = server_.timeout_ms};
    if (!server_.secret.empty())
        call.headers.emplace_back(
            "X-Penstock-Signature",
            signature_of(server_.secret, call.body.text, net::unix_ms() / 1000));
    worker::request(std::move(call), [self = shared_from_this()](std::optional<Reply> reply,
                                                                 const std::string &error) {
        const bool is_taken = reply && reply->status / 100 == 2;
        self->on_reply(is_taken, reply ? "answer " + std::to_string(reply->status) : error);
    });
}

void Notifier::on_reply(bool is_taken, const std::string &reason) {
    if (!is_taken && attempts_ <= pauses_ms.size())
        return worker::post_after(pauses_ms[attempts_ - 1],
                                  [self = shared_from_this()] { self->send(); });
    if (!is_taken)
        warn("an event is left out: " + server_.url.authority() + " does not take it (" + reason +
             ")");
    attempts_ = 0;
    is_full_ = false;
    queue_.pop_front();
    if (!queue_.empty()) send();
}

} // namespace penstock::authorize

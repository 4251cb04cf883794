// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/client/dialer.h"

#include "core/net/loop/clock.h"

#include <utility>

namespace penstock::net {

Dialer::Dialer(std::shared_ptr<Loops> loops, size_t loop, ClientSocket &socket, std::mutex &mutex,
               Polled &polled)
    : loops_(std::move(loops)), loop_(loop), socket_(socket), mutex_(mutex), polled_(polled) {
}

void Dialer::start(std::weak_ptr<void> owner, Target target, uint64_t deadline_ms, Done done) {
    owner_ = std::move(owner);
    target_ = std::move(target);
    deadline_ms_ = deadline_ms;
    done_ = std::move(done);
    addresses_.clear();
    last_error_.clear();
    // A lookup that takes longer than an attempt serves the next one.
    if (!resolving_) look_up();
}

void Dialer::cancel() {
    done_ = nullptr;
    addresses_.clear();
}

void Dialer::finish(const std::string &error) {
    addresses_.clear();
    if (const Done done = std::exchange(done_, nullptr)) done(error);
}

void Dialer::look_up() {
    resolving_ = true;
    resolve(loops_, loop_, target_.host, target_.port,
            [owner = owner_, this, host = target_.host, port = target_.port](Resolved found) {
                const auto kept = owner.lock();
                if (!kept) return;
                resolving_ = false;
                // Of the server before, which took longer than its attempt.
                if (host != target_.host || port != target_.port) {
                    if (done_) look_up();
                    return;
                }
                on_resolved(std::move(found));
            });
}

void Dialer::on_resolved(Resolved &&found) {
    if (!done_) return;
    if (found.addresses.empty()) return finish(found.error);
    addresses_ = std::move(found.addresses);
    std::erase_if(addresses_,
                  [this](const auto &each) { return reach_of(each) < target_.nearest; });
    if (addresses_.empty())
        return finish("the server has asked to connect to an address that it can't know: " +
                      target_.host);
    next_address();
}

void Dialer::next_address() {
    while (!addresses_.empty()) {
        address_ = addresses_.front();
        addresses_.erase(addresses_.begin());
        // An address that never answers leaves time for those behind it.
        const uint64_t now = steady_ms(), left = deadline_ms_ > now ? deadline_ms_ - now : 0;
        address_deadline_ms_ = now + left / (addresses_.size() + 1);
        std::lock_guard lock(mutex_);
        reach_ = reach_of(address_);
        const auto step =
            socket_.connect(address_, target_.tls, target_.host, loops_->poller(loop_), polled_);
        if (step != ClientSocket::Step::failed) return;
        last_error_ = socket_.reason();
    }
    finish("no connection to " + target_.host + " port " + std::to_string(target_.port) + ": " +
           last_error_);
}

void Dialer::go_on() {
    if (!done_) return;
    ClientSocket::Step step;
    {
        std::lock_guard lock(mutex_);
        step = socket_.go_on();
    }
    if (step == ClientSocket::Step::waiting) return;
    if (step == ClientSocket::Step::done) return finish({});
    last_error_ = socket_.reason();
    next_address();
}

void Dialer::check(uint64_t now_ms) {
    if (!done_ || resolving_ || addresses_.empty() || now_ms <= address_deadline_ms_) return;
    last_error_ = "no answer";
    next_address();
}

} // namespace penstock::net

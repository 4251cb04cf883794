// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/stream/publish_slot.h"

#include "core/net/loop/clock.h"

#include <utility>

namespace penstock::net {
namespace {

constexpr const char *taken_over_text = "another publisher has taken this name over";
constexpr const char *came_back_text = "it has connected again, as it was asked to";
constexpr const char *busy_text = "this name is being published already";

} // namespace

PublishSlot::Seat *PublishSlot::seat_of(const Publisher *publisher) {
    for (Seat &seat : seats_)
        if (publisher && seat.publisher.get() == publisher) return &seat;
    return nullptr;
}

const PublishSlot::Seat *PublishSlot::seat_of(const Publisher *publisher) const {
    return const_cast<PublishSlot *>(this)->seat_of(publisher);
}

/// Nobody knows what a receiver that has yet to come makes of a second publisher: it waits, too.
PublishSlot::Seat *PublishSlot::free_seat() {
    if (!seats_[0].publisher) return &seats_[0];
    if (seats_[1].publisher || (receiver_ && republish_ == Republish::reject)) return nullptr;
    return &seats_[1];
}

PublishSlot::Seat *PublishSlot::leaving_seat() {
    for (Seat &seat : seats_)
        if (seat.announced && seat.publisher->is_leaving()) return &seat;
    return nullptr;
}

PublishReceiver *PublishSlot::receiver_of(const Seat &seat) const {
    return receiver_ && &seat == &seats_[1] ? receiver_->second() : receiver_;
}

std::shared_ptr<Publisher> PublishSlot::announce_locked(Seat *&seat) {
    seat->announced = true;
    if (republish_ != Republish::takeover || seat == &seats_[0]) return nullptr;
    std::swap(seats_[0], *seat);
    seat = &seats_[0];
    return std::exchange(seats_[1], {}).publisher;
}

void PublishSlot::tell_published(PublishReceiver *receiver, const Publisher &publisher) {
    receiver->on_published(publisher);
    mount_.tell(MountEvent::published);
}

PublishSlot::Verdict PublishSlot::publish(const std::shared_ptr<Publisher> &publisher,
                                          uint64_t admitted) {
    std::shared_ptr<Publisher> displaced, left;
    {
        std::lock_guard call(call_mutex_);
        PublishReceiver *receiver = nullptr;
        {
            std::lock_guard lock(mutex_);
            // A receiver with another key may have come since the publisher's was looked at.
            if (receiver_ && !publisher->has_key(key_)) return Verdict::wrong_key;
            const bool is_admitted = authority_.epoch == 0 || authority_.epoch == admitted;
            Seat *seat = free_seat();
            if (!seat && receiver_ && is_admitted && (seat = leaving_seat()))
                left = std::move(seat->publisher);
            if (!seat) return Verdict::busy;
            *seat = {publisher, false};
            if (!receiver_) return Verdict::waits_for_claim;
            if (!is_admitted) return Verdict::ask;
            displaced = announce_locked(seat);
            receiver = receiver_of(*seat);
        }
        tell_published(receiver, *publisher);
    }
    if (left) left->give_way(came_back_text);
    if (displaced) displaced->give_way(taken_over_text);
    return Verdict::accepted;
}

bool PublishSlot::announce(const Publisher *publisher) {
    std::shared_ptr<Publisher> displaced;
    {
        std::lock_guard call(call_mutex_);
        PublishReceiver *receiver = nullptr;
        {
            std::lock_guard lock(mutex_);
            Seat *seat = seat_of(publisher);
            if (!seat || !receiver_ || seat->announced) return false;
            displaced = announce_locked(seat);
            receiver = receiver_of(*seat);
        }
        tell_published(receiver, *publisher);
    }
    if (displaced) displaced->give_way(taken_over_text);
    return true;
}

void PublishSlot::unpublish(const Publisher *publisher, const std::string &reason) {
    std::lock_guard call(call_mutex_);
    PublishReceiver *receiver = nullptr;
    bool is_last = false;
    {
        std::lock_guard lock(mutex_);
        Seat *seat = seat_of(publisher);
        if (!seat) return;
        const bool was_announced = std::exchange(*seat, {}).announced;
        if (!was_announced) return;
        receiver = receiver_of(*seat);
        is_last = !seats_[0].announced && !seats_[1].announced;
        if (is_last) vacant_ms_ = steady_ms();
    }
    if (receiver) receiver->on_unpublished(reason);
    if (is_last) mount_.tell(MountEvent::unpublished);
}

bool PublishSlot::claim(PublishReceiver &receiver, const ClaimOptions &options) {
    std::array<std::shared_ptr<Publisher>, 2> waiting, without_key;
    std::shared_ptr<Publisher> refused, displaced;
    {
        std::lock_guard call(call_mutex_);
        {
            std::lock_guard lock(mutex_);
            if (receiver_) return false;
            receiver_ = &receiver;
            vacant_ms_ = steady_ms();
            key_ = options.key;
            silence_timeout_ = options.silence_timeout;
            keyframe_interval_ = options.keyframe_interval;
            republish_ = options.republish == Republish::backup && !receiver.second()
                             ? Republish::reject
                             : options.republish;
            authority_ = make_authority(options.watch);
            for (size_t i = 0; i < seats_.size(); ++i)
                if (seats_[i].publisher && !seats_[i].publisher->has_key(key_))
                    without_key[i] = std::move(seats_[i].publisher);
            if (!seats_[0].publisher) std::swap(seats_[0], seats_[1]);
            if (republish_ == Republish::reject) refused = std::move(seats_[1].publisher);
            // With a watcher, the second one has to be admitted before it takes over.
            if (republish_ == Republish::takeover && seats_[1].publisher && !options.watch)
                displaced = std::exchange(seats_[0].publisher, std::move(seats_[1].publisher));
            for (size_t i = 0; i < seats_.size(); ++i) {
                waiting[i] = seats_[i].publisher;
                seats_[i].announced = waiting[i] && !options.watch;
            }
        }
        for (size_t i = 0; i < waiting.size() && !options.watch; ++i)
            if (waiting[i]) tell_published(i == 0 ? &receiver : receiver.second(), *waiting[i]);
    }
    for (const auto &publisher : without_key)
        if (publisher) publisher->close("wrong or missing key: publish to NAME?key=…");
    if (refused) refused->give_way(busy_text);
    if (displaced) displaced->give_way(taken_over_text);
    for (const auto &publisher : waiting) {
        if (publisher && options.watch) publisher->ask_receiver();
        if (publisher && !options.watch) publisher->accept_publish();
    }
    return true;
}

void PublishSlot::release() {
    std::array<Seat, 2> orphans;
    {
        std::lock_guard call(call_mutex_);
        {
            std::lock_guard lock(mutex_);
            receiver_ = nullptr;
            key_.clear();
            authority_ = {};
            republish_ = Republish::reject;
            orphans = std::exchange(seats_, {});
        }
        // Before the next receiver's publisher is told of.
        if (orphans[0].announced || orphans[1].announced) mount_.tell(MountEvent::unpublished);
    }
    for (const Seat &seat : orphans)
        if (seat.publisher) seat.publisher->close("the pipeline that received it has stopped");
}

std::array<std::shared_ptr<Publisher>, 2> PublishSlot::take_waiting() {
    std::array<std::shared_ptr<Publisher>, 2> waiting;
    std::lock_guard lock(mutex_);
    for (size_t i = 0; i < seats_.size(); ++i) // a receiver may have taken it meanwhile
        if (!seats_[i].announced) waiting[i] = std::move(seats_[i].publisher);
    return waiting;
}

void PublishSlot::refuse(const std::string &reason) {
    for (const auto &publisher : take_waiting())
        if (publisher) publisher->refuse_publish(reason);
}

void PublishSlot::refuse_busy() {
    for (const auto &publisher : take_waiting())
        if (publisher) publisher->give_way(busy_text);
}

std::array<std::shared_ptr<Publisher>, 2> PublishSlot::publishers() const {
    std::array<std::shared_ptr<Publisher>, 2> out;
    std::lock_guard lock(mutex_);
    for (size_t i = 0; i < seats_.size(); ++i)
        out[i] = seats_[i].publisher;
    return out;
}

void PublishSlot::resume() {
    for (const auto &publisher : publishers())
        if (publisher) publisher->resume();
}

bool PublishSlot::want_keyframe() {
    bool asked = false;
    for (const auto &publisher : publishers())
        asked |= publisher && publisher->want_keyframe();
    return asked;
}

bool PublishSlot::has(const Publisher *publisher) const {
    std::lock_guard lock(mutex_);
    return seat_of(publisher) != nullptr;
}

bool PublishSlot::is_announced(const Publisher *publisher) const {
    std::lock_guard lock(mutex_);
    const Seat *seat = seat_of(publisher);
    return seat && seat->announced;
}

bool PublishSlot::is_claimed() const {
    std::lock_guard lock(mutex_);
    return receiver_ != nullptr;
}

bool PublishSlot::is_taken() const {
    auto *self = const_cast<PublishSlot *>(this);
    std::lock_guard lock(mutex_);
    return !self->free_seat() && !(receiver_ && self->leaving_seat());
}

std::string PublishSlot::key() const {
    std::lock_guard lock(mutex_);
    return key_;
}

Authority PublishSlot::authority() const {
    std::lock_guard lock(mutex_);
    return authority_;
}

bool PublishSlot::in_use() const {
    std::lock_guard lock(mutex_);
    return receiver_ || seats_[0].publisher || seats_[1].publisher;
}

void PublishSlot::describe(MountInfo &info) const {
    std::lock_guard lock(mutex_);
    info.claimed = receiver_ != nullptr;
    const Seat *first = &seats_[0], *second = &seats_[1];
    if (receiver_ && receiver_->is_second_on_air()) std::swap(first, second);
    // Whoever waits to be admitted comes last.
    if (!first->publisher || (second->announced && !first->announced)) std::swap(first, second);
    if (first->publisher) {
        info.publishing = true;
        info.publisher = first->publisher->name();
        info.pending = !first->announced;
    }
    if (second->announced) info.standby = second->publisher->name();
    if (info.claimed && !info.publishing)
        info.vacant_since = unix_ms() - static_cast<int64_t>(steady_ms() - vacant_ms_);
}

} // namespace penstock::net

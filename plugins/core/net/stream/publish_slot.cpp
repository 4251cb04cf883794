// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/stream/publish_slot.h"

#include <utility>

namespace penstock::net {

PublishSlot::Verdict PublishSlot::publish(const std::shared_ptr<Publisher> &publisher,
                                          uint64_t admitted) {
    std::lock_guard call(call_mutex_);
    {
        std::lock_guard lock(mutex_);
        if (publisher_) return Verdict::busy;
        // A receiver with another key may have come since the publisher's was looked at.
        if (receiver_ && !publisher->has_key(key_)) return Verdict::wrong_key;
        publisher_ = publisher;
        if (!receiver_) return Verdict::waits_for_claim;
        if (authority_.epoch != 0 && authority_.epoch != admitted) return Verdict::ask;
        announced_ = true;
    }
    receiver_->on_published(publisher->name());
    mount_.tell(MountEvent::published);
    return Verdict::accepted;
}

bool PublishSlot::announce(const Publisher *publisher) {
    std::lock_guard call(call_mutex_);
    {
        std::lock_guard lock(mutex_);
        if (publisher_.get() != publisher || !receiver_ || announced_) return false;
        announced_ = true;
    }
    receiver_->on_published(publisher->name());
    mount_.tell(MountEvent::published);
    return true;
}

void PublishSlot::unpublish(const Publisher *publisher, const std::string &reason) {
    std::lock_guard call(call_mutex_);
    {
        std::lock_guard lock(mutex_);
        if (publisher_.get() != publisher) return;
        publisher_.reset();
        if (!std::exchange(announced_, false)) return;
    }
    if (receiver_) receiver_->on_unpublished(reason);
    mount_.tell(MountEvent::unpublished);
}

bool PublishSlot::claim(PublishReceiver &receiver, const ClaimOptions &options) {
    std::shared_ptr<Publisher> waiting, refused;
    {
        std::lock_guard call(call_mutex_);
        {
            std::lock_guard lock(mutex_);
            if (receiver_) return false;
            receiver_ = &receiver;
            key_ = options.key;
            silence_timeout_ = options.silence_timeout;
            if (publisher_ && !publisher_->has_key(options.key)) refused = std::move(publisher_);
            authority_ = make_authority(options.watch);
            waiting = publisher_;
            announced_ = waiting && !options.watch;
        }
        if (waiting && !options.watch) {
            receiver.on_published(waiting->name());
            mount_.tell(MountEvent::published);
        }
    }
    if (refused) refused->close("wrong or missing key: publish to NAME?key=…");
    if (waiting && options.watch)
        waiting->ask_receiver();
    else if (waiting)
        waiting->accept_publish();
    return true;
}

void PublishSlot::release() {
    std::shared_ptr<Publisher> orphan;
    bool was_published = false;
    {
        std::lock_guard call(call_mutex_);
        std::lock_guard lock(mutex_);
        receiver_ = nullptr;
        key_.clear();
        authority_ = {};
        was_published = std::exchange(announced_, false);
        orphan = std::exchange(publisher_, nullptr);
    }
    if (was_published) mount_.tell(MountEvent::unpublished);
    if (orphan) orphan->close("the pipeline that received it has stopped");
}

void PublishSlot::refuse(const std::string &reason) {
    std::shared_ptr<Publisher> waiting;
    {
        std::lock_guard lock(mutex_);
        if (announced_) return; // a receiver has taken it meanwhile
        waiting = std::move(publisher_);
    }
    if (waiting) waiting->refuse_publish(reason);
}

void PublishSlot::resume() {
    std::shared_ptr<Publisher> publisher;
    {
        std::lock_guard lock(mutex_);
        publisher = publisher_;
    }
    if (publisher) publisher->resume();
}

bool PublishSlot::has(const Publisher *publisher) const {
    std::lock_guard lock(mutex_);
    return publisher_.get() == publisher;
}

bool PublishSlot::is_announced(const Publisher *publisher) const {
    std::lock_guard lock(mutex_);
    return publisher_.get() == publisher && announced_;
}

bool PublishSlot::is_claimed() const {
    std::lock_guard lock(mutex_);
    return receiver_ != nullptr;
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
    return publisher_ || receiver_;
}

void PublishSlot::describe(MountInfo &info) const {
    std::lock_guard lock(mutex_);
    info.publishing = publisher_ != nullptr;
    info.pending = publisher_ && !announced_;
    info.claimed = receiver_ != nullptr;
    if (publisher_) info.publisher = publisher_->name();
}

} // namespace penstock::net

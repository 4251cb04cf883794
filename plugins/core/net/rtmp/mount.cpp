// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/rtmp/mount.h"

#include "core/net/loop/clock.h"
#include "core/net/rtmp/connection.h"
#include "core/rtmp/packet.h"
#include "core/rtmp/server_session.h"

#include <utility>

namespace penstock::net {

RtmpMount::RtmpMount(MountKey key, std::shared_ptr<Loops> loops)
    : LiveMount(std::move(key), std::move(loops)),
      feed_(audience().ring(), {[](const flv::Tag &tag, uint32_t timestamp) {
                return rtmp::make_packet(tag, timestamp, rtmp::ServerSession::out_chunk_size);
            }}) {
}

RtmpMount::Publish RtmpMount::publish(const std::shared_ptr<RtmpConnection> &publisher,
                                      uint64_t admitted) {
    std::lock_guard call(call_mutex_);
    {
        std::lock_guard lock(mutex_);
        if (publisher_) return Publish::busy;
        // A receiver with another key may have come since the publisher's was looked at.
        if (receiver_ && !publisher->has_key(publish_key_)) return Publish::wrong_key;
        publisher_ = publisher;
        if (!receiver_) return Publish::wait_for_claim;
        if (publish_authority_.epoch != 0 && publish_authority_.epoch != admitted)
            return Publish::ask;
        announced_ = true;
    }
    receiver_->on_published(publisher->name());
    tell(MountEvent::published);
    return Publish::accepted;
}

bool RtmpMount::announce(const RtmpConnection *publisher) {
    std::lock_guard call(call_mutex_);
    {
        std::lock_guard lock(mutex_);
        if (publisher_.get() != publisher || !receiver_ || announced_) return false;
        announced_ = true;
    }
    receiver_->on_published(publisher->name());
    tell(MountEvent::published);
    return true;
}

void RtmpMount::unpublish(const RtmpConnection *publisher, const std::string &reason) {
    std::lock_guard call(call_mutex_);
    {
        std::lock_guard lock(mutex_);
        if (publisher_.get() != publisher) return;
        publisher_.reset();
        if (!std::exchange(announced_, false)) return;
    }
    if (receiver_) receiver_->on_unpublished(reason);
    tell(MountEvent::unpublished);
}

bool RtmpMount::deliver(flv::Tag &&tag) {
    bytes_in.fetch_add(tag.bytes.size(), std::memory_order_relaxed);
    std::lock_guard call(call_mutex_);
    // Without a receiver (its pipeline was just stopped) the media has nowhere to go.
    return !receiver_ || receiver_->on_tag(std::move(tag));
}

bool RtmpMount::claim(PublishReceiver &receiver, const ClaimOptions &options) {
    std::shared_ptr<RtmpConnection> waiting, refused;
    {
        std::lock_guard call(call_mutex_);
        {
            std::lock_guard lock(mutex_);
            if (receiver_) return false;
            receiver_ = &receiver;
            publish_key_ = options.key;
            silence_timeout_ = options.silence_timeout;
            if (publisher_ && !publisher_->has_key(options.key)) refused = std::move(publisher_);
            publish_authority_ = make_authority(options.watch);
            waiting = publisher_;
            announced_ = waiting && !options.watch;
        }
        if (waiting && !options.watch) {
            receiver.on_published(waiting->name());
            tell(MountEvent::published);
        }
    }
    if (refused) refused->close("wrong or missing key: publish to NAME?key=…");
    if (waiting && options.watch)
        waiting->ask_receiver();
    else if (waiting)
        waiting->accept_publish();
    return true;
}

void RtmpMount::release_claim() {
    std::shared_ptr<RtmpConnection> orphan;
    bool was_published = false;
    {
        std::lock_guard call(call_mutex_);
        std::lock_guard lock(mutex_);
        receiver_ = nullptr;
        publish_key_.clear();
        publish_authority_ = {};
        was_published = std::exchange(announced_, false);
        orphan = std::exchange(publisher_, nullptr);
    }
    if (was_published) tell(MountEvent::unpublished);
    if (orphan) orphan->close("the pipeline that received it has stopped");
}

void RtmpMount::refuse(const std::string &reason) {
    std::shared_ptr<RtmpConnection> waiting;
    {
        std::lock_guard lock(mutex_);
        if (announced_) return; // somebody has taken it meanwhile
        waiting = std::move(publisher_);
    }
    if (waiting) waiting->refuse_publish(reason);
}

bool RtmpMount::claimed() const {
    std::lock_guard lock(mutex_);
    return receiver_ != nullptr;
}

std::string RtmpMount::publish_key() const {
    std::lock_guard lock(mutex_);
    return publish_key_;
}

Authority RtmpMount::publish_authority() const {
    std::lock_guard lock(mutex_);
    return publish_authority_;
}

std::shared_ptr<RtmpConnection> RtmpMount::publisher() const {
    std::lock_guard lock(mutex_);
    return publisher_;
}

void RtmpMount::resume_publisher() {
    if (auto connection = publisher()) connection->resume();
}

bool RtmpMount::attach_feed(gop::Limits limits, const fanout::Policy &policy,
                            std::shared_ptr<PeerWatch> watch) {
    if (has_feed_.exchange(true)) return false;
    set_authority(std::move(watch));
    audience().set_policy(policy);
    feed_.restart(limits);
    since_ = unix_ms();
    tell(MountEvent::live);
    return true;
}

void RtmpMount::detach_feed() {
    has_feed_ = false;
    since_ = 0;
    tell(MountEvent::gone);
}

bool RtmpMount::in_use() const {
    std::lock_guard lock(mutex_);
    return publisher_ || receiver_ || has_feed_ || viewers() > 0;
}

MountInfo RtmpMount::info() const {
    MountInfo info{key()};
    info.live = has_feed_;
    info.since = since_;
    info.viewers = viewers();
    info.bytes_in = bytes_in;
    info.bytes_out = audience().bytes_out;
    info.media.content_type = "video/x-flv";
    std::lock_guard lock(mutex_);
    info.publishing = publisher_ != nullptr;
    info.pending = publisher_ && !announced_;
    info.claimed = receiver_ != nullptr;
    if (publisher_) info.publisher = publisher_->name();
    return info;
}

} // namespace penstock::net

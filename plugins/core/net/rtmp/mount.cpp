// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/rtmp/mount.h"

#include "core/net/rtmp/connection.h"
#include "core/rtmp/packet.h"
#include "core/rtmp/server_session.h"

namespace penstock::net {

RtmpMount::RtmpMount(std::string path, std::shared_ptr<Loops> loops)
    : path_(std::move(path)), audience_(std::make_shared<Audience>(std::move(loops))),
      feed_(audience_->ring(), {[](const flv::Tag &tag, uint32_t timestamp) {
                return rtmp::make_packet(tag, timestamp, rtmp::ServerSession::out_chunk_size);
            }}) {
}

RtmpMount::Publish RtmpMount::publish(const std::shared_ptr<RtmpConnection> &publisher,
                                      const PeerWatch *asked) {
    std::lock_guard call(call_mutex_);
    {
        std::lock_guard lock(mutex_);
        if (publisher_) return Publish::busy;
        publisher_ = publisher;
        if (!receiver_) return Publish::wait_for_claim;
        if (publish_watch_ && publish_watch_.get() != asked) return Publish::ask;
        announced_ = true;
    }
    receiver_->on_published(publisher->name());
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
}

bool RtmpMount::deliver(flv::Tag &&tag) {
    bytes_in.fetch_add(tag.bytes.size(), std::memory_order_relaxed);
    std::lock_guard call(call_mutex_);
    // Without a receiver (its pipeline was just stopped) the media has nowhere to go.
    return !receiver_ || receiver_->on_tag(std::move(tag));
}

bool RtmpMount::claim(PublishReceiver &receiver, const std::string &key,
                      std::shared_ptr<PeerWatch> watch) {
    std::shared_ptr<RtmpConnection> waiting, refused;
    {
        std::lock_guard call(call_mutex_);
        {
            std::lock_guard lock(mutex_);
            if (receiver_) return false;
            receiver_ = &receiver;
            key_ = key;
            if (publisher_ && !publisher_->has_key(key)) refused = std::move(publisher_);
            publish_watch_ = watch;
            waiting = publisher_;
            announced_ = waiting && !watch;
        }
        if (waiting && !watch) receiver.on_published(waiting->name());
    }
    if (refused) refused->close("wrong or missing key: publish to NAME?key=…");
    if (waiting && watch)
        waiting->ask_receiver();
    else if (waiting)
        waiting->accept_publish();
    return true;
}

void RtmpMount::release_claim() {
    std::shared_ptr<RtmpConnection> orphan;
    {
        std::lock_guard call(call_mutex_);
        std::lock_guard lock(mutex_);
        receiver_ = nullptr;
        key_.clear();
        publish_watch_.reset();
        announced_ = false;
        orphan = std::exchange(publisher_, nullptr);
    }
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

std::string RtmpMount::key() const {
    std::lock_guard lock(mutex_);
    return key_;
}

std::shared_ptr<PeerWatch> RtmpMount::publish_watch() const {
    std::lock_guard lock(mutex_);
    return publish_watch_;
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
    static std::atomic<uint64_t> next{1};
    if (has_feed_.exchange(true)) return false;
    {
        std::lock_guard lock(mutex_);
        gate_ = watch ? next++ : 0;
        play_watch_ = std::move(watch);
    }
    audience_->set_policy(policy);
    feed_.restart(limits);
    return true;
}

void RtmpMount::detach_feed() {
    has_feed_ = false;
}

std::pair<uint64_t, std::shared_ptr<PeerWatch>> RtmpMount::gate_and_watch() const {
    std::lock_guard lock(mutex_);
    return {gate_, play_watch_};
}

bool RtmpMount::unused() const {
    std::lock_guard lock(mutex_);
    return !publisher_ && !receiver_ && !has_feed_ && audience_->viewers == 0;
}

MountInfo RtmpMount::info() const {
    std::lock_guard lock(mutex_);
    MountInfo info;
    info.path = path_;
    info.publishing = publisher_ != nullptr;
    info.pending = publisher_ && !announced_;
    info.claimed = receiver_ != nullptr;
    info.playing = has_feed_;
    info.players = audience_->viewers;
    info.bytes_in = bytes_in;
    info.bytes_out = audience_->bytes_out;
    if (publisher_) info.publisher = publisher_->name();
    return info;
}

} // namespace penstock::net

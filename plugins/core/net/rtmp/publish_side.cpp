// SPDX-License-Identifier: LGPL-2.1-or-later
// An RTMP peer that publishes: its key, its admission, and the hand-over to a receiver.
#include "core/net/loop/clock.h"
#include "core/net/rtmp/connection.h"
#include "core/net/rtmp/state.h"
#include "core/net/stream/same_key.h"

#include <boost/asio/post.hpp>

#include <utility>

namespace penstock::net {
namespace {

namespace asio = boost::asio;

constexpr const char *wrong_key_text = "wrong or missing key: publish to NAME?key=…";

} // namespace

bool RtmpConnection::may_publish(const std::string &path,
                                 std::shared_ptr<const LeaseOptions> &lease) {
    const auto mount = state_->mount(path, false);
    lease = state_->rules->lease_for(path);
    const bool claimed = mount && mount->slot.is_claimed();
    if (!claimed && !lease) {
        refuse_name();
        return false;
    }
    const std::string key = claimed ? mount->slot.key() : std::string();
    for (const std::string *wanted : {&key, lease ? &lease->publish_key : &key}) {
        if (has_key(*wanted)) continue;
        refuse(rtmp::Refusal::unauthorized, wrong_key_text);
        return false;
    }
    return true;
}

void RtmpConnection::begin_publish(const rtmp::StreamRequest &request) {
    rename("rtmp-publish");
    key_ = query_value(request.query, "key");
    is_backup_ = query_value(request.query, "backup") == "1";
    std::shared_ptr<const LeaseOptions> lease;
    if (!may_publish(request.path, lease)) return;
    const auto mount = state_->mount(request.path, false);
    ask(mount && mount->slot.is_claimed() ? mount->slot.authority() : Authority(),
        [this, path = request.path, lease] {
            const std::string given = admission_.new_path();
            if (given.empty() || given == path) return admit_publish(path, lease);
            publish_as(given);
        });
}

/// Publishes under the new path; the requested one may be a stream key and appears nowhere.
void RtmpConnection::publish_as(const std::string &path) {
    request_.path = is_safe_path(path) ? path : "a path given by its authorizer";
    if (!is_safe_path(path))
        return refuse(rtmp::Refusal::failed,
                      "that path is not legal: use letters, digits and ._~-");
    std::shared_ptr<const LeaseOptions> lease;
    if (may_publish(path, lease)) admit_publish(path, lease);
}

void RtmpConnection::refuse_name() {
    const std::string advice = state_->publish_advice();
    // Publishers that are asked to connect again come back to a server that ends: no fault of
    // theirs.
    if (advice.empty() && state_->has_had_rules)
        return refuse(rtmp::Refusal::failed, "this server takes no more streams", LogLevel::info);
    refuse(rtmp::Refusal::failed,
           "nothing here takes a stream of this name" + (advice.empty() ? "" : ": " + advice));
}

void RtmpConnection::admit_publish(const std::string &path,
                                   std::shared_ptr<const LeaseOptions> lease) {
    if (lease) state_->has_had_rules = true;
    mount_ = state_->mount(path, true);
    role_ = Role::publish_pending;
    paused_ = true;
    const auto give_up = [this](rtmp::Refusal why, const std::string &text) {
        mount_.reset();
        role_ = Role::none;
        paused_ = false;
        refuse(why, text);
    };
    switch (mount_->slot.publish(shared_from_this(), admission_.epoch())) {
    case PublishSlot::Verdict::busy:
        return give_up(rtmp::Refusal::bad_name, "this name is being published already");
    case PublishSlot::Verdict::wrong_key:
        return give_up(rtmp::Refusal::unauthorized, wrong_key_text);
    case PublishSlot::Verdict::accepted:
        return accept_publish();
    case PublishSlot::Verdict::ask:
        return ask_receiver();
    case PublishSlot::Verdict::waits_for_claim:
        if (!lease) { // its receiver went a moment ago
            leave("its receiver is gone");
            return refuse_name();
        }
        deadline_ms_ = steady_ms() + state_->limits.claim_ms;
        say(LogLevel::debug, "waits for a pipeline");
        lease->on_publish({mount_->path(), name_});
        return;
    }
}

bool RtmpConnection::has_key(std::string_view key) const {
    return key.empty() || same_key(key_, key);
}

void RtmpConnection::accept_publish() {
    asio::post(context(), [self = shared_from_this()] {
        // The peer may have ended that publish and begun another meanwhile.
        if (self->closed_ || self->role_ != Role::publish_pending ||
            !self->mount_->slot.is_announced(self.get()))
            return;
        self->role_ = Role::publisher;
        self->silent_.reset();
        self->deadline_ms_ = 0;
        self->paused_ = false;
        self->say(LogLevel::info, "publishes (" + self->session_.client_name() + ")");
        self->heard_ms_ = steady_ms();
        self->admission_.enter(self->peer_info());
        self->session_.accept();
        self->feed({}); // what the publisher sent without waiting for the answer
        self->read();
    });
}

void RtmpConnection::refuse_publish(const std::string &reason) {
    asio::post(context(), [self = shared_from_this(), reason] {
        if (self->closed_ || self->role_ != Role::publish_pending ||
            self->mount_->slot.has(self.get()))
            return;
        self->session_.refuse(rtmp::Refusal::failed, reason);
        self->part_ways(LogLevel::warning, "refused to publish: " + reason);
    });
}

void RtmpConnection::give_way(const std::string &reason) {
    asio::post(context(), [self = shared_from_this(), reason] {
        const bool is_pending = self->role_ == Role::publish_pending;
        if (self->closed_ || (!is_pending && self->role_ != Role::publisher)) return;
        // The peer may have ended that publish and begun another meanwhile.
        if (self->mount_->slot.has(self.get())) return;
        if (is_pending) // what it waited for is now the other's
            self->session_.refuse(rtmp::Refusal::bad_name, reason);
        else
            self->session_.notify_kicked(rtmp::Refusal::bad_name, reason);
        self->part_ways(LogLevel::info, "closed: " + reason);
    });
}

void RtmpConnection::on_tag(flv::Tag &&tag) {
    if (role_ != Role::publisher) return;
    heard_ms_ = steady_ms();
    if (!mount_->deliver(*this, std::move(tag))) paused_ = true;
}

void RtmpConnection::resume() {
    asio::post(context(), [self = shared_from_this()] {
        if (self->role_ != Role::publisher) return;
        self->paused_ = false;
        self->heard_ms_ = steady_ms(); // it was not listened to
        self->read();
    });
}

void RtmpConnection::ask_receiver() {
    asio::post(context(), [self = shared_from_this()] {
        if (self->closed_ || self->role_ != Role::publish_pending || self->admission_.is_open())
            return;
        self->ask_again(self->mount_->slot.authority(), [connection = self.get()] {
            if (connection->mount_->slot.announce(connection)) connection->accept_publish();
        });
    });
}

} // namespace penstock::net

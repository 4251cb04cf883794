// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/rtc/publisher.h"

#include "core/net/loop/clock.h"
#include "core/net/stream/same_key.h"
#include "core/rtc/policy.h"

#include <boost/asio/post.hpp>

#include <utility>

namespace penstock::net {
namespace {

namespace asio = boost::asio;

} // namespace

RtcPublisher::RtcPublisher(std::shared_ptr<RtcState> state, size_t loop, PeerInfo peer, Seats seats)
    : RtcSession(std::move(state), loop, std::move(peer), std::move(seats)),
      name_(peer_.id + " " + peer_.address), key_(peer_.key),
      is_backup_(query_value(peer_.query, "backup") == "1") {
}

// --- admission ----------------------------------------------------------------------------

bool RtcPublisher::has_key(std::string_view key) const {
    return key.empty() || same_key(key_, key);
}

bool RtcPublisher::may_publish(const std::string &path,
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
        refuse(401, wrong_key_text);
        return false;
    }
    return true;
}

void RtcPublisher::refuse_name() {
    std::string advice;
    for (const std::string &path : state_->rules->publish_examples())
        if (path.ends_with("/whip")) advice += (advice.empty() ? ": publish to /" : " or /") + path;
    refuse(404, "Nothing here takes a stream of this name" + advice + ".");
}

void RtcPublisher::admit() {
    std::shared_ptr<const LeaseOptions> lease;
    if (!may_publish(peer_.path, lease)) return;
    const auto mount = state_->mount(peer_.path, false);
    const auto admitted = [this, lease] {
        const std::string given = admission_.new_path();
        if (given.empty() || given == peer_.path) return admit_publish(peer_.path, lease);
        publish_as(given);
    };
    const auto done = [weak = weak_from_this(), admitted](bool allowed, const std::string &reason) {
        const auto self = std::static_pointer_cast<RtcPublisher>(weak.lock());
        if (!self || self->ended_) return;
        if (allowed) return admitted();
        self->say(LogLevel::debug, reason);
        self->refuse(403, "Not allowed.");
    };
    if (admission_.ask(context().get_executor(), state_->rules->watches(),
                       mount && mount->slot.is_claimed() ? mount->slot.authority() : Authority(),
                       peer_, done))
        admitted();
}

/// Publishes under the new path; the requested one may be a stream key and appears nowhere.
void RtcPublisher::publish_as(const std::string &path) {
    peer_.path = is_safe_path(path) ? path : "a path given by its authorizer";
    if (!is_safe_path(path)) return refuse(500, "The path given by the authorizer is not legal.");
    std::shared_ptr<const LeaseOptions> lease;
    if (may_publish(path, lease)) admit_publish(path, lease);
}

void RtcPublisher::admit_publish(const std::string &path,
                                 const std::shared_ptr<const LeaseOptions> &lease) {
    // An offer that can't be answered takes no name, and starts nothing.
    if (!prepare_answer(rtc::publish_policy())) return;
    mount_ = state_->mount(path, true);
    deadline_ms_ = steady_ms() + state_->limits.claim_ms;
    switch (mount_->slot.publish(self<RtcPublisher>(), admission_.epoch())) {
    case PublishSlot::Verdict::busy:
        return refuse(409, "This name is being published already.");
    case PublishSlot::Verdict::wrong_key:
        return refuse(401, wrong_key_text);
    case PublishSlot::Verdict::accepted:
        return accept_publish();
    case PublishSlot::Verdict::ask:
        return ask_receiver();
    case PublishSlot::Verdict::waits_for_claim:
        if (!lease) return refuse_name(); // its receiver went a moment ago
        say(LogLevel::debug, "waits for a pipeline");
        lease->on_publish({mount_->path(), name_});
        return;
    }
}

void RtcPublisher::accept_publish() {
    asio::post(context(), [self = self<RtcPublisher>()] {
        if (self->ended_ || self->publishes_ || !self->mount_->slot.is_announced(self.get()))
            return;
        self->publishes_ = true;
        self->heard_ms_ = steady_ms();
        self->say(LogLevel::info, "publishes (" + self->peer_.client + ")");
        self->admission_.enter(self->peer_);
        self->begin_media();
        self->send_answer();
    });
}

void RtcPublisher::ask_receiver() {
    asio::post(context(), [self = self<RtcPublisher>()] {
        if (self->ended_ || self->publishes_ || self->admission_.is_open()) return;
        const auto announce = [publisher = self.get()] {
            if (publisher->mount_->slot.announce(publisher)) publisher->accept_publish();
        };
        const auto done = [weak = self->weak_from_this(), announce](bool allowed,
                                                                    const std::string &reason) {
            const auto asked = std::static_pointer_cast<RtcPublisher>(weak.lock());
            if (!asked || asked->ended_) return;
            if (allowed) return announce();
            asked->say(LogLevel::debug, reason);
            asked->refuse(403, "Not allowed.");
        };
        if (self->admission_.ask_again(self->context().get_executor(),
                                       self->mount_->slot.authority(), self->peer_, done))
            announce();
    });
}

void RtcPublisher::refuse_publish(const std::string &reason) {
    asio::post(context(), [self = self<RtcPublisher>(), reason] {
        if (self->ended_ || self->publishes_ || self->mount_->slot.has(self.get())) return;
        self->refuse(503, reason);
    });
}

void RtcPublisher::give_way(const std::string &reason) {
    asio::post(context(), [self = self<RtcPublisher>(), reason] {
        if (self->ended_ || self->mount_->slot.has(self.get())) return;
        if (self->publishes_) return self->close_now(LogLevel::info, "closed: " + reason);
        self->refuse(409, reason);
    });
}

// --- media --------------------------------------------------------------------------------

void RtcPublisher::begin_media() {
    rtc::Ingest::Options options;
    options.ssrc = static_cast<uint32_t>(secure_random() & 0x7FFF'FFFF) | 1;
    options.cname = random_name(16);
    ingest_ = std::make_unique<rtc::Ingest>(offer(), answer(), options, *this,
                                            static_cast<int64_t>(steady_ns()));
}

void RtcPublisher::on_connected() {
    heard_ms_ = steady_ms();
    keyframe_at_ = steady_ns();
    say(LogLevel::debug, "is connected");
    state_->port->tick(shared_from_this());
}

void RtcPublisher::on_rtp(std::span<uint8_t> packet, uint64_t now) {
    if (ingest_) ingest_->on_rtp(packet, static_cast<int64_t>(now));
}

void RtcPublisher::on_rtcp(std::span<const uint8_t> compound, uint64_t now) {
    if (!ingest_) return;
    ingest_->on_rtcp(compound, static_cast<int64_t>(now));
    if (ingest_->has_ended()) close_now(LogLevel::info, "disconnected: it has left");
}

bool RtcPublisher::tick_media(uint64_t now) {
    if (!ingest_ || !is_connected()) return false;
    // Browsers make keyframes only when they are asked for, but viewers join at them.
    const uint64_t interval = mount_->slot.keyframe_interval();
    if (interval != 0 && now - keyframe_at_ >= interval) {
        keyframe_at_ = now;
        ingest_->request_keyframe(static_cast<int64_t>(now));
    }
    const auto due = ingest_->deadline();
    if (due && *due <= static_cast<int64_t>(now)) ingest_->check(static_cast<int64_t>(now));
    return true;
}

void RtcPublisher::on_tag(flv::Tag &&tag) {
    if (ended_) return;
    heard_ms_ = steady_ms();
    if (tag.kind == flv::TagKind::keyframe) keyframe_at_ = steady_ns();
    const bool is_frame = tag.kind == flv::TagKind::keyframe || tag.kind == flv::TagKind::frame;
    if (is_full_ && tag.kind != flv::TagKind::config) {
        lacks_keyframe_ = lacks_keyframe_ || is_frame;
        return;
    }
    if (lacks_keyframe_ && is_frame) {
        if (tag.kind != flv::TagKind::keyframe) return;
        lacks_keyframe_ = false;
    }
    if (!mount_->deliver(*this, std::move(tag))) is_full_ = true;
}

void RtcPublisher::resume() {
    asio::post(context(), [self = self<RtcPublisher>()] {
        if (self->ended_ || !std::exchange(self->is_full_, false)) return;
        if (self->lacks_keyframe_ && self->ingest_)
            self->ingest_->request_keyframe(static_cast<int64_t>(steady_ns()));
    });
}

bool RtcPublisher::want_keyframe() {
    asio::post(context(), [self = self<RtcPublisher>()] {
        if (!self->ended_ && self->ingest_)
            self->ingest_->request_keyframe(static_cast<int64_t>(steady_ns()));
    });
    return true;
}

void RtcPublisher::check(uint64_t now_ms) {
    RtcSession::check(now_ms);
    if (ended_ || !publishes_) return;
    if (admission_.is_over(now_ms))
        return close_now(LogLevel::info, "closed: its permission has ended");
    const uint64_t silence_ms = ms_of(mount_->slot.silence_timeout());
    if (silence_ms != 0 && now_ms - heard_ms_ > silence_ms)
        close_now(LogLevel::warning, "closed: has sent no media for " + time_text(silence_ms));
}

void RtcPublisher::on_closed(const std::string &reason) {
    if (mount_) mount_->slot.unpublish(this, reason);
}

} // namespace penstock::net

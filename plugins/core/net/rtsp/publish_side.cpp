// SPDX-License-Identifier: LGPL-2.1-or-later
// An RTSP peer that publishes: its key, its admission, and the hand-over to a receiver.
#include "core/net/loop/clock.h"
#include "core/net/rtsp/connection.h"
#include "core/net/rtsp/state.h"
#include "core/net/stream/same_key.h"

#include <boost/asio/post.hpp>

#include <utility>

namespace penstock::net {
namespace {

namespace asio = boost::asio;

constexpr const char *wrong_key_text = "wrong or missing key: publish to NAME?key=…, or give it as "
                                       "password";
/// Tags that wait because the receiver's queue is full; a packet completes few.
constexpr size_t max_waiting_tags = 64;

} // namespace

void RtspConnection::on_announce(const rtsp::Request &request, const rtsp::Target &target) {
    if (role_ != Role::none || mount_) return session_.refuse(455);
    rtsp::Credentials given;
    if (!read_credentials(request, target, given)) return;
    rename("rtsp-publish");
    request_.publish = true;
    if (!is_safe_path(target.path)) {
        request_.path = "a path that is not legal";
        return refuse(404, "letters, digits and ._~- only, as in live/cam");
    }
    Publication::Owner &owner = *this;
    auto publication = std::make_unique<Publication>(loops_, loop_, peer_, local_, owner);
    if (const Result result = publication->announce(request.body); !result.is_ok())
        return refuse(415, result.reason());
    publication_ = std::move(publication);
    is_backup_ = query_value(target.query, "backup") == "1";
    std::shared_ptr<const LeaseOptions> lease;
    if (!may_publish(target.path, lease, given, request)) return;
    const auto mount = state_->mount(target.path, false);
    ask(mount && mount->slot.is_claimed() ? mount->slot.authority() : Authority(),
        [this, path = target.path, lease] {
            const std::string new_path = admission_.new_path();
            if (new_path.empty() || new_path == path) return admit_publish(path, lease);
            publish_as(new_path);
        });
}

/// Whether somebody takes a stream of this path, and the publisher has its key; refuses it
/// otherwise. A digest proves a key that is known here.
bool RtspConnection::may_publish(const std::string &path,
                                 std::shared_ptr<const LeaseOptions> &lease,
                                 const rtsp::Credentials &given, const rtsp::Request &request) {
    const auto mount = state_->mount(path, false);
    lease = state_->rules->lease_for(path);
    const bool claimed = mount && mount->slot.is_claimed();
    if (!claimed && !lease) {
        refuse_name();
        return false;
    }
    const std::string key = claimed ? mount->slot.key() : std::string();
    for (const std::string *wanted : {&key, lease ? &lease->publish_key : &key}) {
        if (!wanted->empty() && given.kind == rtsp::Credentials::Kind::digest && !is_stale_ &&
            authentication_.is_right(given, request, *wanted))
            request_.key = *wanted;
        if (has_key(*wanted)) continue;
        challenge(wrong_key_text, true);
        return false;
    }
    return true;
}

/// Publishes under the new path; the requested one may be a stream key and appears nowhere.
void RtspConnection::publish_as(const std::string &path) {
    request_.path = is_safe_path(path) ? path : "a path given by its authorizer";
    if (!is_safe_path(path))
        return refuse(500, "that path is not legal: use letters, digits and ._~-");
    std::shared_ptr<const LeaseOptions> lease;
    if (may_publish(path, lease, {}, {})) admit_publish(path, lease);
}

void RtspConnection::refuse_name() {
    const std::string advice = state_->publish_advice();
    // Publishers come back to a server that ends: no fault of theirs.
    if (advice.empty() && state_->has_had_rules)
        return refuse(503, "this server takes no more streams", LogLevel::info);
    refuse(404, "nothing here takes a stream of this name" + (advice.empty() ? "" : ": " + advice));
}

void RtspConnection::admit_publish(const std::string &path,
                                   const std::shared_ptr<const LeaseOptions> &lease) {
    if (lease) state_->has_had_rules = true;
    mount_ = state_->mount(path, true);
    role_ = Role::publish_pending;
    const auto give_up = [this](unsigned status, const std::string &text) {
        mount_.reset();
        role_ = Role::none;
        refuse(status, text);
    };
    switch (mount_->slot.publish(shared_from_this(), admission_.epoch())) {
    case PublishSlot::Verdict::busy:
        return give_up(403, "this name is being published already");
    case PublishSlot::Verdict::wrong_key:
        return give_up(403, wrong_key_text);
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

bool RtspConnection::has_key(std::string_view key) const {
    return key.empty() || same_key(request_.key, key);
}

void RtspConnection::accept_publish() {
    asio::post(context(), [self = shared_from_this()] {
        // The peer may have ended that publish and begun another meanwhile.
        if (self->closed_ || self->role_ != Role::publish_pending ||
            !self->mount_->slot.is_announced(self.get()))
            return;
        self->role_ = Role::publisher;
        self->settle();
        self->media_ms_ = steady_ms();
        self->deadline_ms_ = self->media_ms_ + self->state_->limits.request_ms;
        self->say(LogLevel::info, "publishes (" + self->session_.client_name() + ")");
        self->admission_.enter(self->peer_info());
        self->session_.accept_announce(self->publication_->controls());
        self->answer();
        self->go_on();
    });
}

void RtspConnection::refuse_publish(const std::string &reason) {
    asio::post(context(), [self = shared_from_this(), reason] {
        if (self->closed_ || self->role_ != Role::publish_pending ||
            self->mount_->slot.has(self.get()))
            return;
        self->refuse(503, reason);
        self->leave("refused");
        self->answer();
        self->go_on();
    });
}

void RtspConnection::give_way(const std::string &reason) {
    asio::post(context(), [self = shared_from_this(), reason] {
        const bool is_pending = self->role_ == Role::publish_pending;
        if (self->closed_ || (!is_pending && self->role_ != Role::publisher)) return;
        // The peer may have ended that publish and begun another meanwhile.
        if (self->mount_->slot.has(self.get())) return;
        self->close_now(LogLevel::info, "closed: " + reason);
    });
}

void RtspConnection::ask_receiver() {
    asio::post(context(), [self = shared_from_this()] {
        if (self->closed_ || self->role_ != Role::publish_pending || self->admission_.is_open())
            return;
        const auto announce = [connection = self.get()] {
            if (connection->mount_->slot.announce(connection)) connection->accept_publish();
        };
        self->ask_again(self->mount_->slot.authority(), announce);
    });
}

// --- its session --------------------------------------------------------------------------

void RtspConnection::set_up_publisher(size_t stream,
                                      const std::vector<rtsp::Transport> &transports) {
    rtsp::Transport chosen;
    const bool with_udp = state_->options.udp && !stream_.is_encrypted();
    if (role_ != Role::publisher) return session_.refuse(455);
    if (!publication_->set_up(stream, transports, with_udp, chosen)) return session_.refuse(461);
    deadline_ms_ = steady_ms() + state_->limits.request_ms;
    session_.accept_setup(chosen);
}

void RtspConnection::on_record(const rtsp::Request &) {
    if (role_ != Role::publisher || !publication_->has_tracks()) return session_.refuse(455);
    deadline_ms_ = 0;
    media_ms_ = steady_ms();
    publication_->begin();
    session_.accept_record();
}

// --- its media ----------------------------------------------------------------------------

void RtspConnection::on_published_tag(flv::Tag &&tag) {
    if (role_ != Role::publisher || closed_) return;
    media_ms_ = steady_ms();
    const bool is_video = tag.type == flv::TagType::video && tag.kind != flv::TagKind::config;
    if (lacks_keyframe_ && is_video) {
        if (tag.kind != flv::TagKind::keyframe) return;
        lacks_keyframe_ = false;
    }
    if (is_held_) {
        if (waiting_tags_.size() < max_waiting_tags)
            waiting_tags_.push_back(std::move(tag));
        else
            lacks_keyframe_ = lacks_keyframe_ || is_video;
        return;
    }
    if (!mount_->deliver(*this, std::move(tag))) is_held_ = true;
}

void RtspConnection::resume() {
    asio::post(context(), [self = shared_from_this()] {
        if (self->closed_ || self->role_ != Role::publisher || !self->is_held_) return;
        self->is_held_ = false;
        self->media_ms_ = steady_ms(); // it was not listened to
        while (!self->is_held_ && !self->waiting_tags_.empty()) {
            flv::Tag tag = std::move(self->waiting_tags_.front());
            self->waiting_tags_.pop_front();
            if (!self->mount_->deliver(*self, std::move(tag))) self->is_held_ = true;
        }
        if (!self->is_held_) self->go_on();
    });
}

void RtspConnection::send_report(uint8_t channel, ByteView compound) {
    std::vector<uint8_t> bytes(rtsp::frame_head_size + compound.size());
    const auto head = rtsp::frame_head(channel, static_cast<uint16_t>(compound.size()));
    std::copy(head.begin(), head.end(), bytes.begin());
    std::copy(compound.begin(), compound.end(), bytes.begin() + rtsp::frame_head_size);
    outlet_.push(fanout::private_packet(std::move(bytes)));
    if (!waiting_) pump_alone();
}

void RtspConnection::on_media_oddity(const std::string &text) {
    say(LogLevel::warning, text);
}

void RtspConnection::check_publisher(uint64_t now_ms) {
    if (session_.state() != rtsp::ServerSession::State::recording) return;
    publication_->check();
    if (closed_) return;
    if (publication_->has_ended()) return close_now(LogLevel::info, "disconnected: it has left");
    const uint64_t limit_ms = ms_of(mount_->slot.silence_timeout());
    // Reading is held back only when the receiver's queue is full: then the peer is not silent.
    if (limit_ms != 0 && !is_held_ && now_ms - media_ms_ > limit_ms)
        close_now(LogLevel::warning, "closed: sent no media for " + time_text(limit_ms));
}

} // namespace penstock::net

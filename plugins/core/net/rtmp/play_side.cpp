// SPDX-License-Identifier: LGPL-2.1-or-later
// An RTMP peer that plays: what it may play, and how it waits for a stream that is not there yet.
#include "core/flv/enhanced.h"
#include "core/net/loop/clock.h"
#include "core/net/rtmp/connection.h"
#include "core/net/rtmp/state.h"

#include <boost/asio/post.hpp>

#include <utility>

namespace penstock::net {

namespace asio = boost::asio;

bool RtmpConnection::is_known(const std::string &path) const {
    const auto mount = state_->mount(path, false);
    return (mount && (mount->has_feed() || mount->slot.is_claimed())) ||
           state_->rules->demand_for(path) || state_->rules->lease_for(path);
}

void RtmpConnection::begin_play(const rtmp::StreamRequest &request) {
    rename("rtmp-play");
    if (!is_known(request.path)) return refuse_unknown(request.path);
    const auto mount = state_->mount(request.path, false);
    ask(mount ? mount->authority() : Authority(),
        [this, path = request.path] { admit_play(path); });
}

/// Called after the admission, before which nothing may be started for the player.
void RtmpConnection::admit_play(const std::string &path) {
    const auto mount = state_->mount(path, false);
    const auto demand = state_->rules->demand_for(path);
    const bool is_asked = demand && !demand->is_ready(path);
    const bool is_claimed = mount && mount->slot.is_claimed();
    // A stream that never had media may never have any: the rule knows.
    const bool may_be_empty = is_asked && mount && mount->media_at_ms() == 0;
    if (is_claimed || (mount && mount->has_feed() && !may_be_empty)) return play(path);
    if (is_asked)
        return ask_to_play(path, *demand);
    else if (demand || state_->rules->lease_for(path))
        return play(path);
    refuse_unknown(path);
}

void RtmpConnection::refuse_play(const std::string &path, const std::string &reason) {
    say(LogLevel::warning, "refused to play " + path + ": " + reason);
    deadline_ms_ = steady_ms() + state_->limits.handshake_ms;
    session_.refuse(rtmp::Refusal::not_found, reason);
}

void RtmpConnection::refuse_unknown(const std::string &path) {
    const std::string advice = state_->play_advice();
    refuse_play(path, "no such stream" + (advice.empty() ? "" : ": " + advice));
}

/// The stream is made for the player: the answer comes when it is there, or will not be.
void RtmpConnection::ask_to_play(const std::string &path, const DemandOptions &demand) {
    role_ = Role::play_pending;
    deadline_ms_ = steady_ms() + state_->limits.handshake_ms;
    demand.on_demand(path, [weak = weak_from_this(), path,
                            number = requests_](bool go_on, const std::string &reason) {
        const auto asking = weak.lock();
        if (!asking) return;
        asio::post(asking->context(), [asking, path, number, go_on, reason] {
            if (asking->closed_ || asking->role_ != Role::play_pending) return;
            if (asking->requests_ != number) return; // it has asked for something else meanwhile
            asking->role_ = Role::none;
            if (go_on)
                asking->play(path);
            else
                asking->refuse_play(path, reason);
            asking->answer();
        });
    });
}

void RtmpConnection::play(const std::string &path) {
    const auto mount = state_->mount(path, true);
    if (const std::string lack = lacking_codec(*mount); !lack.empty()) {
        say(LogLevel::warning, "refused to play " + path + ": " + lack);
        deadline_ms_ = steady_ms() + state_->limits.handshake_ms;
        return session_.refuse(rtmp::Refusal::failed, lack);
    }
    if (!mount->has_feed() && !(seat_ = state_->waiting->enter(endpoint_)))
        return refuse_play(path, "too many players wait for streams already");
    mount_ = mount;
    role_ = Role::player;
    silent_.reset();
    takes_ = features();
    deadline_ms_ = 0;
    join(mount, socket_);
    say(LogLevel::info, "plays (" + session_.client_name() + ")");
    admission_.enter(peer_info());
    session_.accept();
}

/// The forms that are sent to it: colours and layouts to everyone, what it announced otherwise.
uint8_t RtmpConnection::features() const {
    const rtmp::Capabilities &known = session_.capabilities();
    uint8_t takes = flv::feature::description;
    if (known.has(rtmp::caps_ex::multitrack)) takes |= flv::feature::multitrack;
    if (known.has(rtmp::caps_ex::mod_ex)) takes |= flv::feature::mod_ex;
    return takes;
}

std::string RtmpConnection::lacking_codec(const RtmpMount &mount) const {
    if (!mount.has_feed()) return {}; // the codecs are those of an earlier producer
    for (const auto type : {flv::TagType::video, flv::TagType::audio}) {
        const uint32_t codec = mount.codec(type);
        if (session_.capabilities().receives(type, codec)) continue;
        return std::string("The stream's ") + (type == flv::TagType::video ? "video" : "audio") +
               " is " + flv::codec_name(codec) +
               ", which is not among the codecs that the player announced";
    }
    return {};
}

/// A player may be here before the producer, or have stayed from the one before: the producer's
/// watcher decides about it as about those that come later.
bool RtmpConnection::is_admitted() {
    if (!lacking_codec(*mount_).empty()) return false; // check() ends it
    if (mount_->epoch() == admission_.epoch()) return true;
    if (admission_.is_open()) return false;
    ask_again(mount_->authority(), [] {});
    return mount_->epoch() == admission_.epoch();
}

} // namespace penstock::net

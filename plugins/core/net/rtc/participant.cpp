// SPDX-License-Identifier: LGPL-2.1-or-later
// How a participant comes in and leaves, and what it says and is told.
#include "core/net/rtc/participant.h"

#include "core/http/target.h"
#include "core/net/loop/clock.h"
#include "core/net/stream/same_key.h"
#include "core/rtc/room/join_policy.h"

#include <boost/asio/post.hpp>

#include <utility>

namespace penstock::net {
namespace {

namespace asio = boost::asio;
using rtc::room::SourceKind;

constexpr const char *channel_label = "room";
/// Texts that wait for the channel, which itself takes a megabyte.
constexpr size_t most_texts = 200;
/// Who is removed is told so, and has to read it; ns.
constexpr uint64_t removal_delay = 300'000'000;
constexpr const char *full_text = "The room is full.";
constexpr const char *no_room_text = "There is no such room.";

} // namespace

RtcParticipant::RtcParticipant(std::shared_ptr<RtcState> state, size_t loop, PeerInfo peer,
                               Seats seats)
    : RtcSession(std::move(state), loop, std::move(peer), std::move(seats)) {
}

// --- admission ----------------------------------------------------------------------------

/// Either key may be a host's or the rule's: the bearer token, or that in the URL.
bool RtcParticipant::gives(const std::string &key) const {
    return !key.empty() &&
           (same_key(peer_.key, key) || same_key(query_value(peer_.query, "key"), key));
}

/// False: it is refused. The key of a rule holds for all who join its rooms; of one that is open,
/// the hosts' is as good.
bool RtcParticipant::may_join(const std::string &path) {
    const auto room = state_->rooms->find(path);
    const auto lease = state_->rules->lease_for(path);
    if (!room && !lease) {
        refuse(404, no_room_text);
        return false;
    }
    if (!lease || lease->publish_key.empty() || gives(lease->publish_key) ||
        (room && gives(room->options().host_key)))
        return true;
    refuse(401, wrong_key_text);
    return false;
}

void RtcParticipant::admit() {
    if (!may_join(peer_.path)) return;
    const auto done = [weak = weak_from_this()](bool allowed, const std::string &reason) {
        const auto self = std::static_pointer_cast<RtcParticipant>(weak.lock());
        if (!self || self->ended_) return;
        if (allowed) return self->admit_join();
        self->say(LogLevel::debug, reason);
        self->refuse(403, "Not allowed.");
    };
    if (admission_.ask(context().get_executor(), state_->rules->watches(), {}, peer_, done))
        admit_join();
}

/// Called after the admission, before which nothing may be started. A path that this gave appears
/// in place of the requested one, which may be a secret.
void RtcParticipant::admit_join() {
    const std::string given = admission_.new_path();
    if (given.empty() || given == peer_.path) return find_room();
    const bool is_legal = is_safe_path(given) && is_room_path(given);
    peer_.path = is_legal ? given : "a path given by its authorizer";
    if (!is_legal)
        return refuse(500, "The path given by the authorizer is not that of a room, as "
                           "room/NAME/join is.");
    if (may_join(given)) find_room();
}

void RtcParticipant::find_room() {
    if (const auto room = state_->rooms->find(peer_.path)) return enter(room);
    const auto lease = state_->rules->lease_for(peer_.path);
    if (!lease) return refuse(404, no_room_text);
    deadline_ms_ = steady_ms() + state_->limits.claim_ms;
    late_ = "The room did not open in time; the server's log may say why.";
    const auto then = [weak = weak_from_this()](const std::shared_ptr<RtcRoom> &room,
                                                const std::string &reason) {
        const auto self = std::static_pointer_cast<RtcParticipant>(weak.lock());
        if (!self) return;
        asio::post(self->context(), [self, room, reason] {
            if (self->ended_ || self->is_answered()) return;
            if (room) return self->enter(room);
            self->refuse(503, reason, 2);
        });
    };
    if (!state_->rooms->wait(peer_.path, weak_from_this(), then))
        return refuse(503, "Too many wait for this room; try again.", 2);
    say(LogLevel::debug, "waits for its room");
    tell_rule(lease);
}

void RtcParticipant::tell_rule(const std::shared_ptr<const LeaseOptions> &lease) const {
    if (lease) lease->on_publish({peer_.path, peer_.id + " " + peer_.address});
}

void RtcParticipant::enter(const std::shared_ptr<RtcRoom> &room) {
    if (room->is_full()) return refuse(503, full_text, 10);
    rtc::room::JoinPolicy wishes;
    wishes.video = room->options().is_h264 ? rtc::Codec::avc : rtc::Codec::vp8;
    wishes.video_slots = room->options().last_n;
    wishes.cname = random_name(16);
    wishes.make_ssrc = [] { return static_cast<uint32_t>(secure_random() & 0x7FFF'FFFF) | 1; };
    const sdp::AnswerPolicy policy = make_join_policy(wishes);
    if (!prepare_answer(policy)) return;
    room_ = room;
    const auto now = static_cast<int64_t>(steady_ns());
    rtc::room::Upstream::Options up;
    up.ssrc = wishes.make_ssrc();
    up.cname = wishes.cname;
    rtc::room::Upstream::Handler &above = *this;
    upstream_ = std::make_unique<rtc::room::Upstream>(offer(), answer(), up, above, now);
    rtc::room::Downstream::Options down;
    down.last_n = room->options().last_n;
    down.cname = wishes.cname;
    rtc::room::Downstream::Handler &below = *this;
    downstream_ = std::make_unique<rtc::room::Downstream>(
        rtc::room::slots_of(policy, answer()), down, below, [] { return secure_random(); }, now);
    send_answer();
}

size_t RtcParticipant::max_sent_streams() const {
    return 2 * rtc::room::most_video_slots + rtc::room::most_audio_slots;
}

void RtcParticipant::on_connected() {
    RtcRoom::Joining who;
    who.loop = home_;
    for (const auto &track : upstream_->tracks())
        who.layers[size_t(track.kind)] = track.layers.size();
    who.name = http::query_parameter(peer_.query, "name").value_or("");
    who.is_host = gives(room_->options().host_key);
    who.is_sealed = http::query_parameter(peer_.query, "encrypted") == "1";
    const RtcRoom::Joined joined = room_->join(who);
    if (joined.number == 0)
        return close_now(LogLevel::info, room_->is_closed() ? "the room has closed" : full_text);
    number_ = joined.number;
    tracks_ = joined.tracks;
    say(LogLevel::info, "joins as " + rtc::room::Room::id_of(number_) + " (" + peer_.client + ")");
    admission_.enter(peer_);
    // Its rule's pipeline may be none of those that hold the room open, or be ending.
    tell_rule(state_->rules->lease_for(peer_.path));
    if (who.is_sealed) {
        if (room_->is_tapped())
            say(LogLevel::warning, "encrypts end to end: the mix or the recording of its room has "
                                   "nothing of it");
    } else {
        taps_ = std::make_unique<ParticipantTaps>(
            room_, number_, *upstream_,
            [this](SourceKind kind, uint8_t layer) { upstream_->request_keyframe(kind, layer); });
        taps_->set_tracks(tracks_);
    }
    side().add(self<RtcParticipant>());
    state_->port->tick(shared_from_this());
}

void RtcParticipant::check(uint64_t now_ms) {
    RtcSession::check(now_ms);
    if (ended_ || number_ == 0) return;
    if (admission_.is_over(now_ms)) close_now(LogLevel::info, "closed: its permission has ended");
}

void RtcParticipant::on_removed(const std::string &reason) {
    if (removal_at_ != 0) return;
    removal_at_ = steady_ns() + removal_delay;
    removal_ = reason;
}

void RtcParticipant::on_closed(const std::string &) {
    if (number_ == 0) return;
    taps_.reset();
    downstream_->release();
    leaving_.clear();
    side().remove(*this);
    room_->leave(number_);
}

// --- texts --------------------------------------------------------------------------------

void RtcParticipant::on_channel_open(uint16_t id, const std::string &label) {
    if (label != channel_label || channel_ || number_ == 0) return;
    channel_ = id;
    room_->welcome(number_, max_channel_text());
    tell_slots();
}

void RtcParticipant::on_channel_closed(uint16_t id) {
    if (channel_ == id) channel_.reset();
}

void RtcParticipant::on_channel_text(uint16_t id, std::string_view text) {
    if (channel_ != id || number_ == 0) return;
    const auto view = room_->take_text(number_, text);
    if (view && downstream_->set_view(*view, room_->numbers_of(view->pinned))) tell_slots();
}

void RtcParticipant::on_text(const std::string &text) {
    if (!channel_ || has_lost_texts_) return;
    if (text.size() > max_channel_text()) // it would block those behind it for good
        return say(LogLevel::debug, "takes no text of " + std::to_string(text.size()) + " bytes");
    if (texts_.empty() && send_channel_text(*channel_, text)) return;
    texts_.push_back(text);
    if (texts_.size() <= most_texts) return;
    // It reads too slowly; once it reads again, it is told anew how things are.
    texts_.clear();
    has_lost_texts_ = true;
}

void RtcParticipant::flush_texts() {
    if (!channel_) return texts_.clear();
    while (!texts_.empty() && send_channel_text(*channel_, texts_.front()))
        texts_.pop_front();
    if (!has_lost_texts_ || !texts_.empty()) return;
    has_lost_texts_ = false;
    room_->welcome(number_, max_channel_text());
    tell_slots();
}

void RtcParticipant::on_scene(const std::shared_ptr<const RoomScene> &scene) {
    scene_ = scene;
    if (downstream_->set_scene(scene->tracks, number_)) tell_slots();
}

void RtcParticipant::tell_slots() {
    std::map<std::string, rtc::room::SlotShows> slots;
    for (const auto &[mid, track] : downstream_->shown())
        slots[mid] = {rtc::room::Room::id_of(track.participant), track.kind};
    on_text(rtc::room::write_slots(slots));
}

} // namespace penstock::net

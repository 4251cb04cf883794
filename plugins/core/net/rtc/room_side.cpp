// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/rtc/room_side.h"

#include "core/net/loop/clock.h"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <utility>

namespace penstock::net {

namespace asio = boost::asio;
using rtc::room::MediaPacketPtr;

// --- from other loops ---------------------------------------------------------------------

/// With mutex_ held.
void RoomSide::schedule() {
    if (std::exchange(is_scheduled_, true)) return;
    asio::post(loops_->at(loop_), [self = shared_from_this()] { self->drain(); });
}

void RoomSide::put(const RoomTrackPtr &track, MediaPacketPtr packet) {
    const bool is_video = rtc::room::is_video(track->kind);
    std::lock_guard lock(mutex_);
    if (waiting_ >= (is_video ? most_video : most_packets)) {
        dropped_.fetch_add(1, std::memory_order_relaxed);
        if (!is_video) return;
        // Told once, in its place: what comes behind it is of no use up to a keyframe.
        if (box_.lost.insert(track->number).second) {
            box_.packets.push_back({track, nullptr});
            ++waiting_;
        }
        return schedule();
    }
    if (is_video) box_.lost.erase(track->number);
    box_.packets.push_back({track, std::move(packet)});
    ++waiting_;
    schedule();
}

void RoomSide::put(const rtc::room::Room::Text &text) {
    std::lock_guard lock(mutex_);
    if (box_.texts.size() >= most_texts) {
        // Who was not told of everything is told anew how things are.
        box_.texts.clear();
        box_.has_lost_texts = true;
    }
    if (!box_.has_lost_texts) box_.texts.push_back(text);
    schedule();
}

void RoomSide::put(std::shared_ptr<const RoomScene> scene) {
    std::lock_guard lock(mutex_);
    box_.scene = std::move(scene);
    schedule();
}

void RoomSide::put_removal(uint32_t participant, std::string reason) {
    std::lock_guard lock(mutex_);
    box_.removals.emplace_back(participant, std::move(reason));
    schedule();
}

// --- on its loop --------------------------------------------------------------------------

void RoomSide::drain() {
    Box box;
    {
        std::lock_guard lock(mutex_);
        std::swap(box.texts, box_.texts);
        std::swap(box.removals, box_.removals);
        std::swap(box.scene, box_.scene);
        box.has_lost_texts = std::exchange(box_.has_lost_texts, false);
        if (at_ == in_hand_.size()) {
            waiting_ -= in_hand_.size();
            in_hand_.clear();
            at_ = 0;
            std::swap(in_hand_, box_.packets);
            box_.lost.clear();
        }
    }
    take_news(box);
    const int64_t now = static_cast<int64_t>(steady_ns());
    for (size_t i = 0; i < turn && at_ < in_hand_.size(); ++i, ++at_) {
        const Incoming incoming = std::move(in_hand_[at_]);
        if (incoming.packet) {
            deliver(*incoming.track, incoming.packet, now);
            continue;
        }
        const auto feed = feeds_.find(incoming.track->number);
        if (feed == feeds_.end()) continue;
        const auto listeners = feed->second.listeners;
        for (const auto &listener : listeners)
            listener.member->on_lost(incoming.track->number);
    }
    flush();
    std::lock_guard lock(mutex_);
    is_scheduled_ = false;
    const bool has_more = at_ < in_hand_.size() || !box_.packets.empty() || !box_.texts.empty() ||
                          !box_.removals.empty() || box_.scene || box_.has_lost_texts;
    if (has_more) return schedule();
    waiting_ -= in_hand_.size();
    in_hand_.clear();
    at_ = 0;
}

void RoomSide::take_news(Box &box) {
    // Members may end in a call.
    const auto members = members_;
    if (box.scene) {
        scene_ = box.scene;
        for (const auto &[number, member] : members)
            member->on_scene(scene_);
    }
    for (const auto &text : box.texts)
        for (const uint32_t number : text.to)
            if (const auto found = members.find(number); found != members.end())
                found->second->on_text(*text.text);
    if (box.has_lost_texts)
        for (const auto &[number, member] : members)
            welcome_(number);
    for (const auto &[number, reason] : box.removals)
        if (const auto found = members.find(number); found != members.end())
            found->second->on_removed(reason);
}

void RoomSide::add(const std::shared_ptr<RoomMember> &member) {
    members_[member->number()] = member;
    if (scene_) member->on_scene(scene_);
}

void RoomSide::remove(RoomMember &member) {
    members_.erase(member.number());
}

void RoomSide::set_interest(RoomMember &member, const RoomTrackPtr &track, uint8_t layer,
                            bool is_wanted) {
    Feed &feed = feeds_[track->number];
    if (!feed.track) feed.track = track;
    auto listener = std::find_if(feed.listeners.begin(), feed.listeners.end(),
                                 [&](const Feed::Listener &one) { return one.member == &member; });
    if (is_wanted) {
        if (listener == feed.listeners.end())
            listener = feed.listeners.insert(listener, {&member, 0});
        listener->layers |= 1u << layer;
        track->want(loop_, layer, true);
        return;
    }
    if (listener != feed.listeners.end()) {
        listener->layers &= ~(1u << layer);
        if (listener->layers == 0) feed.listeners.erase(listener);
        track->want(loop_, layer, false);
    }
    if (feed.listeners.empty()) feeds_.erase(track->number);
}

void RoomSide::deliver(const RoomTrack &track, const MediaPacketPtr &packet, int64_t now) {
    const auto found = feeds_.find(track.number);
    if (found == feeds_.end()) return;
    if (rtc::room::is_video(track.kind)) {
        auto &sent = found->second.sent[packet->layer];
        if (sent.empty()) sent.resize(history);
        sent[size_t(packet->sequence) & (history - 1)] = packet;
    }
    // Interest may change in a call, and with it the list.
    thread_local std::vector<RoomMember *> members;
    members.clear();
    for (const Feed::Listener &listener : found->second.listeners)
        if (listener.layers >> packet->layer & 1) members.push_back(listener.member);
    for (RoomMember *const member : members)
        member->on_packet(track.number, packet, now);
}

void RoomSide::flush_later(std::shared_ptr<RoomMember> member) {
    to_flush_.push_back(std::move(member));
    if (to_flush_.size() == 1)
        asio::post(loops_->at(loop_), [self = shared_from_this()] { self->flush(); });
}

void RoomSide::flush() {
    for (const auto &member : std::exchange(to_flush_, {}))
        member->flush();
}

MediaPacketPtr RoomSide::find(const rtc::room::Target &target, uint32_t epoch,
                              int64_t number) const {
    const auto feed = feeds_.find(target.track);
    if (feed == feeds_.end()) return nullptr;
    const auto &sent = feed->second.sent[target.layer];
    if (sent.empty()) return nullptr;
    const MediaPacketPtr &packet = sent[size_t(number) & (history - 1)];
    return packet && packet->epoch == epoch && packet->sequence == number ? packet : nullptr;
}

} // namespace penstock::net

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/srt/state.h"

#include "core/net/stream/mounts.h"
#include "core/net/stream/same_key.h"

#include <algorithm>
#include <utility>

#include <srt/access_control.h>
#include <srt/srt.h>

namespace penstock::net {

SrtState::SrtState(std::shared_ptr<Loops> loops, const SrtLimits &what_peers_may)
    : limits(what_peers_may), roster(std::make_shared<Roster>(loops, limits.connections)),
      waiting(std::make_shared<WaitingRoom>(limits.connections / 2, limits.waiting_per_host)),
      hosts(std::make_shared<WaitingRoom>(limits.connections, limits.connections_per_host)),
      blocked(std::make_shared<SrtBlocked>(loops)), loops_(std::move(loops)) {
}

std::shared_ptr<SrtMount> SrtState::mount(const std::string &path, bool create) const {
    const MountKey key{"srt", address, path};
    if (!create) return std::static_pointer_cast<SrtMount>(Mounts::instance().find(key));
    // A mount of an earlier server at this address that is still referenced has other loops.
    return Mounts::instance().find_or_make<SrtMount>(
        key, [&](const SrtMount &mount) { return mount.loops() == loops_; },
        [&] { return std::make_shared<SrtMount>(key, loops_); });
}

/// HOST is the name by which the peer knows this machine.
std::string SrtState::advice(const char *verb, const std::vector<std::string> &paths) const {
    std::string text;
    for (const std::string &path : paths)
        text += (text.empty() ? ": " : " or ") + std::string(verb) + ":" + path;
    return text.empty() ? text : text + " is the stream id";
}

SrtRefusal SrtState::judge(const srt::StreamId &id, const std::string &endpoint) const {
    if (roster->is_closing()) return {SRT_REJX_DOWN, "the server ends"};
    if (roster->is_full())
        return {SRT_REJX_OVERLOAD,
                std::to_string(limits.connections) + " connections are open already"};
    if (!hosts->has_room(endpoint))
        return {SRT_REJX_OVERLOAD, "its host has " + std::to_string(limits.connections_per_host) +
                                       " connections already"};
    if (id.mode == srt::Mode::request) return judge_viewer(id.path, endpoint);
    std::shared_ptr<const LeaseOptions> lease;
    if (SrtRefusal refusal = judge_publisher(id, lease); refusal.code != 0) return refusal;
    const auto mount = this->mount(id.path, false);
    if (mount && mount->slot.is_taken())
        return {SRT_REJX_CONFLICT, "the name is being published already"};
    return {};
}

SrtRefusal SrtState::judge_publisher(const srt::StreamId &id,
                                     std::shared_ptr<const LeaseOptions> &lease) const {
    const auto mount = this->mount(id.path, false);
    lease = rules->lease_for(id.path);
    const bool claimed = mount && mount->slot.is_claimed();
    if (!claimed && !lease)
        return {SRT_REJX_NOTFOUND, "nothing here takes a stream of this name" +
                                       advice("publish", rules->publish_examples())};
    const std::string of_receiver = claimed ? mount->slot.key() : std::string();
    for (const std::string *key : {&of_receiver, lease ? &lease->publish_key : &of_receiver})
        if (!key->empty() && !same_key(id.key, *key))
            return {SRT_REJX_UNAUTHORIZED, "wrong or missing key: publish:NAME:key=… or "
                                           "#!::r=NAME,m=publish,s=…"};
    return {};
}

SrtRefusal SrtState::judge_viewer(const std::string &path, const std::string &endpoint) const {
    const auto mount = this->mount(path, false);
    if (mount && mount->has_feed()) return {};
    if (!(mount && mount->slot.is_claimed()) && !rules->demand_for(path) && !rules->lease_for(path))
        return {SRT_REJX_NOTFOUND, "no such stream" + advice("read", rules->play_examples())};
    if (!waiting->has_room(endpoint))
        return {SRT_REJX_OVERLOAD, "too many viewers wait for streams already"};
    return {};
}

SrtTraits SrtState::traits(const std::string &path, bool publish) const {
    if (const auto mount = this->mount(path, false))
        if (auto traits = mount->traits(publish)) return *traits;
    std::lock_guard lock(mutex_);
    for (const SrtExpected &each : expected_)
        if (each.publish == publish && (!each.matches || each.matches(path))) return each.traits;
    return {};
}

void SrtState::note_handshake(int socket, std::string passphrase) {
    std::lock_guard lock(mutex_);
    // Those that failed are never taken. Between two looks at the listener no more can be whole
    // than it holds.
    if (handshakes_.size() >= 4 * size_t(limits.handshakes)) handshakes_.pop_front();
    handshakes_.push_back({socket, std::move(passphrase)});
}

std::optional<std::string> SrtState::take_handshake(int socket) {
    std::lock_guard lock(mutex_);
    const auto found =
        std::find_if(handshakes_.begin(), handshakes_.end(),
                     [socket](const Handshake &handshake) { return handshake.socket == socket; });
    if (found == handshakes_.end()) return std::nullopt;
    std::string passphrase = std::move(found->passphrase);
    handshakes_.erase(found);
    return passphrase;
}

std::shared_ptr<void> SrtState::expect(SrtExpected expected) {
    std::lock_guard lock(mutex_);
    expected_.push_back(std::move(expected));
    const auto entry = std::prev(expected_.end());
    return std::shared_ptr<void>(nullptr, [self = shared_from_this(), entry](void *) {
        std::lock_guard inner(self->mutex_);
        self->expected_.erase(entry);
    });
}

} // namespace penstock::net

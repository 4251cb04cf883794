// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/rtc/state.h"

#include "core/net/rtc/session.h"
#include "core/net/stream/mounts.h"

#include <utility>

namespace penstock::net {

RtcState::RtcState(Address http_address, RtcOptions asked_for, std::shared_ptr<RtcPort> udp_port,
                   std::shared_ptr<PathRules> http_rules)
    : http(std::move(http_address)), options(std::move(asked_for)), port(std::move(udp_port)),
      rules(std::move(http_rules)),
      roster(std::make_shared<Roster>(port->loops(), limits.sessions)),
      hosts(std::make_shared<WaitingRoom>(limits.sessions, limits.sessions_per_host)),
      unfinished(std::make_shared<WaitingRoom>(limits.unfinished, limits.unfinished_per_host)),
      rooms(std::make_shared<RtcRooms>(port->loops())) {
}

std::shared_ptr<RtcMount> RtcState::mount(const std::string &path, bool create) {
    const MountKey key{"rtc", http, path};
    if (!create) return std::static_pointer_cast<RtcMount>(Mounts::instance().find(key));
    // A mount of an earlier server at this address that is still referenced has other loops.
    return Mounts::instance().find_or_make<RtcMount>(
        key, [&](const RtcMount &mount) { return mount.loops() == loops(); },
        [&] { return std::make_shared<RtcMount>(key, loops()); });
}

void RtcState::add(const std::string &id, const std::shared_ptr<RtcSession> &session) {
    std::lock_guard lock(mutex_);
    sessions_[id] = session;
}

void RtcState::remove(const std::string &id) {
    std::lock_guard lock(mutex_);
    sessions_.erase(id);
}

std::shared_ptr<RtcSession> RtcState::find(const std::string &id) const {
    std::lock_guard lock(mutex_);
    const auto found = sessions_.find(id);
    return found == sessions_.end() ? nullptr : found->second.lock();
}

} // namespace penstock::net

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/rtsp/state.h"

#include "core/net/rtsp/connection.h"
#include "core/net/stream/mounts.h"

#include <utility>

namespace penstock::net {

RtspState::RtspState(std::shared_ptr<Loops> loops, const RtspOptions &asked_for,
                     const RtspLimits &what_peers_may, std::shared_ptr<TlsContext> certificate)
    : options(asked_for), limits(what_peers_may), tls(std::move(certificate)),
      roster(std::make_shared<Roster>(loops, limits.connections)),
      hosts(std::make_shared<WaitingRoom>(limits.connections, limits.connections_per_host)),
      silent(std::make_shared<SilentRoom>(limits.silent, limits.silent_per_host)),
      loops_(std::move(loops)) {
}

void RtspState::on_accept(tcp::socket &&socket, size_t loop) {
    opened.wait(); // the first peer may come before open() has returned
    const std::string peer = endpoint_name(socket);
    if (roster->is_full())
        return refusals.refused(peer, std::to_string(limits.connections) +
                                          " connections are open already");
    auto place = hosts->enter(peer);
    if (!place)
        return refusals.refused(peer, "its host has " +
                                          std::to_string(limits.connections_per_host) +
                                          " connections already");
    auto connection = std::make_shared<RtspConnection>(std::move(socket), loop, shared_from_this());
    auto silent_place = silent->enter(peer, [weak = std::weak_ptr(connection)] {
        if (const auto displaced = weak.lock()) displaced->make_room();
    });
    if (!silent_place) return refusals.refused(peer, too_many_silent);
    connection->hold(std::move(place), std::move(silent_place));
    roster->add(connection);
    connection->start();
}

std::shared_ptr<RtspMount> RtspState::mount(const std::string &path, bool create) {
    const MountKey key{"rtsp", address, path};
    if (!create) return std::static_pointer_cast<RtspMount>(Mounts::instance().find(key));
    // A mount of an earlier server at this address that is still referenced has other loops.
    return Mounts::instance().find_or_make<RtspMount>(
        key, [&](const RtspMount &mount) { return mount.loops() == loops_; },
        [&] { return std::make_shared<RtspMount>(key, loops_); });
}

/// HOST is the name by which the peer knows this machine.
std::string RtspState::advice(const std::string &verb,
                              const std::vector<std::string> &paths) const {
    const std::string scheme = options.tls_only ? "rtsps" : "rtsp";
    std::string text;
    for (const std::string &path : paths)
        text += (text.empty() ? verb : " or ") + scheme +
                "://HOST:" + std::to_string(address.port) + "/" + path;
    return text;
}

std::string RtspState::publish_advice() const {
    return advice("publish to ", rules->publish_examples());
}

std::string RtspState::play_advice() const {
    return advice("play ", rules->play_examples());
}

} // namespace penstock::net

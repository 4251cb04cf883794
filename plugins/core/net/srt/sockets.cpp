// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/srt/sockets.h"

#include "core/net/srt/peer.h"

#include <array>

#include <srt/srt.h>

namespace penstock::net {

SrtSockets::SrtSockets() : epoll_(srt_epoll_create()) {
    if (epoll_ >= 0) srt_epoll_set(epoll_, SRT_EPOLL_ENABLE_EMPTY);
}

SrtSockets::~SrtSockets() {
    if (epoll_ >= 0) srt_epoll_release(epoll_);
}

void SrtSockets::set_listener(int socket) {
    listener_ = socket;
    const int events = SRT_EPOLL_IN | SRT_EPOLL_ERR;
    srt_epoll_add_usock(epoll_, socket, &events);
}

bool SrtSockets::add(int socket, const std::shared_ptr<SrtPeer> &peer, bool sends) {
    {
        std::lock_guard lock(mutex_);
        peers_[socket] = {peer, sends};
        if (sends) ++senders_;
    }
    const int events = static_cast<int>(SRT_EPOLL_IN | SRT_EPOLL_ERR | SRT_EPOLL_ET);
    if (srt_epoll_add_usock(epoll_, socket, &events) == 0) return true;
    remove(socket);
    return false;
}

void SrtSockets::remove(int socket) {
    srt_epoll_remove_usock(epoll_, socket);
    std::lock_guard lock(mutex_);
    const auto found = peers_.find(socket);
    if (found == peers_.end()) return;
    if (found->second.sends) --senders_;
    peers_.erase(found);
}

SrtSockets::Found SrtSockets::poll() {
    std::array<SRT_EPOLL_EVENT, 64> events;
    const int count = srt_epoll_uwait(epoll_, events.data(), static_cast<int>(events.size()), 0);
    Found out;
    for (int i = 0; i < count && i < static_cast<int>(events.size()); ++i) {
        const int socket = events[static_cast<size_t>(i)].fd;
        if (socket == listener_) {
            out.has_callers = true;
            continue;
        }
        std::shared_ptr<SrtPeer> peer;
        {
            std::lock_guard lock(mutex_);
            if (const auto found = peers_.find(socket); found != peers_.end())
                peer = found->second.peer.lock();
        }
        if (!peer) continue;
        peer->wake();
        out.has_woken = true;
    }
    return out;
}

} // namespace penstock::net

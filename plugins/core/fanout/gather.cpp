// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/fanout/gather.h"

#include <array>
#include <cerrno>

#include <sys/socket.h>
#include <sys/uio.h>

namespace penstock::fanout {

Gather::Status Gather::send(int socket, uint64_t &bytes_sent, int &error) {
    while (!empty()) {
        std::array<iovec, 64> parts;
        size_t count = 0, total = 0, skip = offset_;
        for (size_t i = index_; i < queue_.size() && count < parts.size(); ++i) {
            for (const ByteView piece : queue_[i]->pieces) {
                if (skip >= piece.size()) {
                    skip -= piece.size();
                    continue;
                }
                if (count == parts.size()) break;
                parts[count++] = {const_cast<uint8_t *>(piece.data()) + skip, piece.size() - skip};
                total += piece.size() - skip;
                skip = 0;
            }
        }
        msghdr message{};
        message.msg_iov = parts.data();
        message.msg_iovlen = count;
        const ssize_t sent = ::sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0) {
            if (errno == EINTR) continue;
            if (errno == EAGAIN || errno == EWOULDBLOCK) return Status::blocked;
            error = errno;
            return Status::failed;
        }
        bytes_sent += static_cast<uint64_t>(sent);
        advance(static_cast<size_t>(sent));
        if (static_cast<size_t>(sent) < total) return Status::blocked;
    }
    queue_.clear();
    index_ = 0;
    return Status::done;
}

void Gather::advance(size_t sent) {
    offset_ += sent;
    while (index_ < queue_.size() && offset_ >= queue_[index_]->size) {
        offset_ -= queue_[index_]->size;
        queue_[index_++].reset();
        ++completed_;
    }
}

PacketPtr private_packet(std::vector<uint8_t> &&bytes) {
    auto packet = std::make_shared<rtmp::Packet>();
    packet->headers = std::move(bytes);
    packet->pieces.emplace_back(packet->headers);
    packet->size = packet->headers.size();
    return packet;
}

} // namespace penstock::fanout

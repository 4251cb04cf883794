// SPDX-License-Identifier: LGPL-2.1-or-later
#include "viewer.h"

#include <cerrno>
#include <cstring>
#include <sys/socket.h>

namespace load {
namespace {

std::variant<RtmpSession, HttpSession> make_session(const Viewer::Target &to) {
    using Framing = HttpSession::Framing;
    const std::string path = "/" + to.app + "/" + to.stream + ".flv";
    switch (to.protocol) {
    case Protocol::rtmp:
        return RtmpSession(RtmpSession::Role::play, to.address, to.app, to.stream);
    case Protocol::http_flv:
        return HttpSession(Framing::http, to.address, path);
    case Protocol::ws_flv:
        return HttpSession(Framing::websocket, to.address, path);
    case Protocol::flv:
        break;
    }
    return HttpSession(Framing::bare, to.address, path);
}

} // namespace

Viewer::Viewer(Kind kind, const Target &target, Tally &tally, const Window &window)
    : kind_(kind), tally_(tally), window_(window), session_(make_session(target)),
      wants_tls_(target.tls) {
}

void Viewer::connect(const sockaddr_in &address) {
    connected_ns_ = now_ns();
    socket_ = connect_to(address);
    if (wants_tls_) tls_.emplace(fd());
    std::visit([this](auto &session) { session.start(out_); }, session_);
}

bool Viewer::read(uint8_t *scratch, size_t size, size_t most) {
    while (most) {
        const size_t wanted = std::min(size, most);
        const ssize_t n = tls_ ? tls_->receive(scratch, wanted) : recv(fd(), scratch, wanted, 0);
        if (n < 0 && (errno == EAGAIN || errno == ENOTCONN)) return true;
        if (n <= 0) {
            error_ = n ? std::strerror(errno) : "the server has closed the connection";
            return false;
        }
        read_ns_ = now_ns();
        most -= size_t(n);
        if (window_.open) tally_.bytes += uint64_t(n);
        const auto feed = [&](auto &session) {
            if (session.feed(scratch, size_t(n), out_, *this)) return true;
            error_ = session.error();
            return false;
        };
        if (!std::visit(feed, session_)) return false;
        if (size_t(n) < wanted) break; // there is no more
    }
    return write();
}

bool Viewer::write() {
    if (out_.empty() || flush(fd(), out_, tls_ ? &*tls_ : nullptr)) return true;
    error_ = std::strerror(errno);
    return false;
}

void Viewer::tag(TagType type, const uint8_t *head, size_t head_size) {
    if (type != TagType::video) return;
    const auto stamp = find_stamp(head, head_size);
    if (!stamp) return;
    const bool key = is_keyframe(head, head_size);
    if (key && !has_keyframe_) {
        has_keyframe_ = true;
        tally_.first_keyframe.add(read_ns_ - connected_ns_);
    }
    if (frames_++) {
        const auto ahead = int32_t(stamp->sequence - last_);
        if (ahead <= 0) {
            ++disorder_;
        } else if (ahead > 1) {
            ++gaps_;
            broken_gaps_ += !key;
            missing_ += uint64_t(ahead - 1);
        }
    }
    last_ = stamp->sequence;
    if (stamp->sent_ns < window_.begin_ns || stamp->sent_ns >= window_.end_ns) return;
    ++tally_.frames;
    tally_.latency.add(read_ns_ - stamp->sent_ns);
}

} // namespace load

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/rtc/connection.h"

#include "core/net/loop/keepalive.h"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <functional>
#include <string_view>
#include <utility>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

namespace penstock::net {
namespace {

namespace asio = boost::asio;

/// Bytes that the kernel may hold unsent: what is queued there is too old to be skipped.
constexpr int max_unsent = 64 << 10;
constexpr size_t read_size = 64 << 10;
constexpr unsigned most_reads = 8; ///< per turn; other sockets get their turn in between
constexpr size_t most_frames = 64; ///< of one call

/// Frames of a run, as they are given to the kernel.
struct Run {
    std::array<std::array<uint8_t, stun::frame_head>, most_frames> heads;
    std::array<iovec, 2 * most_frames> parts;
};

udp::endpoint as_udp(const tcp::endpoint &endpoint) {
    return {endpoint.address(), endpoint.port()};
}

} // namespace

// --- those of a port ----------------------------------------------------------------------

RtcConnections::RtcConnections(std::shared_ptr<Loops> loops, Find find)
    : loops_(std::move(loops)), find_(std::move(find)),
      unproven_(std::make_shared<WaitingRoom>(max_unproven, max_unproven_per_host)),
      per_loop_(loops_->size()) {
}

void RtcConnections::accept(tcp::socket &&socket, size_t loop) {
    boost::system::error_code ec;
    const tcp::endpoint remote = socket.remote_endpoint(ec);
    const tcp::endpoint local = ec ? tcp::endpoint() : socket.local_endpoint(ec);
    if (ec || per_loop_[loop].is_closed) return;
    auto seat = unproven_->enter(endpoint_name(socket));
    if (!seat) return;
    const int fd = socket.release(ec);
    if (ec) return;
    const auto connection =
        std::make_shared<RtcConnection>(shared_from_this(), fd, loop, std::move(seat));
    connection->remote_ = as_udp(remote);
    connection->local_ = local.address();
    connection->start();
}

void RtcConnections::close(size_t loop) {
    per_loop_[loop].is_closed = true;
    for (const auto &each : std::exchange(per_loop_[loop].open, {}))
        each->close();
}

// --- one ----------------------------------------------------------------------------------

RtcConnection::RtcConnection(std::shared_ptr<RtcConnections> all, int fd, size_t loop,
                             std::unique_ptr<WaitingRoom::Seat> seat)
    : all_(std::move(all)), id_([] {
          static std::atomic<uint64_t> next{1};
          return next++;
      }()),
      fd_(fd), loop_(loop), seat_(std::move(seat)), deadline_(steady_ns() + check_timeout) {
    keep_alive(fd_);
    ::setsockopt(fd_, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &max_unsent, sizeof max_unsent);
}

RtcConnection::~RtcConnection() {
    if (fd_ >= 0) ::close(fd_);
}

/// On the loop that it begins on, or has moved to.
void RtcConnection::start() {
    RtcConnections::PerLoop &mine = all_->per_loop_[loop_];
    if (mine.is_closed || !all_->loops_->poller(loop_).add(fd_, *this)) {
        ::close(std::exchange(fd_, -1));
        return;
    }
    mine.open.insert(shared_from_this());
    timer_.emplace(all_->loops_->at(loop_));
    timer_->expires_at(Clock::time_point(std::chrono::nanoseconds(deadline_)));
    timer_->async_wait([weak = weak_from_this()](boost::system::error_code ec) {
        if (const auto self = weak.lock(); self && !ec && self->seat_) self->close();
    });
}

void RtcConnection::prove() {
    timer_.reset();
    seat_.reset();
}

void RtcConnection::close() {
    if (fd_ < 0) return;
    const auto keep = shared_from_this();
    all_->loops_->poller(loop_).remove(fd_, *this);
    ::close(std::exchange(fd_, -1));
    all_->per_loop_[loop_].open.erase(keep);
    prove();
    queue_ = {};
    queue_sent_ = 0;
    // Not at once: it may be the peer that is sending.
    if (is_awaited_) asio::post(all_->loops_->at(loop_), [self = keep] { self->tell_writable(); });
}

RtcWay RtcConnection::way() {
    return {remote_, local_, loop_, shared_from_this()};
}

// --- receiving ----------------------------------------------------------------------------

void RtcConnection::on_ready(uint32_t events) {
    const auto keep = shared_from_this();
    const size_t here = loop_;
    if (events & ~uint32_t(EPOLLOUT)) receive();
    if (loop_ != here) return; // it has moved, and is the other loop's
    if (fd_ >= 0 && (events & EPOLLOUT)) flush();
}

/// Looks at the first datagram without taking it, since it may be for another loop.
bool RtcConnection::find_peer() {
    std::array<uint8_t, stun::frame_head + UdpSocket::max_datagram> first;
    ssize_t got;
    do
        got = ::recv(fd_, first.data(), first.size(), MSG_DONTWAIT | MSG_PEEK);
    while (got < 0 && errno == EINTR);
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return false;
    const ByteView bytes(first.data(), size_t(std::max<ssize_t>(got, 0)));
    const size_t size = bytes.size() < stun::frame_head ? 0 : stun::size_of_frame(bytes);
    if (got <= 0 || size > UdpSocket::max_datagram) {
        close();
        return false;
    }
    if (bytes.size() < stun::frame_head + std::max<size_t>(size, 1)) return false; // more comes
    const auto peer = all_->find_(bytes.subspan(stun::frame_head, size));
    if (!peer) {
        close();
        return false;
    }
    peer_ = peer;
    has_peer_ = true;
    if (peer->loop() == loop_) return true;
    all_->loops_->poller(loop_).remove(fd_, *this);
    all_->per_loop_[loop_].open.erase(shared_from_this());
    timer_.reset();
    loop_ = peer->loop();
    asio::post(all_->loops_->at(loop_), [self = shared_from_this()] { self->start(); });
    return false;
}

void RtcConnection::receive() {
    if (fd_ < 0 || (!has_peer_ && !find_peer())) return;
    thread_local const auto buffer = std::make_unique<std::array<uint8_t, read_size>>();
    const RtcWay from = way();
    for (unsigned turn = 0; turn < most_reads; ++turn) {
        const ssize_t got = ::recv(fd_, buffer->data(), buffer->size(), MSG_DONTWAIT);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
        if (got <= 0) return close();
        const bool goes_on =
            reader_.read(std::span(buffer->data(), size_t(got)), [&](ByteView datagram) {
                const auto peer = peer_.lock();
                if (peer && !datagram.empty()) peer->on_datagram(datagram, from);
                return peer && fd_ >= 0;
            });
        if (!goes_on) return close();
    }
    asio::post(all_->loops_->at(loop_), [self = shared_from_this()] { self->receive(); });
}

// --- sending ------------------------------------------------------------------------------

void RtcConnection::send(ByteView datagram) {
    auto head = stun::head_of_frame(datagram.size());
    std::array<iovec, 2> parts{
        {{head.data(), head.size()}, {const_cast<uint8_t *>(datagram.data()), datagram.size()}}};
    write(parts.data(), parts.size(), head.size() + datagram.size());
}

size_t RtcConnection::send_segments(ByteView bytes, size_t segment, bool &is_full) {
    thread_local const auto run = std::make_unique<Run>();
    size_t sent = 0;
    while (sent < bytes.size() && segment > 0) {
        size_t frames = 0, size = 0;
        for (; frames < most_frames && sent + size < bytes.size(); ++frames) {
            const ByteView datagram =
                bytes.subspan(sent + size, std::min(segment, bytes.size() - sent - size));
            run->heads[frames] = stun::head_of_frame(datagram.size());
            run->parts[2 * frames] = {run->heads[frames].data(), stun::frame_head};
            run->parts[2 * frames + 1] = {const_cast<uint8_t *>(datagram.data()), datagram.size()};
            size += datagram.size();
        }
        const Sent outcome = write(run->parts.data(), 2 * frames, size + frames * stun::frame_head);
        is_full = outcome == Sent::full;
        if (outcome != Sent::sent) break;
        sent += size;
    }
    return sent;
}

/// All of it, or nothing. `size`: bytes of all parts.
RtcConnection::Sent RtcConnection::write(iovec *parts, size_t count, size_t size) {
    if (fd_ < 0) return Sent::dropped;
    if (queued() + size > max_queued) return Sent::full;
    size_t sent = 0;
    if (queued() == 0) {
        msghdr message{};
        message.msg_iov = parts;
        message.msg_iovlen = count;
        ssize_t taken;
        do
            taken = ::sendmsg(fd_, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
        while (taken < 0 && errno == EINTR);
        if (taken < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != ENOBUFS) {
            asio::post(all_->loops_->at(loop_), [self = shared_from_this()] { self->close(); });
            return Sent::dropped;
        }
        sent = size_t(std::max<ssize_t>(taken, 0));
    }
    for (size_t i = 0; i < count; ++i) {
        const ByteView part(static_cast<const uint8_t *>(parts[i].iov_base), parts[i].iov_len);
        const size_t skipped = std::min(sent, part.size());
        sent -= skipped;
        queue_.insert(queue_.end(), part.begin() + ptrdiff_t(skipped), part.end());
    }
    return Sent::sent;
}

void RtcConnection::flush() {
    while (queued() > 0) {
        const ssize_t taken =
            ::send(fd_, queue_.data() + queue_sent_, queued(), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (taken < 0 && errno == EINTR) continue;
        if (taken < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != ENOBUFS)
            return close();
        if (taken < 0) break;
        queue_sent_ += size_t(taken);
    }
    // What has left is given back when it is all, or more than what waits.
    if (queued() == 0 || queue_sent_ > queued()) {
        if (queued() == 0)
            queue_ = {};
        else
            queue_.erase(queue_.begin(), queue_.begin() + ptrdiff_t(queue_sent_));
        queue_sent_ = 0;
    }
    if (has_room()) tell_writable();
}

void RtcConnection::wait_writable() {
    is_awaited_ = true;
    if (fd_ < 0 || has_room())
        asio::post(all_->loops_->at(loop_), [self = shared_from_this()] { self->tell_writable(); });
}

void RtcConnection::tell_writable() {
    if (!std::exchange(is_awaited_, false)) return;
    if (const auto peer = peer_.lock()) peer->on_writable();
}

// --- as a way -----------------------------------------------------------------------------

stun::Path RtcWay::path() const {
    // Local addresses are told apart by their bytes; connections have numbers of their own.
    constexpr uint64_t is_connection = uint64_t(1) << 63;
    stun::Path path;
    const auto &address = remote.address();
    path.remote = address.is_v4()
                      ? stun::TransportAddress::v4(address.to_v4().to_bytes(), remote.port())
                      : stun::TransportAddress::v6(address.to_v6().to_bytes(), remote.port());
    if (connection) {
        path.local = connection->id() | is_connection;
    } else if (local.is_v4()) {
        path.local = local.to_v4().to_uint();
    } else {
        const auto bytes = local.to_v6().to_bytes();
        const std::string_view text(reinterpret_cast<const char *>(bytes.data()), bytes.size());
        path.local = std::hash<std::string_view>()(text) & ~is_connection;
    }
    return path;
}

void RtcWay::send(UdpSocket &udp, ByteView datagram) const {
    if (connection) return connection->send(datagram);
    const iovec part{const_cast<uint8_t *>(datagram.data()), datagram.size()};
    udp.send(remote, local, &part, 1);
}

size_t RtcWay::send_segments(UdpSocket &udp, ByteView bytes, size_t segment, bool &is_full) const {
    if (connection) return connection->send_segments(bytes, segment, is_full);
    const size_t sent = udp.send_segments(remote, local, bytes, segment);
    is_full = sent < bytes.size() && udp.is_full();
    return sent;
}

bool RtcWay::has_room(const UdpSocket &udp) const {
    return connection ? connection->has_room() : !udp.is_full();
}

} // namespace penstock::net

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "rtc/tcp.hpp"

#include "rtc/udp.hpp"

#include <array>
#include <cerrno>
#include <system_error>

namespace rtc_test {
namespace {

RtcClient::Settings over_tcp(RtcClient::Settings settings) {
    settings.uses_tcp = true;
    return settings;
}

} // namespace

TcpClient::TcpClient(Loop &loop, std::shared_ptr<dtls::Context> context,
                     RtcClient::Settings settings, RtcClient::Handler &handler)
    : loop_(loop), client_(std::move(context), over_tcp(std::move(settings)), handler, *this) {
}

TcpClient::~TcpClient() {
    disconnect();
}

Result TcpClient::accept(std::string_view answer) {
    const uint64_t now = steady_ms();
    Result result = client_.accept(answer, now);
    set_alarm(now);
    return result;
}

void TcpClient::connect(const stun::TransportAddress &to) {
    socket_ = Descriptor(::socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!socket_) throw std::system_error(errno, std::generic_category(), "socket");
    sockaddr_storage address;
    const socklen_t size = to_sockaddr(to, address);
    if (::connect(socket_.get(), reinterpret_cast<const sockaddr *>(&address), size) < 0 &&
        errno != EINPROGRESS)
        throw std::system_error(errno, std::generic_category(), "connect");
    peer_ = to;
    is_closed_ = false;
    loop_.watch(socket_.get(), EPOLLIN | EPOLLOUT, *this);
}

void TcpClient::disconnect() {
    if (!socket_) return;
    loop_.forget(socket_.get(), *this);
    socket_.reset();
    reader_ = stun::FrameReader(1 << 16);
    out_.clear();
}

void TcpClient::change_socket() {
    disconnect();
    connect(peer_);
    set_alarm(steady_ms());
}

void TcpClient::set_deaf(bool deaf) {
    is_deaf_ = deaf;
    uint32_t events = deaf ? 0u : uint32_t(EPOLLIN);
    if (!out_.empty()) events |= EPOLLOUT;
    if (socket_) loop_.change(socket_.get(), events, *this);
}

/// One connection is enough, to the address that is tried first.
void TcpClient::send(const stun::TransportAddress &to, ByteView bytes) {
    if (!socket_ && !is_closed_) connect(to);
    if (!socket_ || to != peer_) return;
    const auto head = stun::head_of_frame(bytes.size());
    out_.insert(out_.end(), head.begin(), head.end());
    out_.insert(out_.end(), bytes.begin(), bytes.end());
    flush();
}

void TcpClient::flush() {
    const ssize_t sent = ::send(socket_.get(), out_.data(), out_.size(), MSG_NOSIGNAL);
    if (sent > 0) out_.erase(out_.begin(), out_.begin() + sent);
    set_deaf(is_deaf_);
}

void TcpClient::read() {
    const uint64_t now = steady_ms();
    std::array<uint8_t, 1 << 14> buffer;
    for (int turn = 0; turn < 16 && socket_; ++turn) {
        const ssize_t got = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
        if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
        if (got <= 0) {
            is_closed_ = true;
            return disconnect();
        }
        reader_.read(std::span(buffer.data(), size_t(got)), [&](std::span<uint8_t> datagram) {
            client_.receive(peer_, datagram, now);
            return bool(socket_);
        });
    }
}

void TcpClient::on_ready(uint32_t events) {
    const uint64_t now = steady_ms();
    if (events == 0) client_.advance(now);
    if (socket_ && (events & EPOLLOUT)) flush();
    if (socket_ && (events & ~uint32_t(EPOLLOUT))) read();
    if (socket_) set_alarm(now);
}

void TcpClient::set_alarm(uint64_t now_ms) {
    loop_.wake(*this, client_.next_ms(now_ms));
}

} // namespace rtc_test

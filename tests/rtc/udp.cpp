// SPDX-License-Identifier: LGPL-2.1-or-later
#include "rtc/udp.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <system_error>

#include <netinet/udp.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif

namespace rtc_test {
namespace {

constexpr size_t messages_at_once = 8, message_size = 1 << 16;

std::system_error failure(const char *what) {
    return {errno, std::generic_category(), what};
}

} // namespace

stun::TransportAddress from_sockaddr(const sockaddr_storage &address) {
    if (address.ss_family == AF_INET) {
        const auto &v4 = reinterpret_cast<const sockaddr_in &>(address);
        std::array<uint8_t, 4> bytes;
        std::memcpy(bytes.data(), &v4.sin_addr, bytes.size());
        return stun::TransportAddress::v4(bytes, ntohs(v4.sin_port));
    }
    const auto &v6 = reinterpret_cast<const sockaddr_in6 &>(address);
    std::array<uint8_t, 16> bytes;
    std::memcpy(bytes.data(), &v6.sin6_addr, bytes.size());
    return stun::TransportAddress::v6(bytes, ntohs(v6.sin6_port));
}

/// IPv4 as it is mapped for a socket of both families.
socklen_t to_sockaddr(const stun::TransportAddress &address, sockaddr_storage &out) {
    out = {};
    auto &v6 = reinterpret_cast<sockaddr_in6 &>(out);
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(address.port);
    uint8_t *const bytes = v6.sin6_addr.s6_addr;
    if (address.is_v6) {
        std::memcpy(bytes, address.bytes.data(), 16);
    } else {
        bytes[10] = bytes[11] = 0xFF;
        std::memcpy(bytes + 12, address.bytes.data(), 4);
    }
    return sizeof v6;
}

UdpSocket::UdpSocket(int receive_buffer)
    : socket_(::socket(AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
    if (!socket_) throw failure("socket");
    const int on = 1, off = 0;
    setsockopt(fd(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    // As root it may have more than others.
    if (setsockopt(fd(), SOL_SOCKET, SO_RCVBUFFORCE, &receive_buffer, sizeof receive_buffer) < 0)
        setsockopt(fd(), SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    setsockopt(fd(), SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof on);
    setsockopt(fd(), IPPROTO_UDP, UDP_GRO, &on, sizeof on); // old kernels have it not
    sockaddr_in6 any{};
    any.sin6_family = AF_INET6;
    if (bind(fd(), reinterpret_cast<const sockaddr *>(&any), sizeof any) < 0) throw failure("bind");
}

uint16_t UdpSocket::port() const {
    sockaddr_in6 own{};
    socklen_t size = sizeof own;
    if (getsockname(fd(), reinterpret_cast<sockaddr *>(&own), &size) < 0)
        throw failure("getsockname");
    return ntohs(own.sin6_port);
}

bool UdpSocket::send(const stun::TransportAddress &to, ByteView bytes) {
    return send(to, bytes, bytes.size());
}

bool UdpSocket::send(const stun::TransportAddress &to, ByteView bytes, size_t segment) {
    sockaddr_storage address;
    iovec piece{const_cast<uint8_t *>(bytes.data()), bytes.size()};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(uint16_t))] = {};
    msghdr message{};
    message.msg_name = &address;
    message.msg_namelen = to_sockaddr(to, address);
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    if (bytes.size() > segment) {
        message.msg_control = control;
        message.msg_controllen = sizeof control;
        cmsghdr *const one = CMSG_FIRSTHDR(&message);
        one->cmsg_level = IPPROTO_UDP;
        one->cmsg_type = UDP_SEGMENT;
        one->cmsg_len = CMSG_LEN(sizeof(uint16_t));
        const auto size = uint16_t(segment);
        std::memcpy(CMSG_DATA(one), &size, sizeof size);
    }
    return sendmsg(fd(), &message, MSG_NOSIGNAL) >= 0;
}

/// Room for what one call returns, shared by the sockets of a thread.
struct UdpSocket::Batch {
    struct Control {
        alignas(cmsghdr) char bytes[CMSG_SPACE(sizeof(int)) + CMSG_SPACE(sizeof(uint32_t))];
    };
    std::unique_ptr<uint8_t[]> data = std::make_unique<uint8_t[]>(messages_at_once * message_size);
    std::array<mmsghdr, messages_at_once> headers{};
    std::array<iovec, messages_at_once> pieces{};
    std::array<sockaddr_storage, messages_at_once> from{};
    std::array<Control, messages_at_once> controls{};
    std::array<Message, messages_at_once> messages{};

    void prepare() {
        for (size_t i = 0; i < messages_at_once; ++i) {
            pieces[i] = {data.get() + i * message_size, message_size};
            msghdr &header = headers[i].msg_hdr;
            header = {};
            header.msg_name = &from[i];
            header.msg_namelen = sizeof from[i];
            header.msg_iov = &pieces[i];
            header.msg_iovlen = 1;
            header.msg_control = controls[i].bytes;
            header.msg_controllen = sizeof controls[i].bytes;
        }
    }
};

std::span<const UdpSocket::Message> UdpSocket::receive() {
    thread_local Batch batch;
    batch.prepare();
    const int n = recvmmsg(fd(), batch.headers.data(), messages_at_once, MSG_DONTWAIT, nullptr);
    if (n <= 0) return {};
    for (size_t i = 0; i < size_t(n); ++i) {
        Message &out = batch.messages[i];
        msghdr &header = batch.headers[i].msg_hdr;
        out.from = from_sockaddr(batch.from[i]);
        out.data = batch.data.get() + i * message_size;
        out.size = out.segment = batch.headers[i].msg_len;
        for (cmsghdr *one = CMSG_FIRSTHDR(&header); one; one = CMSG_NXTHDR(&header, one)) {
            int segment = 0;
            if (one->cmsg_level == SOL_SOCKET && one->cmsg_type == SO_RXQ_OVFL)
                std::memcpy(&dropped_, CMSG_DATA(one), sizeof dropped_);
            if (one->cmsg_level != IPPROTO_UDP || one->cmsg_type != UDP_GRO) continue;
            std::memcpy(&segment, CMSG_DATA(one), sizeof segment);
            if (segment > 0) out.segment = size_t(segment);
        }
    }
    return {batch.messages.data(), size_t(n)};
}

namespace {

RtcClient::Settings with_port(RtcClient::Settings settings, uint16_t port) {
    for (sdp::Candidate &one : settings.offer.candidates)
        if (one.port == 0) one.port = port;
    return settings;
}

} // namespace

UdpClient::UdpClient(Loop &loop, std::shared_ptr<dtls::Context> context,
                     RtcClient::Settings settings, RtcClient::Handler &handler)
    : loop_(loop), socket_(receive_buffer),
      client_(std::move(context), with_port(std::move(settings), socket_.port()), handler, *this) {
    loop_.watch(socket_.fd(), EPOLLIN, *this);
}

UdpClient::~UdpClient() {
    loop_.forget(socket_.fd(), *this);
}

Result UdpClient::accept(std::string_view answer) {
    const uint64_t now = steady_ms();
    Result result = client_.accept(answer, now);
    set_alarm(now);
    return result;
}

void UdpClient::change_socket() {
    loop_.forget(socket_.fd(), *this);
    socket_ = UdpSocket(receive_buffer);
    loop_.watch(socket_.fd(), EPOLLIN, *this);
}

void UdpClient::restart_ice(stun::Credentials own, stun::Credentials remote) {
    const uint64_t now = steady_ms();
    client_.restart_ice(std::move(own), std::move(remote), now);
    set_alarm(now);
}

void UdpClient::send(const stun::TransportAddress &to, ByteView bytes) {
    if (!filter || filter(to, bytes)) socket_.send(to, bytes);
}

void UdpClient::on_ready(uint32_t events) {
    const uint64_t now = steady_ms();
    if (events == 0) client_.advance(now);
    const bool was_connected = client_.is_connected();
    if (events)
        socket_.receive([&](const stun::TransportAddress &from, std::span<uint8_t> datagram) {
            client_.receive(from, datagram, now);
        });
    // Afterwards what is due only moves away.
    if (events == 0 || !was_connected) set_alarm(now);
}

void UdpClient::set_alarm(uint64_t now_ms) {
    loop_.wake(*this, client_.next_ms(now_ms));
}

} // namespace rtc_test

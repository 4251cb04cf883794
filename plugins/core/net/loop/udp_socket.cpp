// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/loop/udp_socket.h"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

namespace penstock::net {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

constexpr int receive_buffer = 1 << 20; ///< bytes of the kernel's buffer, if its limits allow
/// The same for sending: the system counts what waits for the network card, milliseconds of which
/// are more than its default.
constexpr int send_buffer = 4 << 20;
constexpr unsigned batch_size = 32;  ///< datagrams per system call
constexpr unsigned most_batches = 8; ///< per turn; other sockets get their turn in between
/// Limits of a single call with UDP_SEGMENT.
constexpr size_t most_segments = 64, most_segmented = 65'000;

constexpr size_t control_size = CMSG_SPACE(sizeof(in6_pktinfo)) + CMSG_SPACE(sizeof(uint16_t));

/// Receive buffers, one set per loop thread.
struct Batch {
    std::array<std::array<uint8_t, UdpSocket::max_datagram>, batch_size> bytes;
    std::array<sockaddr_storage, batch_size> from;
    struct alignas(cmsghdr) Control {
        std::array<char, control_size> bytes;
    };
    std::array<Control, batch_size> control;
    std::array<iovec, batch_size> parts;
    std::array<mmsghdr, batch_size> messages;

    static Batch &of_thread() {
        thread_local const auto batch = std::make_unique<Batch>();
        return *batch;
    }
    void prepare() {
        for (unsigned i = 0; i < batch_size; ++i) {
            parts[i] = {bytes[i].data(), bytes[i].size()};
            msghdr &header = messages[i].msg_hdr;
            header = {};
            header.msg_name = &from[i];
            header.msg_namelen = sizeof from[i];
            header.msg_iov = &parts[i];
            header.msg_iovlen = 1;
            header.msg_control = control[i].bytes.data();
            header.msg_controllen = control[i].bytes.size();
        }
    }
};

udp::endpoint endpoint_of(const sockaddr_storage &from, size_t size) {
    udp::endpoint endpoint;
    size = std::min(size, endpoint.capacity());
    std::memcpy(endpoint.data(), &from, size);
    endpoint.resize(size);
    return endpoint;
}

/// The destination address of a datagram.
asio::ip::address destination_of(msghdr &header) {
    for (cmsghdr *each = CMSG_FIRSTHDR(&header); each; each = CMSG_NXTHDR(&header, each)) {
        if (each->cmsg_level == IPPROTO_IP && each->cmsg_type == IP_PKTINFO) {
            in_pktinfo info;
            std::memcpy(&info, CMSG_DATA(each), sizeof info);
            return asio::ip::address_v4(ntohl(info.ipi_addr.s_addr));
        }
        if (each->cmsg_level == IPPROTO_IPV6 && each->cmsg_type == IPV6_PKTINFO) {
            in6_pktinfo info;
            std::memcpy(&info, CMSG_DATA(each), sizeof info);
            asio::ip::address_v6::bytes_type bytes;
            std::memcpy(bytes.data(), &info.ipi6_addr, bytes.size());
            const asio::ip::address_v6 address(bytes);
            // A link-local address is only meaningful with its interface.
            return address.is_link_local() ? asio::ip::address_v6(bytes, info.ipi6_ifindex)
                                           : address;
        }
    }
    return {};
}

bool no_room(int error) {
    return error == EAGAIN || error == EWOULDBLOCK || error == ENOBUFS;
}

template <class Value>
void append(msghdr &header, int level, int type, const Value &value) {
    auto *at = reinterpret_cast<cmsghdr *>(static_cast<char *>(header.msg_control) +
                                           header.msg_controllen);
    at->cmsg_level = level;
    at->cmsg_type = type;
    at->cmsg_len = CMSG_LEN(sizeof value);
    std::memcpy(CMSG_DATA(at), &value, sizeof value);
    header.msg_controllen += CMSG_SPACE(sizeof value);
}

} // namespace

UdpSocket::UdpSocket(std::shared_ptr<Loops> loops, size_t loop)
    : loops_(std::move(loops)), loop_(loop) {
}

UdpSocket::~UdpSocket() {
    close();
}

std::shared_ptr<UdpSocket> UdpSocket::open(std::shared_ptr<Loops> loops, size_t loop,
                                           const Address &address, std::string *error) {
    auto socket = std::make_shared<UdpSocket>(std::move(loops), loop);
    return socket->bind(address, false, false, error) ? socket : nullptr;
}

std::vector<std::shared_ptr<UdpSocket>> UdpSocket::open_each(const std::shared_ptr<Loops> &loops,
                                                             const Address &address,
                                                             std::string *error) {
    std::vector<std::shared_ptr<UdpSocket>> sockets;
    Address wanted = address;
    for (size_t loop = 0; loop < loops->size(); ++loop) {
        auto socket = std::make_shared<UdpSocket>(loops, loop);
        if (!socket->bind(wanted, true, loop > 0, error)) return {};
        wanted.port = socket->address().port;
        sockets.push_back(std::move(socket));
    }
    return sockets;
}

namespace {

/// The address of this machine that packets to `towards` have; unspecified: there is no route.
asio::ip::address route_to(const SocketAddress &towards) {
    udp::endpoint local;
    const int probe = ::socket(towards.family(), SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (probe < 0) return {};
    const auto *to = reinterpret_cast<const sockaddr *>(&towards.storage);
    socklen_t size = socklen_t(local.capacity());
    // A datagram socket that is connected sends nothing.
    const bool found =
        ::connect(probe, to, towards.size) == 0 && ::getsockname(probe, local.data(), &size) == 0;
    ::close(probe);
    if (!found) return {};
    local.resize(size);
    return local.address();
}

bool join_group(int fd, const asio::ip::address &group, const asio::ip::address &local) {
    if (group.is_v4()) {
        ip_mreqn request{};
        request.imr_multiaddr.s_addr = htonl(group.to_v4().to_uint());
        if (local.is_v4()) request.imr_address.s_addr = htonl(local.to_v4().to_uint());
        return ::setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &request, sizeof request) == 0;
    }
    ipv6_mreq request{};
    const auto bytes = group.to_v6().to_bytes();
    std::memcpy(&request.ipv6mr_multiaddr, bytes.data(), bytes.size());
    if (local.is_v6()) request.ipv6mr_interface = unsigned(local.to_v6().scope_id());
    return ::setsockopt(fd, IPPROTO_IPV6, IPV6_ADD_MEMBERSHIP, &request, sizeof request) == 0;
}

} // namespace

std::shared_ptr<UdpSocket> UdpSocket::open_group(std::shared_ptr<Loops> loops, size_t loop,
                                                 const asio::ip::address &group, uint16_t port,
                                                 const SocketAddress &towards, std::string *error) {
    auto socket = std::make_shared<UdpSocket>(std::move(loops), loop);
    const udp::endpoint endpoint(group, port);
    const int on = 1;
    socket->fd_ =
        ::socket(endpoint.protocol().family(), SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const int fd = socket->fd_;
    if (fd >= 0) {
        ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        ::setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
        if (::bind(fd, endpoint.data(), socklen_t(endpoint.size())) == 0 &&
            join_group(fd, group, route_to(towards))) {
            socket->address_ = {group.to_string(), port};
            return socket;
        }
    }
    *error = "cannot receive the multicast group " + group.to_string() + " port " +
             std::to_string(port) + ": " + std::strerror(errno);
    return nullptr;
}

/// `shared`: other sockets may share the port. `join`: shares an existing one.
bool UdpSocket::bind(const Address &address, bool shared, bool join, std::string *error) {
    std::vector<udp::endpoint> candidates;
    error_code failed;
    if (address.host.empty()) {
        candidates.emplace_back(udp::v6(), address.port);
        candidates.emplace_back(udp::v4(), address.port);
    } else {
        udp::resolver resolver(loops_->at(loop_));
        for (const auto &entry : resolver.resolve(address.host, std::to_string(address.port),
                                                  udp::resolver::passive, failed))
            candidates.push_back(entry.endpoint());
    }
    int reason = 0;
    for (const udp::endpoint &endpoint : candidates) {
        const bool v6 = endpoint.protocol() == udp::v6();
        close();
        fd_ = ::socket(endpoint.protocol().family(), SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        const int on = 1, only_v6 = !address.host.empty();
        if (fd_ < 0) {
            reason = errno;
            continue;
        }
        ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
        ::setsockopt(fd_, SOL_SOCKET, SO_SNDBUF, &send_buffer, sizeof send_buffer);
        if (v6) {
            ::setsockopt(fd_, IPPROTO_IPV6, IPV6_V6ONLY, &only_v6, sizeof only_v6);
            ::setsockopt(fd_, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof on);
        } else {
            ::setsockopt(fd_, IPPROTO_IP, IP_PKTINFO, &on, sizeof on);
        }
        if (join) ::setsockopt(fd_, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
        if (::bind(fd_, endpoint.data(), socklen_t(endpoint.size())) != 0) {
            reason = errno;
            if (reason == EADDRINUSE) break;
            continue;
        }
        // Allowed only after binding, so that a port bound by another program is rejected.
        if (shared && !join) ::setsockopt(fd_, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
        udp::endpoint bound;
        socklen_t size = socklen_t(bound.capacity());
        ::getsockname(fd_, bound.data(), &size);
        bound.resize(size);
        address_ = {address.host, bound.port()};
        return true;
    }
    close();
    if (!error) return false;
    const std::string port = std::to_string(address.port);
    if (reason == EADDRINUSE)
        *error = "UDP port " + port + " is in use: end what uses it (`ss -lunp sport = :" + port +
                 "` names it) or choose another port";
    else
        *error = "cannot receive UDP at '" + address.to_string() +
                 "': " + (failed ? failed.message() : std::strerror(reason)) +
                 "; use an address of this machine, or ':" + port + "' for every interface";
    return false;
}

bool UdpSocket::set_multicast(const boost::asio::ip::address &local, uint8_t ttl) {
    const int hops = ttl, on = 1;
    if (local.is_v4()) {
        in_addr address{};
        address.s_addr = htonl(local.to_v4().to_uint());
        return ::setsockopt(fd_, IPPROTO_IP, IP_MULTICAST_IF, &address, sizeof address) == 0 &&
               ::setsockopt(fd_, IPPROTO_IP, IP_MULTICAST_TTL, &hops, sizeof hops) == 0 &&
               ::setsockopt(fd_, IPPROTO_IP, IP_MULTICAST_LOOP, &on, sizeof on) == 0;
    }
    const auto interface = static_cast<unsigned>(local.to_v6().scope_id());
    return ::setsockopt(fd_, IPPROTO_IPV6, IPV6_MULTICAST_IF, &interface, sizeof interface) == 0 &&
           ::setsockopt(fd_, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, &hops, sizeof hops) == 0 &&
           ::setsockopt(fd_, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, &on, sizeof on) == 0;
}

bool UdpSocket::start(DatagramReceiver &receiver) {
    receiver_ = &receiver;
    if (loops_->poller(loop_).add(fd_, *this)) return true;
    receiver_ = nullptr;
    return false;
}

void UdpSocket::close() {
    if (fd_ < 0) return;
    if (receiver_) loops_->poller(loop_).remove(fd_, *this);
    receiver_ = nullptr;
    ::close(fd_);
    fd_ = -1;
}

void UdpSocket::on_ready(uint32_t events) {
    const auto self = shared_from_this(); // keeps this alive if the receiver releases it
    // Mostly ICMP errors from vanished peers, which do not concern other peers.
    if (events & EPOLLERR) {
        int reason = 0;
        socklen_t size = sizeof reason;
        if (::getsockopt(fd_, SOL_SOCKET, SO_ERROR, &reason, &size) == 0 && reason != 0)
            ++stats_.errors;
    }
    if (events & (EPOLLIN | EPOLLERR)) receive();
    if ((events & EPOLLOUT) && receiver_ && std::exchange(full_, false)) receiver_->on_writable();
}

void UdpSocket::receive() {
    Batch &batch = Batch::of_thread();
    bool failed = false;
    for (unsigned turn = 0; receiver_ && turn < most_batches; ++turn) {
        batch.prepare();
        const int count = ::recvmmsg(fd_, batch.messages.data(), batch_size, MSG_DONTWAIT, nullptr);
        if (count < 0) {
            if (errno == EAGAIN || errno == EWOULDBLOCK) return;
            failed = errno != EINTR;
            if (failed) ++stats_.errors; // keep reading: the event is not repeated
            continue;
        }
        failed = false;
        for (int i = 0; i < count && receiver_; ++i) {
            msghdr &header = batch.messages[size_t(i)].msg_hdr;
            if (header.msg_flags & MSG_TRUNC) {
                ++stats_.truncated;
                continue;
            }
            ++stats_.received;
            receiver_->on_datagram(
                {ByteView(batch.bytes[size_t(i)].data(), batch.messages[size_t(i)].msg_len),
                 endpoint_of(batch.from[size_t(i)], header.msg_namelen), destination_of(header)});
        }
    }
    if (!receiver_ || failed) return;
    boost::asio::post(loops_->at(loop_), [weak = weak_from_this()] {
        if (const auto self = weak.lock(); self && self->receiver_) self->receive();
    });
}

/// `segment`: size of each datagram in bytes; 0: a single datagram.
ssize_t UdpSocket::send_message(const udp::endpoint &to, const boost::asio::ip::address &from,
                                const iovec *parts, int count, uint16_t segment) {
    Batch::Control control{};
    msghdr header{};
    header.msg_name = const_cast<sockaddr *>(static_cast<const sockaddr *>(to.data()));
    header.msg_namelen = socklen_t(to.size());
    header.msg_iov = const_cast<iovec *>(parts);
    header.msg_iovlen = size_t(count);
    header.msg_control = control.bytes.data();
    if (from.is_v4() && !from.is_unspecified()) {
        in_pktinfo info{};
        info.ipi_spec_dst.s_addr = htonl(from.to_v4().to_uint());
        append(header, IPPROTO_IP, IP_PKTINFO, info);
    } else if (from.is_v6() && !from.is_unspecified()) {
        in6_pktinfo info{};
        const auto bytes = from.to_v6().to_bytes();
        std::memcpy(&info.ipi6_addr, bytes.data(), bytes.size());
        info.ipi6_ifindex = unsigned(from.to_v6().scope_id());
        append(header, IPPROTO_IPV6, IPV6_PKTINFO, info);
    }
    if (segment > 0) append(header, IPPROTO_UDP, UDP_SEGMENT, segment);
    if (header.msg_controllen == 0) header.msg_control = nullptr;
    ssize_t sent;
    do
        sent = ::sendmsg(fd_, &header, MSG_DONTWAIT | MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    if (sent < 0 && no_room(errno)) full_ = true;
    return sent;
}

UdpSocket::Sent UdpSocket::send(const udp::endpoint &to, const boost::asio::ip::address &from,
                                const iovec *parts, int count) {
    if (fd_ < 0) return Sent::dropped;
    if (send_message(to, from, parts, count, 0) >= 0) return Sent::sent;
    if (no_room(errno)) return Sent::full;
    ++stats_.errors;
    return Sent::dropped;
}

size_t UdpSocket::send_segments(const udp::endpoint &to, const boost::asio::ip::address &from,
                                ByteView bytes, size_t segment) {
    if (segment == 0) return 0;
    const size_t count = (bytes.size() + segment - 1) / segment;
    return send_runs(to, from, count, segment, [&](size_t first, size_t end, iovec *part) {
        const size_t at = first * segment;
        *part = {const_cast<uint8_t *>(bytes.data()) + at,
                 std::min(end * segment, bytes.size()) - at};
        return 1;
    });
}

size_t UdpSocket::send_datagrams(const udp::endpoint &to, const boost::asio::ip::address &from,
                                 const iovec *datagrams, size_t count) {
    if (count == 0) return 0;
    return send_runs(to, from, count, datagrams[0].iov_len,
                     [&](size_t first, size_t end, iovec *parts) {
                         std::copy(datagrams + first, datagrams + end, parts);
                         return int(end - first);
                     });
}

/// `parts_of(first, end, parts)` fills in the parts of these datagrams, most_segments at most, and
/// returns how many they are.
template <class PartsOf>
size_t UdpSocket::send_runs(const udp::endpoint &to, const boost::asio::ip::address &from,
                            size_t count, size_t segment, PartsOf &&parts_of) {
    if (segment == 0 || segment > most_segmented || fd_ < 0) return 0;
    std::array<iovec, most_segments> parts;
    size_t sent = 0;
    for (size_t next = 0; next < count;) {
        const size_t most = std::min(most_segments, most_segmented / segment);
        const size_t end = std::min(count, next + (can_segment_ ? most : 1));
        const bool several = end - next > 1;
        const int used = parts_of(next, end, parts.data());
        if (send_message(to, from, parts.data(), used, several ? uint16_t(segment) : uint16_t(0)) >=
            0) {
            for (int i = 0; i < used; ++i)
                sent += parts[size_t(i)].iov_len;
            next = end;
            continue;
        }
        if (no_room(errno)) return sent;
        // Segmentation is not supported by this system or interface.
        if (several &&
            (errno == EINVAL || errno == EIO || errno == ENOPROTOOPT || errno == EOPNOTSUPP)) {
            can_segment_ = false;
            continue;
        }
        ++stats_.errors;
        return sent;
    }
    return sent;
}

} // namespace penstock::net

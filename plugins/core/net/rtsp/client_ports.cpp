// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/rtsp/client_ports.h"

#include <boost/asio/ip/address.hpp>

#include <array>
#include <cstring>
#include <utility>

namespace penstock::net {
namespace {

namespace asio = boost::asio;

constexpr unsigned attempts = 32; // at finding a pair of free ports

/// Without the prefix by which an IPv6 socket shows IPv4.
asio::ip::address plain(const asio::ip::address &address) {
    if (address.is_v6() && address.to_v6().is_v4_mapped())
        return asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6());
    return address;
}

asio::ip::address address_of(const SocketAddress &address) {
    udp::endpoint endpoint;
    const size_t size = std::min<size_t>(address.size, endpoint.capacity());
    std::memcpy(endpoint.data(), &address.storage, size);
    endpoint.resize(size);
    return plain(endpoint.address());
}

} // namespace

void ClientPorts::Port::on_datagram(const Datagram &datagram) {
    if (owner_.is_known(plain(datagram.from.address()))) owner_.receive_(is_rtcp_, datagram.bytes);
}

ClientPorts::ClientPorts(std::shared_ptr<Loops> loops, size_t loop, Receive receive)
    : loops_(std::move(loops)), loop_(loop), receive_(std::move(receive)) {
}

bool ClientPorts::is_known(const asio::ip::address &from) const {
    return is_group_ || from == camera_ || from == source_;
}

std::optional<rtsp::PortPair> ClientPorts::open() {
    for (unsigned i = 0; i < attempts; ++i) {
        auto first = UdpSocket::open(loops_, loop_, Address{}, nullptr);
        if (!first) return std::nullopt;
        const uint16_t port = first->address().port;
        const bool even = port % 2 == 0;
        if (port < 1024 || port == UINT16_MAX) continue;
        // RTP's port is even (RFC 3550 11), and some servers insist on that.
        const uint16_t other = even ? port + 1 : port - 1;
        auto second = UdpSocket::open(loops_, loop_, Address{"", other}, nullptr);
        if (!second) continue;
        rtp_.socket = even ? std::move(first) : second;
        rtcp_.socket = even ? std::move(second) : std::move(first);
        if (!rtp_.socket->start(rtp_) || !rtcp_.socket->start(rtcp_)) return std::nullopt;
        return rtsp::PortPair{rtp_.socket->address().port, rtcp_.socket->address().port};
    }
    return std::nullopt;
}

bool ClientPorts::join(const sdp::MulticastGroup &group, const SocketAddress &camera,
                       std::string *error) {
    boost::system::error_code wrong;
    const auto address = asio::ip::make_address(group.address, wrong);
    if (wrong || !address.is_multicast() || group.port == UINT16_MAX) {
        *error = "'" + group.address + "' is no multicast address";
        return false;
    }
    is_group_ = true;
    const auto open = [&](Port &port, uint16_t number) {
        port.socket = UdpSocket::open_group(loops_, loop_, address, number, camera, error);
        return port.socket && port.socket->start(port);
    };
    return open(rtp_, group.port) && open(rtcp_, static_cast<uint16_t>(group.port + 1));
}

void ClientPorts::set_camera(const SocketAddress &camera, const std::string &source,
                             rtsp::PortPair ports) {
    camera_ = address_of(camera);
    boost::system::error_code wrong;
    source_ = source.empty() ? camera_ : plain(asio::ip::make_address(source, wrong));
    if (wrong || source_.is_unspecified() || source_.is_multicast()) source_ = camera_;
    ports_ = ports;
    // Empty packets, so that firewalls let the camera's in.
    constexpr std::array<uint8_t, 12> rtp = {0x80};
    constexpr std::array<uint8_t, 8> rtcp = {0x80, 201, 0, 1};
    send(rtp_, ports_.rtp, rtp);
    send(rtcp_, ports_.rtcp, rtcp);
}

void ClientPorts::send(Port &port, uint16_t to, ByteView bytes) {
    if (!port.socket || to == 0) return;
    // Never to an address that the camera has merely told.
    asio::ip::address address = camera_;
    if (address.is_v4()) {
        // The socket may be one of IPv6 that does both.
        const iovec part{const_cast<uint8_t *>(bytes.data()), bytes.size()};
        const udp::endpoint mapped(asio::ip::make_address_v6(asio::ip::v4_mapped, address.to_v4()),
                                   to);
        if (port.socket->send(mapped, {}, &part, 1) == UdpSocket::Sent::sent) return;
    }
    const iovec part{const_cast<uint8_t *>(bytes.data()), bytes.size()};
    (void)port.socket->send(udp::endpoint(address, to), {}, &part, 1);
}

void ClientPorts::send_report(ByteView datagram) {
    send(rtcp_, ports_.rtcp, datagram);
}

void ClientPorts::close() {
    for (Port *port : {&rtp_, &rtcp_})
        if (const auto socket = std::exchange(port->socket, nullptr)) socket->close();
}

} // namespace penstock::net

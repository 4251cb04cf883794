// SPDX-License-Identifier: LGPL-2.1-or-later
// The UDP ports of one track of an RTSP client: RTP and RTCP, from one camera or of a multicast
// group.
#pragma once

#include "core/net/loop/resolve.h"
#include "core/net/loop/udp_socket.h"
#include "core/rtsp/transport.h"
#include "core/sdp/presentation.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace penstock::net {

/// Used on its loop only.
class ClientPorts {
public:
    /// A datagram of the camera; the view ends with the call.
    using Receive = std::function<void(bool is_rtcp, ByteView datagram)>;

    ClientPorts(std::shared_ptr<Loops> loops, size_t loop, Receive receive);
    ~ClientPorts() { close(); }
    ClientPorts(const ClientPorts &) = delete;
    ClientPorts &operator=(const ClientPorts &) = delete;

    /// Binds an even port and the next one at every interface; empty: there are none.
    std::optional<rtsp::PortPair> open();
    /// Joins a group at the interface that leads to the camera; false: `error` tells why.
    bool join(const sdp::MulticastGroup &group, const SocketAddress &camera, std::string *error);
    /// The camera's address, from which alone datagrams are taken, and its ports, to which
    /// firewalls are opened; 0: not told. `source`: empty, or another address that it sends from.
    void set_camera(const SocketAddress &camera, const std::string &source, rtsp::PortPair ports);
    /// Sends RTCP, if it is known where to.
    void send_report(ByteView datagram);
    void close();

private:
    class Port final : public DatagramReceiver {
    public:
        Port(ClientPorts &owner, bool is_rtcp) : owner_(owner), is_rtcp_(is_rtcp) {}
        void on_datagram(const Datagram &datagram) override;
        std::shared_ptr<UdpSocket> socket;

    private:
        ClientPorts &owner_;
        const bool is_rtcp_;
    };
    bool is_known(const boost::asio::ip::address &from) const;
    void send(Port &port, uint16_t to, ByteView bytes);

    const std::shared_ptr<Loops> loops_;
    const size_t loop_;
    const Receive receive_;
    Port rtp_{*this, false}, rtcp_{*this, true};
    boost::asio::ip::address camera_, source_;
    rtsp::PortPair ports_; ///< of the camera
    bool is_group_ = false;
};

} // namespace penstock::net

// SPDX-License-Identifier: LGPL-2.1-or-later
// UDP sockets that take what the kernel has put together (UDP_GRO) in few calls, and a WebRTC
// client with one. Include it before check.hpp.
#pragma once

#include "rtc/client.hpp"
#include "rtc/loop.hpp"

#include <algorithm>
#include <functional>

#include <netinet/in.h>
#include <sys/socket.h>

namespace rtc_test {

stun::TransportAddress from_sockaddr(const sockaddr_storage &address);
/// Returns its size.
socklen_t to_sockaddr(const stun::TransportAddress &address, sockaddr_storage &out);

/// A socket of both families, at a port that the kernel chooses.
class UdpSocket {
public:
    /// `receive_buffer`: bytes that the kernel is asked to keep. Throws std::system_error.
    explicit UdpSocket(int receive_buffer);

    int fd() const { return socket_.get(); }
    uint16_t port() const;
    /// What the kernel does not take is lost, as in a network; then it is false.
    bool send(const stun::TransportAddress &to, ByteView bytes);
    /// Sends datagrams of `segment` bytes, of which the last may be shorter, in one call: at most
    /// 64, and 65,507 bytes (UDP_SEGMENT).
    bool send(const stun::TransportAddress &to, ByteView bytes, size_t segment);

    /// Calls `take(from, datagram)` with those that are there, up to a few hundred; of one thread.
    template <class Take>
    void receive(Take &&take);
    /// Datagrams that the kernel dropped, because they were not read in time.
    uint64_t dropped() const { return dropped_; }

private:
    struct Batch;
    struct Message {
        stun::TransportAddress from;
        uint8_t *data = nullptr;
        size_t size = 0, segment = 0; ///< bytes; all datagrams but the last have `segment`
    };
    /// The messages that are there; valid until the next call by this thread.
    std::span<const Message> receive();

    Descriptor socket_;
    uint32_t dropped_ = 0;
};

template <class Take>
void UdpSocket::receive(Take &&take) {
    for (const Message &one : receive())
        for (size_t at = 0; at < one.size; at += one.segment)
            take(one.from, std::span(one.data + at, std::min(one.segment, one.size - at)));
}

/// A client with its socket, served by a loop.
class UdpClient final : private RtcClient::Output, private Loop::Watcher {
public:
    static constexpr int receive_buffer = 1 << 20;

    /// Candidates of the offer without a port get that of the socket.
    UdpClient(Loop &loop, std::shared_ptr<dtls::Context> context, RtcClient::Settings settings,
              RtcClient::Handler &handler);
    ~UdpClient() override;

    RtcClient &rtc() { return client_; }
    const RtcClient &rtc() const { return client_; }
    const UdpSocket &socket() const { return socket_; }
    UdpSocket &socket() { return socket_; }
    Result accept(std::string_view answer);
    /// It goes on with another socket, as behind a NAT that forgets. Throws std::system_error.
    void change_socket();
    void restart_ice(stun::Credentials own, stun::Credentials remote);
    /// Sees what is about to be sent; false: it is not.
    std::function<bool(const stun::TransportAddress &, ByteView)> filter;

private:
    void send(const stun::TransportAddress &to, ByteView bytes) override;
    void on_ready(uint32_t events) override;
    void set_alarm(uint64_t now_ms);

    Loop &loop_;
    UdpSocket socket_;
    RtcClient client_;
};

} // namespace rtc_test

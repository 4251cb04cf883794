// SPDX-License-Identifier: LGPL-2.1-or-later
// A WebRTC client over TCP (RFC 6544): it is active, and the peer's candidates are passive. Include
// it before check.hpp.
#pragma once

#include "core/stun/frames.h"
#include "rtc/client.hpp"
#include "rtc/loop.hpp"

#include <vector>

namespace rtc_test {

/// A client with its connection, served by a loop.
class TcpClient final : private RtcClient::Output, private Loop::Watcher {
public:
    TcpClient(Loop &loop, std::shared_ptr<dtls::Context> context, RtcClient::Settings settings,
              RtcClient::Handler &handler);
    ~TcpClient() override;

    RtcClient &rtc() { return client_; }
    const RtcClient &rtc() const { return client_; }
    Result accept(std::string_view answer);
    /// It goes on with another connection. Throws std::system_error.
    void change_socket();
    /// Whether the peer has closed the connection.
    bool is_closed() const { return is_closed_; }
    /// As long as it is set, nothing is read.
    void set_deaf(bool deaf);

private:
    void send(const stun::TransportAddress &to, ByteView bytes) override;
    void on_ready(uint32_t events) override;
    void connect(const stun::TransportAddress &to);
    void disconnect();
    void read();
    void flush();
    void set_alarm(uint64_t now_ms);

    Loop &loop_;
    Descriptor socket_;
    stun::TransportAddress peer_;
    stun::FrameReader reader_{1 << 16};
    std::vector<uint8_t> out_; ///< what the kernel has not taken
    bool is_closed_ = false, is_deaf_ = false;
    RtcClient client_;
};

} // namespace rtc_test

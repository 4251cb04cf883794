// SPDX-License-Identifier: LGPL-2.1-or-later
// Sends a stream to a multicast group, as long as a player receives it there. To the stream it is
// one viewer, however many players there are.
#pragma once

#include "core/net/rtsp/mount.h"
#include "core/net/rtsp/udp_outlet.h"
#include "core/net/stream/viewer.h"
#include "core/rtsp/play/description.h"

#include <atomic>
#include <memory>
#include <string>

namespace penstock::net {

class RtspMulticast final : public Viewer, public std::enable_shared_from_this<RtspMulticast> {
public:
    /// `local`: the address of the interface. nullptr if no socket can be opened. Any thread; it
    /// begins soon, on a loop of its own choice, and has to be ended by stop().
    static std::shared_ptr<RtspMulticast> begin(const std::shared_ptr<RtspMount> &mount,
                                                const rtsp::MulticastPlace &place,
                                                const boost::asio::ip::address &local);
    RtspMulticast(std::shared_ptr<RtspMount> mount, size_t loop, const rtsp::MulticastPlace &place,
                  std::shared_ptr<UdpSocket> socket);

    /// Any thread; soon.
    void stop();
    /// Whether nothing is sent any more. Any thread.
    bool is_over() const { return is_over_; }
    void close(const std::string &) override { stop(); }

private:
    using Status = fanout::Outlet::Status;
    /// Nothing that comes is of use.
    struct Deaf final : DatagramReceiver {
        void on_datagram(const Datagram &) override {}
        void on_writable() override { owner->turn(); }
        RtspMulticast *owner = nullptr;
    };
    PeerInfo peer_info() const override;
    /// Its players were admitted.
    bool is_admitted() override { return true; }
    bool prepare(fanout::Outlet::Source &, bool) override { return true; }
    Status write(const fanout::Outlet::Source &source, fanout::BatchCache &cache, uint64_t &sent,
                 int &error) override;
    void wait_writable(Status why) override;
    void close_now(LogLevel level, const std::string &reason) override;
    void say_ended() override { send_reports(true); }
    void finish() override { stop(); }
    uint64_t skips() const override { return udp_.cursor().skipped; }
    uint64_t completed() const override { return udp_.completed(); }
    void rewind() override { udp_.rewind(); }

    void start();
    void turn();
    void tick();
    void send_reports(bool is_last);

    const std::shared_ptr<RtspMount> mount_;
    const std::string group_; ///< "239.1.2.3:5000"
    const std::shared_ptr<UdpSocket> socket_;
    UdpOutlet udp_;
    Deaf deaf_;
    Timer paced_, reports_;
    std::atomic<bool> is_over_{false};
};

} // namespace penstock::net

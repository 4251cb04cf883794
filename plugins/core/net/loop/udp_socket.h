// SPDX-License-Identifier: LGPL-2.1-or-later
// A UDP socket on a loop: datagrams come in batches, and answers leave from the address that was
// asked.
#pragma once

#include "core/bytes/bytes.h"
#include "core/net/loop/address.h"
#include "core/net/loop/loops.h"

#include <boost/asio/ip/udp.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <sys/uio.h>

namespace penstock::net {

using boost::asio::ip::udp;

struct Datagram {
    ByteView bytes; ///< valid during the call
    udp::endpoint from;
    /// The address of this machine that it was sent to; unspecified if the system does not tell.
    boost::asio::ip::address to;
};

/// Takes what a socket receives. Called on the socket's loop: must return at once; may close the
/// socket.
class DatagramReceiver {
public:
    virtual void on_datagram(const Datagram &datagram) = 0;
    /// There is room again after a send found none.
    virtual void on_writable() {}

protected:
    ~DatagramReceiver() = default;
};

/// Belongs to its loop once start() was called, and is closed there. Holds its loops.
class UdpSocket final : public std::enable_shared_from_this<UdpSocket>, private Polled {
public:
    /// Bytes; longer datagrams are dropped and counted.
    static constexpr size_t max_datagram = 2048;

    /// Binds at an address; port 0 is a free port. On failure nullptr, and `error` says how to mend
    /// it. Any thread. Resolves names, which may take seconds: use no network loop for those.
    static std::shared_ptr<UdpSocket> open(std::shared_ptr<Loops> loops, size_t loop,
                                           const Address &address, std::string *error);
    /// One socket for each loop at the same address and port (SO_REUSEPORT), in the order of the
    /// loops; empty on failure. The system sends all datagrams of a peer to the same one, as long
    /// as none of them closes.
    static std::vector<std::shared_ptr<UdpSocket>>
    open_each(const std::shared_ptr<Loops> &loops, const Address &address, std::string *error);
    ~UdpSocket();

    /// The bound address, the port filled in. Any thread.
    const Address &address() const { return address_; }
    size_t loop() const { return loop_; }

    // --- on its loop alone -------------------------------------------------------------------
    /// From now on `receiver`, which outlives the socket or closes it, is told what comes. False
    /// if the system has no room for it.
    bool start(DatagramReceiver &receiver);
    /// Receives and sends nothing more; the port is free.
    void close();

    enum class Sent {
        sent,   ///< the system has it
        full,   ///< dropped: no room; on_writable() says when there is
        dropped ///< by an error that concerns this datagram or peer; the socket goes on
    };
    /// Sends one datagram, given in parts, to a peer. `from`: the address of this machine it leaves
    /// from, as in Datagram::to; unspecified: the system chooses.
    Sent send(const udp::endpoint &to, const boost::asio::ip::address &from, const iovec *parts,
              int count);
    /// Sends datagrams of `segment` bytes each, the last one shorter if need be: in few system
    /// calls where the system can cut them (UDP_SEGMENT). Returns how many bytes, of whole
    /// datagrams, the system has taken; fewer than there are: as for Sent::full, or an error.
    size_t send_segments(const udp::endpoint &to, const boost::asio::ip::address &from,
                         ByteView bytes, size_t segment);

    struct Stats {
        uint64_t received = 0;  ///< datagrams
        uint64_t truncated = 0; ///< datagrams that were too long, and dropped
        uint64_t errors = 0;    ///< reported by the system, by ICMP messages for example
    };
    const Stats &stats() const { return stats_; }

    /// Use open().
    UdpSocket(std::shared_ptr<Loops> loops, size_t loop);

private:
    void on_ready(uint32_t events) override;
    void receive();
    bool bind(const Address &address, bool shared, bool join, std::string *error);
    ssize_t send_message(const udp::endpoint &to, const boost::asio::ip::address &from,
                         const iovec *parts, int count, uint16_t segment);

    const std::shared_ptr<Loops> loops_;
    const size_t loop_;
    Address address_;
    int fd_ = -1;
    DatagramReceiver *receiver_ = nullptr; ///< nullptr: not started, or closed
    bool full_ = false;                    ///< a send found no room
    bool can_segment_ = true;              ///< UDP_SEGMENT works, as far as is known
    Stats stats_;
};

} // namespace penstock::net

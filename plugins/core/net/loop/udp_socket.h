// SPDX-License-Identifier: LGPL-2.1-or-later
// A UDP socket on a loop: receives datagrams in batches, and sends replies from the address to
// which the request was sent.
#pragma once

#include "core/bytes/bytes.h"
#include "core/net/loop/address.h"
#include "core/net/loop/loops.h"
#include "core/net/loop/resolve.h"

#include <boost/asio/ip/udp.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <sys/uio.h>

namespace penstock::net {

using boost::asio::ip::udp;

struct Datagram {
    ByteView bytes; ///< valid during the call only
    udp::endpoint from;
    /// The local address that it was sent to; unspecified if the system does not tell.
    boost::asio::ip::address to;
};

/// Receives a socket's datagrams. Called on the socket's loop: must return at once; may close the
/// socket.
class DatagramReceiver {
public:
    virtual void on_datagram(const Datagram &datagram) = 0;
    /// Called when sending is possible again after Sent::full.
    virtual void on_writable() {}

protected:
    ~DatagramReceiver() = default;
};

/// After start(), used and closed only on its loop. Keeps its loops alive.
class UdpSocket final : public std::enable_shared_from_this<UdpSocket>, private Polled {
public:
    /// Bytes; longer datagrams are dropped and counted.
    static constexpr size_t max_datagram = 2048;

    /// Binds to an address; port 0 chooses a free port. On failure returns nullptr and sets `error`
    /// to the reason and a remedy. Thread-safe. Resolves names, which may take seconds: must not be
    /// called on a network loop with names.
    static std::shared_ptr<UdpSocket> open(std::shared_ptr<Loops> loops, size_t loop,
                                           const Address &address, std::string *error);
    /// Opens a socket per loop at the same address and port (SO_REUSEPORT), in the order of the
    /// loops; empty on failure. The system delivers all datagrams of a peer to the same socket
    /// while none of them closes.
    static std::vector<std::shared_ptr<UdpSocket>>
    open_each(const std::shared_ptr<Loops> &loops, const Address &address, std::string *error);
    /// Receives a multicast group's datagrams at a port, which other programs may share, on the
    /// interface that leads to `towards`. On failure returns nullptr and sets `error`.
    static std::shared_ptr<UdpSocket> open_group(std::shared_ptr<Loops> loops, size_t loop,
                                                 const boost::asio::ip::address &group,
                                                 uint16_t port, const SocketAddress &towards,
                                                 std::string *error);
    ~UdpSocket();

    /// The bound address, including the port. Thread-safe.
    const Address &address() const { return address_; }
    size_t loop() const { return loop_; }

    // --- on its loop alone -------------------------------------------------------------------
    /// Delivers datagrams to `receiver` from now on; it must outlive the socket or close it.
    /// Returns false if the socket can't be registered.
    bool start(DatagramReceiver &receiver);
    /// Stops receiving and sending; the port becomes free.
    void close();

    /// What is sent to groups leaves through the interface with this address, for so many hops;
    /// this machine gets it, too.
    bool set_multicast(const boost::asio::ip::address &local, uint8_t ttl);

    enum class Sent {
        sent,   ///< passed to the system
        full,   ///< dropped: the buffer is full; on_writable() follows
        dropped ///< dropped: an error that affects this datagram or peer only
    };
    /// Sends a datagram, given in parts, to a peer. `from`: the local address to send from, as in
    /// Datagram::to; unspecified: chosen by the system.
    Sent send(const udp::endpoint &to, const boost::asio::ip::address &from, const iovec *parts,
              int count);
    /// Sends datagrams of `segment` bytes each (the last may be shorter), with few system calls if
    /// the system supports UDP_SEGMENT. Returns the number of bytes sent in complete datagrams;
    /// fewer than requested means Sent::full or an error.
    size_t send_segments(const udp::endpoint &to, const boost::asio::ip::address &from,
                         ByteView bytes, size_t segment);

    /// The same for datagrams that lie apart: all are as long as the first but the last, which may
    /// be shorter.
    size_t send_datagrams(const udp::endpoint &to, const boost::asio::ip::address &from,
                          const iovec *datagrams, size_t count);

    /// Whether the buffer was full when something was sent last; on_writable() follows.
    bool is_full() const { return full_; }

    struct Stats {
        uint64_t received = 0;  ///< datagrams
        uint64_t truncated = 0; ///< datagrams dropped because they were too long
        uint64_t errors = 0;    ///< reported by the system, for example from ICMP messages
    };
    const Stats &stats() const { return stats_; }

    /// Use open().
    UdpSocket(std::shared_ptr<Loops> loops, size_t loop);

private:
    void on_ready(uint32_t events) override;
    void receive();
    bool bind(const Address &address, bool shared, bool join, std::string *error);
    template <class PartsOf>
    size_t send_runs(const udp::endpoint &to, const boost::asio::ip::address &from, size_t count,
                     size_t segment, PartsOf &&parts_of);
    ssize_t send_message(const udp::endpoint &to, const boost::asio::ip::address &from,
                         const iovec *parts, int count, uint16_t segment);

    const std::shared_ptr<Loops> loops_;
    const size_t loop_;
    Address address_;
    int fd_ = -1;
    DatagramReceiver *receiver_ = nullptr; ///< nullptr: not started, or closed
    bool full_ = false;                    ///< a send returned Sent::full
    bool can_segment_ = true;              ///< false once UDP_SEGMENT has failed
    Stats stats_;
};

} // namespace penstock::net

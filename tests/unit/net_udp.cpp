// SPDX-License-Identifier: LGPL-2.1-or-later
// UDP sockets on loops: everything sent arrives, even in large bursts; replies leave from the
// address that received the request; vanished peers and oversized datagrams affect nobody else.
#include "core/net/loop/loop_count.h"
#include "core/net/loop/udp_socket.h"

#include <boost/asio/post.hpp>

#include <atomic>
#include <chrono>
#include <functional>
#include <future>
#include <mutex>
#include <set>
#include <string>
#include <thread>

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "check.hpp"
#include "eventually.hpp"

using namespace penstock;
using net::Datagram;
using net::udp;
using net::UdpSocket;
using penstock_test::eventually;

namespace {

/// Runs a function on a loop, and waits for it.
void on_loop(net::Loops &loops, size_t loop, const std::function<void()> &what) {
    std::promise<void> done;
    boost::asio::post(loops.at(loop), [&] {
        what();
        done.set_value();
    });
    done.get_future().wait();
}

/// Sends every datagram back to its sender, from the address it was sent to.
struct Echo final : net::DatagramReceiver {
    explicit Echo(std::shared_ptr<UdpSocket> with, std::shared_ptr<net::Loops> on)
        : socket(std::move(with)), loops(std::move(on)) {
        on_loop(*loops, socket->loop(), [&] { started = socket->start(*this); });
        fail_unless(started);
    }
    ~Echo() {
        on_loop(*loops, socket->loop(), [&] { socket->close(); });
    }
    void on_datagram(const Datagram &datagram) override {
        fail_unless(loops->on_loop());
        const std::string text(datagram.bytes.begin(), datagram.bytes.end());
        ++received;
        if (text == "close") return socket->close();
        {
            std::lock_guard lock(mutex);
            to.insert(datagram.to.to_string());
        }
        iovec parts[2] = {{const_cast<char *>("re:"), 3},
                          {const_cast<uint8_t *>(datagram.bytes.data()), datagram.bytes.size()}};
        if (answers) socket->send(datagram.from, datagram.to, parts, 2);
    }
    UdpSocket::Stats stats() {
        UdpSocket::Stats now;
        on_loop(*loops, socket->loop(), [&] { now = socket->stats(); });
        return now;
    }
    const std::shared_ptr<UdpSocket> socket;
    const std::shared_ptr<net::Loops> loops;
    bool started = false;
    std::atomic<bool> answers{true};
    std::atomic<size_t> received{0};
    std::mutex mutex;
    std::set<std::string> to;
};

/// A peer with a socket of its own, of the target's address family.
struct Peer {
    explicit Peer(const std::string &host, uint16_t port) : v6(host.find(':') != host.npos) {
        fd = ::socket(v6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        to = udp::endpoint(boost::asio::ip::make_address(host), port);
    }
    ~Peer() { ::close(fd); }
    bool send(const std::string &text) const {
        return ::sendto(fd, text.data(), text.size(), 0, to.data(), socklen_t(to.size())) ==
               ssize_t(text.size());
    }
    /// The next datagram and its sender; empty if none comes.
    std::pair<std::string, udp::endpoint> next(int wait_ms = 10'000) const {
        pollfd wanted{fd, POLLIN, 0};
        if (::poll(&wanted, 1, wait_ms) <= 0) return {};
        char buffer[4096];
        udp::endpoint from;
        socklen_t size = socklen_t(from.capacity());
        const ssize_t got = ::recvfrom(fd, buffer, sizeof buffer, 0, from.data(), &size);
        if (got < 0) return {};
        from.resize(size);
        return {std::string(buffer, size_t(got)), from};
    }
    const bool v6;
    int fd;
    udp::endpoint to;
};

std::shared_ptr<UdpSocket> open(const std::shared_ptr<net::Loops> &loops, const std::string &host) {
    std::string error;
    auto socket = UdpSocket::open(loops, 0, {host, 0}, &error);
    fail_unless(socket, "%s", error.c_str());
    fail_unless(socket->address().port != 0);
    return socket;
}

bool has_ipv6() {
    const int fd = ::socket(AF_INET6, SOCK_DGRAM, 0);
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_addr = in6addr_loopback;
    const bool works =
        fd >= 0 && ::bind(fd, reinterpret_cast<sockaddr *>(&address), sizeof address) == 0;
    if (fd >= 0) ::close(fd);
    return works;
}

} // namespace

// A socket on every interface: each answer leaves from the address that was asked, IPv4 or IPv6.
GST_START_TEST(test_answers_come_from_where_was_asked) {
    const auto loops = net::Loops::shared();
    for (const std::string bound : {"", "0.0.0.0"}) {
        Echo echo(open(loops, bound), loops);
        std::vector<std::string> hosts{"127.0.0.1", "127.0.0.2", "127.1.2.3"};
        if (bound.empty() && has_ipv6()) hosts.push_back("::1");
        for (const std::string &host : hosts) {
            Peer peer(host, echo.socket->address().port);
            fail_unless(peer.send("hello"));
            const auto [text, from] = peer.next();
            fail_unless_equals_string(text.c_str(), "re:hello");
            fail_unless(from == peer.to, "%s answers for %s", from.address().to_string().c_str(),
                        host.c_str());
        }
        std::lock_guard lock(echo.mutex);
        fail_unless_equals_uint64(echo.to.size(), hosts.size());
    }
    if (!has_ipv6()) return;
    Echo echo(open(loops, "::1"), loops);
    Peer peer("::1", echo.socket->address().port);
    fail_unless(peer.send(""));
    fail_unless_equals_string(peer.next().first.c_str(), "re:");
}
GST_END_TEST

// More datagrams than one turn of the loop reads, reported by few edges.
GST_START_TEST(test_many_at_once) {
    const auto loops = net::Loops::shared();
    Echo echo(open(loops, "127.0.0.1"), loops);
    echo.answers = false;
    Peer peer("127.0.0.1", echo.socket->address().port);
    std::promise<void> held, may;
    size_t sent = 0;
    boost::asio::post(loops->at(0), [&] {
        held.set_value();
        may.get_future().wait();
    });
    held.get_future().wait();
    // 90 datagrams fit into a socket's default buffer.
    for (int i = 0; i < 90; ++i)
        sent += peer.send("datagram " + std::to_string(i));
    may.set_value();
    fail_unless(eventually([&] { return echo.received == sent; }), "%zu of %zu",
                echo.received.load(), sent);
    for (int i = 0; i < 2000; ++i) {
        sent += peer.send("x");
        if (i % 50 == 0) fail_unless(eventually([&] { return echo.received == sent; }));
    }
    fail_unless(eventually([&] { return echo.received == sent; }));
    fail_unless_equals_uint64(echo.stats().received, sent);
}
GST_END_TEST

GST_START_TEST(test_too_long) {
    const auto loops = net::Loops::shared();
    Echo echo(open(loops, "127.0.0.1"), loops);
    Peer peer("127.0.0.1", echo.socket->address().port);
    fail_unless(peer.send(std::string(UdpSocket::max_datagram + 1, 'x')));
    fail_unless(peer.send(std::string(UdpSocket::max_datagram, 'y')));
    fail_unless(peer.next().first == "re:" + std::string(UdpSocket::max_datagram, 'y'));
    fail_unless_equals_uint64(echo.stats().truncated, 1);
    fail_unless_equals_uint64(echo.received, 1);
}
GST_END_TEST

// Vanished peers cause ICMP errors, and addresses may be invalid: the socket keeps working.
GST_START_TEST(test_errors_end_nothing) {
    const auto loops = net::Loops::shared();
    Echo echo(open(loops, "127.0.0.1"), loops);
    Peer peer("127.0.0.1", echo.socket->address().port);
    {
        Peer gone("127.0.0.1", echo.socket->address().port);
        // Answers to these find no socket.
        for (int i = 0; i < 20; ++i)
            gone.send("hello");
    }
    on_loop(*loops, 0, [&] {
        const char text[] = "x";
        const iovec part{const_cast<char *>(text), 1};
        const auto send = [&](const char *to, const char *from, uint16_t port) {
            return echo.socket->send({boost::asio::ip::make_address(to), port},
                                     boost::asio::ip::make_address(from), &part, 1);
        };
        fail_unless(send("127.0.0.1", "0.0.0.0", 1) == UdpSocket::Sent::sent);
        fail_unless(send("127.0.0.1", "0.0.0.0", 0) == UdpSocket::Sent::dropped);
        fail_unless(send("127.0.0.1", "192.0.2.1", 9) == UdpSocket::Sent::dropped); // not ours
        fail_unless(send("::1", "::", 9) == UdpSocket::Sent::dropped);
        const std::string huge(70'000, 'x');
        const iovec much{const_cast<char *>(huge.data()), huge.size()};
        fail_unless(echo.socket->send(peer.to, {}, &much, 1) == UdpSocket::Sent::dropped);
    });
    fail_unless(peer.send("hello"));
    fail_unless_equals_string(peer.next().first.c_str(), "re:hello");
    fail_unless(echo.stats().errors >= 4);
}
GST_END_TEST

GST_START_TEST(test_segments) {
    const auto loops = net::Loops::shared();
    Echo echo(open(loops, "127.0.0.1"), loops);
    Peer peer("127.0.0.1", echo.socket->address().port);
    udp::endpoint local;
    fail_unless(peer.send("hello"));
    fail_unless_equals_string(peer.next().first.c_str(), "re:hello");
    socklen_t size = socklen_t(local.capacity());
    getsockname(peer.fd, local.data(), &size);
    local.resize(size);
    local.address(boost::asio::ip::make_address("127.0.0.1"));
    for (const size_t count : {1, 2, 63, 64, 65, 150}) {
        std::string bytes;
        for (size_t i = 0; i < count; ++i)
            bytes += std::string(i + 1 < count ? 1000 : 300, char('a' + i % 26));
        size_t at = 0, received = 0;
        while (at < bytes.size()) {
            size_t sent = 0;
            on_loop(*loops, 0, [&] {
                const auto *data = reinterpret_cast<const uint8_t *>(bytes.data()) + at;
                sent = echo.socket->send_segments(
                    local, {}, ByteView(data, std::min<size_t>(bytes.size() - at, 64'000)), 1000);
            });
            fail_unless(sent > 0);
            for (const size_t end = at + sent; at < end; ++received) {
                const std::string text = peer.next().first;
                fail_unless(text == bytes.substr(at, 1000), "datagram %zu of %zu: %zu bytes",
                            received, count, text.size());
                at += text.size();
            }
        }
        fail_unless_equals_uint64(received, count);
    }
    on_loop(*loops, 0, [&] {
        const auto view = ByteView(reinterpret_cast<const uint8_t *>("abc"), 3);
        fail_unless_equals_uint64(echo.socket->send_segments(local, {}, view, 0), 0);
        fail_unless_equals_uint64(echo.socket->send_segments(local, {}, view, 70'000), 0);
    });
}
GST_END_TEST

// One socket per loop at the same port: all of a peer's datagrams reach the same one.
GST_START_TEST(test_one_for_each_loop) {
    net::want_loops(3);
    const auto loops = net::Loops::shared();
    fail_unless_equals_uint64(loops->size(), 3);
    std::string error;
    auto sockets = UdpSocket::open_each(loops, {"127.0.0.1", 0}, &error);
    fail_unless(sockets.size() == 3, "%s", error.c_str());
    const net::Address address = sockets[0]->address();
    std::vector<std::unique_ptr<Echo>> echoes;
    for (auto &socket : sockets) {
        fail_unless(socket->address() == address);
        echoes.push_back(std::make_unique<Echo>(std::move(socket), loops));
    }
    for (int i = 0; i < 60; ++i) {
        std::vector<size_t> before;
        for (const auto &echo : echoes)
            before.push_back(echo->received);
        Peer peer("127.0.0.1", address.port);
        for (int j = 0; j < 3; ++j) {
            fail_unless(peer.send("hello"));
            fail_unless_equals_string(peer.next().first.c_str(), "re:hello");
        }
        for (size_t k = 0; k < echoes.size(); ++k) {
            const size_t came = echoes[k]->received - before[k];
            fail_unless(came == 0 || came == 3, "%zu of 3 at one socket", came);
        }
    }
    for (const auto &echo : echoes)
        fail_unless(echo->received > 0);
    // No other socket joins the port by accident.
    fail_unless(UdpSocket::open(loops, 0, address, &error) == nullptr);
    fail_unless(error.find("is in use") != error.npos, "%s", error.c_str());
    fail_unless(UdpSocket::open_each(loops, address, &error).empty());
    echoes.clear();
    sockets.clear();
    fail_unless(UdpSocket::open(loops, 0, address, &error) != nullptr, "%s", error.c_str());
}
GST_END_TEST

// The receiver closes the socket amid a batch: nothing more is delivered, and the port is free.
GST_START_TEST(test_closed_by_its_receiver) {
    const auto loops = net::Loops::shared();
    Echo echo(open(loops, "127.0.0.1"), loops);
    const net::Address address = echo.socket->address();
    Peer peer("127.0.0.1", address.port);
    std::promise<void> held, may;
    boost::asio::post(loops->at(0), [&] {
        held.set_value();
        may.get_future().wait();
    });
    held.get_future().wait();
    fail_unless(peer.send("a") && peer.send("close") && peer.send("b"));
    may.set_value();
    std::string error;
    fail_unless(eventually([&] {
        const auto again = UdpSocket::open(loops, 0, address, &error);
        return again != nullptr;
    }));
    fail_unless_equals_uint64(echo.received, 2);
}
GST_END_TEST

static Suite *net_udp_suite() {
    Suite *s = suite_create("net_udp");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_answers_come_from_where_was_asked);
    tcase_add_test(tc, test_many_at_once);
    tcase_add_test(tc, test_too_long);
    tcase_add_test(tc, test_errors_end_nothing);
    tcase_add_test(tc, test_segments);
    tcase_add_test(tc, test_one_for_each_loop);
    tcase_add_test(tc, test_closed_by_its_receiver);
    return s;
}
GST_CHECK_MAIN(net_udp)

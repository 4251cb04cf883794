// SPDX-License-Identifier: LGPL-2.1-or-later
// rtc-floor: the least that a server of WebRTC can do for a packet, to be measured beside each
// figure: AES-128-GCM by OpenSSL for each peer, and one call with UDP_SEGMENT for each frame and
// peer, on loopback. Nothing is packetized, numbered or answered. A frame may begin with a shorter
// packet, which has a call of its own: in one call all packets but the last are equal. Prints µs of
// the sending thread's CPU time, the best and the median of several rounds.
#include "../fanout/load/socket.h"

#include "rtc/crypto.hpp"
#include "rtc/udp.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <deque>
#include <memory>
#include <openssl/evp.h>
#include <stdexcept>
#include <thread>

using namespace rtc_test;

namespace {

constexpr size_t header_size = 12, tag_size = 16;

struct Options {
    size_t peers = 500, packets = 9, size = 1200, first = 0;
    unsigned frames = 20, rounds = 7;
    bool without_segments = false;
};

double cpu_us() {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return double(now.tv_sec) * 1e6 + double(now.tv_nsec) / 1e3;
}

void require(bool done, const char *what) {
    if (!done) throw std::runtime_error(what);
}

/// A peer: its key, prepared once, and its address.
class Peer {
public:
    Peer(const EVP_CIPHER *cipher, uint16_t port)
        : context_(EVP_CIPHER_CTX_new()),
          address_(stun::TransportAddress::v4({127, 0, 0, 1}, port)) {
        const auto key = random_number<std::array<uint8_t, 16>>();
        require(context_ &&
                    EVP_EncryptInit_ex2(context_.get(), cipher, key.data(), nullptr, nullptr) == 1,
                "OpenSSL has no AES-128-GCM");
    }

    /// Writes one packet of the payload's size, header and tag.
    void encrypt(ByteView payload, uint8_t *out) {
        const std::array<uint8_t, header_size> header{0x80, 96, uint8_t(sequence_ >> 8),
                                                      uint8_t(sequence_)};
        std::array<uint8_t, 12> nonce{};
        std::memcpy(nonce.data() + 4, &sequence_, sizeof sequence_);
        ++sequence_;
        std::memcpy(out, header.data(), header.size());
        int size = 0;
        EVP_CIPHER_CTX *const context = context_.get();
        uint8_t *const text = out + header.size();
        require(EVP_EncryptInit_ex2(context, nullptr, nullptr, nonce.data(), nullptr) == 1 &&
                    EVP_EncryptUpdate(context, nullptr, &size, header.data(), int(header.size())) ==
                        1 &&
                    EVP_EncryptUpdate(context, text, &size, payload.data(), int(payload.size())) ==
                        1 &&
                    EVP_EncryptFinal_ex(context, text + size, &size) == 1 &&
                    EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, tag_size,
                                        text + payload.size()) == 1,
                "OpenSSL can't encrypt");
    }
    const stun::TransportAddress &address() const { return address_; }

private:
    struct Free {
        void operator()(EVP_CIPHER_CTX *context) const { EVP_CIPHER_CTX_free(context); }
    };
    std::unique_ptr<EVP_CIPHER_CTX, Free> context_;
    const stun::TransportAddress address_;
    uint64_t sequence_ = 0;
};

/// The peers' sockets, which a thread reads.
class Drain {
public:
    explicit Drain(size_t count) {
        for (size_t i = 0; i < count; ++i)
            sockets_.emplace_back(loop_);
        thread_ = std::jthread([this](const std::stop_token &stop) {
            while (!stop.stop_requested())
                loop_.turn(steady_ms() + 20);
        });
    }
    uint16_t port(size_t i) const { return sockets_[i].socket.port(); }
    uint64_t received() const { return received_; }

private:
    struct Socket final : Loop::Watcher {
        explicit Socket(Loop &to) : loop(to) { loop.watch(socket.fd(), EPOLLIN, *this); }
        ~Socket() override { loop.forget(socket.fd(), *this); }
        void on_ready(uint32_t) override {
            socket.receive([](const stun::TransportAddress &, std::span<uint8_t>) { ++received_; });
        }
        Loop &loop;
        UdpSocket socket{1 << 20};
    };
    static inline std::atomic<uint64_t> received_{0};
    Loop loop_;
    std::deque<Socket> sockets_;
    std::jthread thread_; ///< last, so that it ends first
};

class Sender {
public:
    explicit Sender(const Options &options)
        : options_(options), drain_(options.peers),
          cipher_(EVP_CIPHER_fetch(nullptr, "AES-128-GCM", nullptr)),
          payload_(options.size - header_size - tag_size, 0x55),
          frame_(options.size * options.packets), first_(options.first) {
        for (size_t i = 0; i < options.peers; ++i)
            peers_.emplace_back(cipher_.get(), drain_.port(i));
    }

    /// µs a packet.
    double measure(bool encrypts, bool sends) {
        const double begin = cpu_us();
        for (unsigned frame = 0; frame < options_.frames; ++frame)
            for (Peer &peer : peers_) {
                if (encrypts) encrypt(peer);
                if (sends) send(peer);
            }
        return (cpu_us() - begin) / double(options_.frames * peers_.size() * in_frame());
    }
    size_t in_frame() const { return options_.packets + (options_.first > 0 ? 1 : 0); }
    uint64_t sent() const { return sent_; }
    /// Datagrams that came, when no more come.
    uint64_t received() const {
        for (uint64_t before = 0; before != drain_.received();) {
            before = drain_.received();
            std::this_thread::sleep_for(std::chrono::milliseconds(200));
        }
        return drain_.received();
    }

private:
    void encrypt(Peer &peer) {
        if (options_.first > 0)
            peer.encrypt(ByteView(payload_).first(options_.first - header_size - tag_size),
                         first_.data());
        for (size_t i = 0; i < options_.packets; ++i)
            peer.encrypt(payload_, frame_.data() + i * options_.size);
    }
    void send(const Peer &peer) {
        if (options_.first > 0) send(peer, first_);
        const size_t step = options_.without_segments ? options_.size : frame_.size();
        for (size_t at = 0; at < frame_.size(); at += step)
            send(peer, ByteView(frame_).subspan(at, step));
        sent_ += in_frame();
    }
    void send(const Peer &peer, ByteView bytes) {
        while (!socket_.send(peer.address(), bytes, options_.size))
            require(errno == EAGAIN || errno == EINTR, "the kernel does not send");
    }
    struct Free {
        void operator()(EVP_CIPHER *cipher) const { EVP_CIPHER_free(cipher); }
    };
    const Options &options_;
    Drain drain_;
    std::unique_ptr<EVP_CIPHER, Free> cipher_;
    std::deque<Peer> peers_;
    UdpSocket socket_{1 << 16};
    const std::vector<uint8_t> payload_;
    std::vector<uint8_t> frame_, first_;
    uint64_t sent_ = 0;
};

void report(const char *what, Sender &sender, const Options &options, bool encrypts, bool sends) {
    std::vector<double> times;
    for (unsigned round = 0; round < options.rounds; ++round)
        times.push_back(sender.measure(encrypts, sends));
    std::sort(times.begin(), times.end());
    const double best = times.front(), median = times[times.size() / 2];
    std::printf("%-20s %8.2f %8.2f %12.0f\n", what, best, median, 1e6 / (best * 320));
}

void run(const Options &options) {
    load::allow_descriptors(options.peers + 64);
    Sender sender(options);
    std::printf("%zu peers, %zu packets of %zu bytes a frame%s", options.peers, options.packets,
                options.size, options.without_segments ? ", one call each" : "");
    if (options.first > 0) std::printf(" behind one of %zu", options.first);
    std::printf("\n");
    std::printf("%-20s %8s %8s %12s\n", "us a packet", "best", "median", "viewers/core");
    report("encrypted", sender, options, true, false);
    report("sent", sender, options, false, true);
    report("encrypted and sent", sender, options, true, true);
    const uint64_t received = sender.received();
    std::printf("%llu of %llu packets were read\n", (unsigned long long)received,
                (unsigned long long)sender.sent());
}

} // namespace

int main(int argc, char **argv) {
    Options options;
    CLI::App app("Encrypts and sends packets to peers on loopback, at the least cost. Viewers are "
                 "those of 320 packets a second.",
                 "rtc-floor");
    app.add_option("--peers", options.peers, "How many")
        ->check(CLI::Range(1, 20'000))
        ->capture_default_str();
    app.add_option("--packets", options.packets, "Of a frame")
        ->check(CLI::Range(1, 54))
        ->capture_default_str();
    app.add_option("--size", options.size, "Bytes of a packet")
        ->check(CLI::Range(64, 1200))
        ->capture_default_str();
    app.add_option("--first", options.first,
                   "Bytes of one more packet in front of them, with a call of its own; 0: none")
        ->check(CLI::IsMember({0}) | CLI::Range(32, 1200))
        ->capture_default_str();
    app.add_option("--frames", options.frames, "To each peer in a round")
        ->check(CLI::Range(1, 10'000))
        ->capture_default_str();
    app.add_option("--rounds", options.rounds, "The best one and the median count")
        ->check(CLI::Range(1, 1000))
        ->capture_default_str();
    app.add_flag("--without-segments", options.without_segments, "One call for each packet");
    CLI11_PARSE(app, argc, argv);
    options.first = std::min(options.first, options.size);
    try {
        run(options);
    } catch (const std::exception &error) {
        std::fprintf(stderr, "rtc-floor: %s\n", error.what());
        return 1;
    }
}

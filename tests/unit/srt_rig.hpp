// SPDX-License-Identifier: LGPL-2.1-or-later
// Shared by the tests of the SRT server: a receiver, a caller on libsrt, a transport stream.
// Include it before check.hpp.
#pragma once

#include "core/mpegts/flv_muxer.h"
#include "core/net/loop/log.h"
#include "core/net/srt/library.h"
#include "core/net/srt/server.h"

#include "eventually.hpp"
#include "flv_samples.hpp"

#include <atomic>
#include <chrono>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <srt/access_control.h>
#include <srt/srt.h>

namespace srt_test {

using namespace penstock;
using penstock_test::eventually;

inline constexpr char passphrase[] = "correct horse battery";

/// What a publisher has sent, as a server source would get it.
class Receiver final : public net::TsReceiver {
public:
    void on_published(const net::Publisher &) override { ++published; }
    void on_unpublished(const std::string &) override { ++unpublished; }
    bool on_packets(Bytes &&packets) override {
        if (packets.size() % 188 != 0 || packets[0] != 0x47) ++misaligned;
        bytes += packets.size();
        return has_room;
    }
    std::atomic<unsigned> published{0}, unpublished{0}, misaligned{0};
    std::atomic<size_t> bytes{0};
    std::atomic<bool> has_room{true};
};

/// A program that calls the server.
class Caller {
public:
    /// Connects; `own_latency`: ms, -1: libsrt's default.
    Caller(uint16_t port, const std::string &id, const std::string &secret = {}) {
        std::string error;
        net::start_srt(&error);
        socket_ = srt_create_socket();
        const int32_t wait = 10'000, no = 0;
        srt_setsockflag(socket_, SRTO_CONNTIMEO, &wait, sizeof wait);
        // However busy the machine is, what comes again is not too late.
        srt_setsockflag(socket_, SRTO_TLPKTDROP, &no, sizeof no);
        if (!secret.empty())
            srt_setsockflag(socket_, SRTO_PASSPHRASE, secret.data(), int(secret.size()));
        srt_setsockflag(socket_, SRTO_STREAMID, id.data(), int(id.size()));
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        connected =
            srt_connect(socket_, reinterpret_cast<sockaddr *>(&address), sizeof address) == 0;
        refusal = connected ? 0 : srt_getrejectreason(socket_);
    }
    ~Caller() { hang_up(); }
    Caller(const Caller &) = delete;
    Caller &operator=(const Caller &) = delete;

    void hang_up() {
        if (socket_ != SRT_INVALID_SOCK) srt_close(socket_);
        socket_ = SRT_INVALID_SOCK;
    }
    /// Sends in messages of seven packets.
    bool send(ByteView bytes) {
        for (size_t at = 0; at < bytes.size(); at += 1316) {
            const ByteView message = bytes.subspan(at, std::min<size_t>(1316, bytes.size() - at));
            if (srt_sendmsg2(socket_, reinterpret_cast<const char *>(message.data()),
                             int(message.size()), nullptr) < 0)
                return false;
        }
        return true;
    }
    /// Reads until `size` bytes have come, or the connection ends.
    std::vector<uint8_t> read(size_t size) {
        std::vector<uint8_t> out;
        const int32_t wait = 10'000;
        srt_setsockflag(socket_, SRTO_RCVTIMEO, &wait, sizeof wait);
        char message[1500];
        while (out.size() < size) {
            const int got = srt_recvmsg(socket_, message, sizeof message);
            if (got <= 0) break;
            if (got % 188 != 0) return {};
            out.insert(out.end(), message, message + got);
        }
        return out;
    }
    bool is_open() const { return srt_getsockstate(socket_) == SRTS_CONNECTED; }

    bool connected = false;
    int refusal = 0; ///< SRT_REJ… or SRT_REJX_…

private:
    SRTSOCKET socket_ = SRT_INVALID_SOCK;
};

/// A transport stream of GOPs of five frames, one after another.
class Stream {
public:
    Stream() {
        muxer_.take(samples::video_config(), 0, pending_);
        muxer_.take(samples::audio_config(), 0, pending_);
    }
    std::vector<uint8_t> gop() {
        std::vector<uint8_t> out;
        for (int i = 0; i < 5; ++i, time_ += 40) {
            const auto time = static_cast<uint32_t>(time_);
            muxer_.take(samples::video_frame(time, i == 0, 1), time_, out);
            muxer_.take(samples::audio_frame(time, 1), time_, out);
        }
        return out;
    }

private:
    mpegts::FlvMuxer muxer_;
    std::vector<uint8_t> pending_;
    int64_t time_ = 0;
};

/// Pushes GOPs into a feed, as a live stream does: a packet that is lost comes again when the next
/// one shows that it is missing.
class Feeder {
public:
    /// `size`: bytes of each push, at least; all of it is one GOP or more.
    explicit Feeder(net::SrtFeed &feed, size_t size = 1)
        : thread_([this, &feed, size] {
              while (!is_done_) {
                  std::vector<uint8_t> gops;
                  while (gops.size() < size) {
                      const auto gop = stream_.gop();
                      gops.insert(gops.end(), gop.begin(), gop.end());
                  }
                  feed.push(ByteView(gops));
                  std::this_thread::sleep_for(std::chrono::milliseconds(10));
              }
          }) {}
    ~Feeder() {
        is_done_ = true;
        thread_.join();
    }

private:
    Stream stream_;
    std::atomic<bool> is_done_{false};
    std::thread thread_;
};

inline std::shared_ptr<net::SrtServer> open_server(const net::SrtLimits &limits = {}) {
    std::string error;
    return net::SrtServer::open({"127.0.0.1", 0}, &error, limits);
}

} // namespace srt_test

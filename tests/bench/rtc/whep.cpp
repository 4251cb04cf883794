// SPDX-License-Identifier: LGPL-2.1-or-later
// rtc-whep: the least server of WHEP, for tests of rtc-load and to compare servers with: one
// thread, one UDP port, the programme of the fan-out benchmark, no authorization, no pacing, no
// congestion control. Viewers begin at the next keyframe. It loses packets if it is told to.
#include "../fanout/load/media.h"
#include "../fanout/load/socket.h"

#include "core/rtp/payload/nal_packetizer.h"
#include "core/rtp/rtcp.h"
#include "core/rtp/rtx.h"
#include "rtc/peer.hpp"
#include "rtc/udp.hpp"

#include <CLI/CLI.hpp>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <deque>
#include <map>
#include <unordered_map>

using namespace rtc_test;

namespace {

constexpr size_t longest_request = 1 << 16, most_segments = 64, most_bytes = 65'000;
constexpr size_t packet_size = 1200, kept_packets = 1024;
constexpr size_t payload_budget = packet_size - rtp::fixed_header_size - srtp::max_rtp_growth;
constexpr uint32_t video_ssrc = 11, rtx_ssrc = 12; // as the answer says

struct Options {
    uint16_t port = 0;
    double bitrate = 2.15e6;
    unsigned viewers = 1000;
    unsigned lose = 0;   ///< every so many-th packet of a viewer; 0: none
    unsigned refuse = 0; ///< every so many-th offer; 0: none
};

struct Viewer {
    Viewer(std::shared_ptr<dtls::Context> context, RtcClient::Output &output)
        : peer(std::move(context), output) {}
    RtcPeer peer;
    uint8_t type = 0, rtx_type = 0; ///< payload types
    bool is_playing = false;
    uint16_t next = 1, next_rtx = 1;
    std::deque<std::vector<uint8_t>> sent; ///< with losses: not encrypted, newest last
};

class Site {
public:
    virtual ~Site() = default;
    /// The whole answer to a request.
    virtual std::string answer(std::string_view method, std::string_view path,
                               const std::string &body) = 0;
};

/// One request on one connection.
class Request final : public Loop::Watcher {
public:
    Request(Loop &loop, Site &site, int socket) : loop_(loop), site_(site), socket_(socket) {
        loop_.watch(socket_.get(), EPOLLIN, *this);
    }
    ~Request() override { close(); }
    bool is_over() const { return !socket_; }

private:
    void on_ready(uint32_t) override {
        char buffer[16384];
        const ssize_t got = recv(socket_.get(), buffer, sizeof buffer, 0);
        if (got <= 0) return close();
        in_.append(buffer, size_t(got));
        const size_t head = in_.find("\r\n\r\n");
        if (head == in_.npos || in_.size() > longest_request) return;
        constexpr std::string_view field = "Content-Length: ";
        size_t length = 0;
        if (const size_t at = in_.find(field); at < head)
            std::from_chars(in_.data() + at + field.size(), in_.data() + head, length);
        if (in_.size() < head + 4 + length) return;
        const std::string_view line = std::string_view(in_).substr(0, in_.find("\r\n"));
        const size_t space = std::min(line.find(' '), line.size() - 1);
        const std::string_view path = line.substr(space + 1);
        const std::string out = site_.answer(line.substr(0, space), path.substr(0, path.find(' ')),
                                             in_.substr(head + 4));
        // It fits into the buffer of a new connection.
        if (::send(socket_.get(), out.data(), out.size(), MSG_NOSIGNAL) >= 0) close();
    }
    void close() {
        if (!socket_) return;
        loop_.forget(socket_.get(), *this);
        socket_.reset();
    }

    Loop &loop_;
    Site &site_;
    load::Descriptor socket_;
    std::string in_;
};

class Server final : public Site, public RtcClient::Output {
public:
    explicit Server(const Options &options)
        : options_(options), programme_(options.bitrate),
          context_(dtls::Context::make({.handshakes = options.viewers + 1}, nullptr)),
          listener_(*this), media_(*this), frame_(most_bytes + packet_size) {
        if (!context_) throw load::Failure("there is no DTLS here");
        for (const load::Tag &tag : programme_.beginning())
            if (tag.type == load::TagType::video) packetizer_.configure(body_of(tag));
    }

    [[noreturn]] void run() {
        const auto began = load::Clock::now();
        for (;;) {
            const auto due = began + programme_.next_due();
            if (due > load::Clock::now()) {
                loop_.turn(uint64_t(due.time_since_epoch().count() / 1'000'000) + 1);
                std::erase_if(requests_, [](const auto &one) { return one->is_over(); });
                continue;
            }
            const load::Tag tag = programme_.next(load::now_ns());
            if (tag.type == load::TagType::video) send_frame(tag);
        }
    }

private:
    struct Listener final : Loop::Watcher {
        explicit Listener(Server &to)
            : server(to), socket(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
            sockaddr_in at = load::parse_address("127.0.0.1:" + std::to_string(to.options_.port));
            const int on = 1;
            setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
            if (bind(socket.get(), reinterpret_cast<sockaddr *>(&at), sizeof at) < 0 ||
                listen(socket.get(), 4096) < 0)
                throw load::system_failure("listen");
            server.loop_.watch(socket.get(), EPOLLIN, *this);
        }
        void on_ready(uint32_t) override {
            const int fd = accept4(socket.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
            if (fd >= 0)
                server.requests_.push_back(std::make_unique<Request>(server.loop_, server, fd));
        }
        Server &server;
        load::Descriptor socket;
    };
    struct Media final : Loop::Watcher {
        explicit Media(Server &to) : server(to) { server.loop_.watch(socket.fd(), EPOLLIN, *this); }
        void on_ready(uint32_t) override {
            socket.receive([&](const stun::TransportAddress &from, std::span<uint8_t> datagram) {
                server.receive(from, datagram);
            });
        }
        Server &server;
        UdpSocket socket{8 << 20};
    };

    static ByteView body_of(const load::Tag &tag) {
        const auto *data = reinterpret_cast<const uint8_t *>(tag.body.data());
        return ByteView(data, tag.body.size()).subspan(5);
    }
    static std::string reply(const char *status, const std::string &headers,
                             const std::string &body) {
        return std::string("HTTP/1.1 ") + status +
               "\r\nConnection: close\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
               headers + "\r\n" + body;
    }

    std::string answer(std::string_view method, std::string_view path,
                       const std::string &body) override {
        if (method == "DELETE") return remove(path.substr(path.rfind('/') + 1));
        if (method != "POST") return reply("405 Method Not Allowed", "", "");
        if (options_.refuse && ++offers_ % options_.refuse == 0)
            return reply("503 Service Unavailable", "", "no room");
        auto viewer = std::make_unique<Viewer>(context_, *this);
        RtcPeer &peer = viewer->peer;
        const auto at = stun::TransportAddress::v4({127, 0, 0, 1}, media_.socket.port());
        const Result result = peer.answer(body, true, at, steady_ms());
        if (!result.is_ok()) return reply("406 Not Acceptable", "", result.reason());
        for (const sdp::AnsweredSection &section : peer.answered().sections)
            if (section.is_accepted && section.kind == sdp::Kind::video) {
                viewer->type = section.codec.payload_type;
                viewer->rtx_type = section.rtx.value_or(0);
            }
        const std::string id = std::to_string(++last_id_);
        by_ufrag_[peer.ufrag()] = viewer.get();
        const std::string text = peer.answered().text;
        viewers_[id] = std::move(viewer);
        return reply("201 Created",
                     "Content-Type: application/sdp\r\nLocation: /whep/" + id + "\r\n", text);
    }

    std::string remove(std::string_view id) {
        const auto found = viewers_.find(std::string(id));
        if (found == viewers_.end()) return reply("404 Not Found", "", "");
        RtcPeer &peer = found->second->peer;
        by_ufrag_.erase(peer.ufrag());
        if (peer.has_selected()) by_address_.erase(peer.remote());
        viewers_.erase(found);
        return reply("200 OK", "", "");
    }

    void send(const stun::TransportAddress &to, ByteView bytes) override {
        media_.socket.send(to, bytes);
    }

    void receive(const stun::TransportAddress &from, std::span<uint8_t> datagram) {
        Viewer *viewer = nullptr;
        stun::Message message;
        if (stun::classify(datagram) == stun::Protocol::stun) {
            if (!stun::parse(datagram, message).is_ok() || !message.username) return;
            const auto found = by_ufrag_.find(std::string(stun::receiver_ufrag(*message.username)));
            if (found != by_ufrag_.end()) viewer = found->second;
        } else if (const auto found = by_address_.find(from); found != by_address_.end()) {
            viewer = found->second;
        }
        if (!viewer) return;
        viewer->peer.receive(from, datagram, steady_ms());
        if (viewer->peer.has_selected()) by_address_[viewer->peer.remote()] = viewer;
        viewer->peer.rtp.clear();
        for (const auto &packet : std::exchange(viewer->peer.rtcp, {}))
            repair(*viewer, packet);
    }

    /// Answers requests for packets by RTX.
    void repair(Viewer &viewer, ByteView bytes) {
        rtp::rtcp::Compound compound;
        if (!rtp::rtcp::parse(bytes, compound).is_ok()) return;
        for (const auto &one : compound.packets) {
            const auto *nack = std::get_if<rtp::rtcp::Nack>(&one);
            if (!nack) continue;
            nack->for_each([&](uint16_t sequence) {
                const auto back = size_t(uint16_t(viewer.next - sequence));
                rtp::Packet packet;
                if (back == 0 || back > viewer.sent.size() ||
                    !rtp::parse(viewer.sent[viewer.sent.size() - back], packet).is_ok())
                    return;
                Writer out;
                rtp::write_rtx(packet, viewer.rtx_type, rtx_ssrc, viewer.next_rtx++, out);
                viewer.peer.send_rtp(out.view().first(rtp::fixed_header_size),
                                     out.view().subspan(rtp::fixed_header_size));
            });
        }
    }

    void send_frame(const load::Tag &tag) {
        if (!packetizer_.packetize(body_of(tag), tag.key, payloads_).is_ok()) return;
        for (auto &[id, viewer] : viewers_) {
            if (!viewer->peer.is_connected()) {
                viewer->peer.advance(steady_ms());
                continue;
            }
            if (!viewer->is_playing && !tag.key) continue;
            viewer->is_playing = true;
            for (size_t i = 0; i < payloads_.size();)
                i += send_run(*viewer, i, tag.ms * 90);
        }
    }

    /// Sends some payloads from `i` on in one call, and returns how many.
    size_t send_run(Viewer &viewer, size_t i, uint32_t timestamp) {
        const size_t each = rtp::fixed_header_size + payloads_[i].size +
                            srtp::tag_size(viewer.peer.sender().profile());
        size_t count = std::min({payloads_.run_at(i), most_segments, most_bytes / each});
        if (options_.lose) count = 1;
        size_t size = 0;
        for (size_t at = i; at < i + count; ++at) {
            pieces_.clear();
            payloads_.each_piece(at, [&](ByteView piece) { pieces_.push_back(piece); });
            Writer header;
            header.u8(0x80).u8(viewer.type | (payloads_[at].marker ? 0x80 : 0));
            header.u16(viewer.next++).u32(timestamp).u32(video_ssrc);
            if (options_.lose) keep(viewer, header.view());
            size += viewer.peer.sender()
                        .protect(header.view(), pieces_, std::span(frame_).subspan(size))
                        .size;
        }
        const bool is_lost = options_.lose && viewer.next % options_.lose == 0;
        if (!is_lost) media_.socket.send(viewer.peer.remote(), ByteView(frame_).first(size), each);
        return count;
    }

    void keep(Viewer &viewer, ByteView header) {
        std::vector<uint8_t> &packet = viewer.sent.emplace_back(header.begin(), header.end());
        for (const ByteView piece : pieces_)
            packet.insert(packet.end(), piece.begin(), piece.end());
        if (viewer.sent.size() > kept_packets) viewer.sent.pop_front();
    }

    const Options &options_;
    load::Programme programme_;
    const std::shared_ptr<dtls::Context> context_;
    Loop loop_;
    Listener listener_;
    Media media_;
    rtp::payload::NalPacketizer packetizer_{codec::NalCodec::avc, payload_budget};
    rtp::payload::Payloads payloads_;
    std::vector<ByteView> pieces_;
    std::vector<uint8_t> frame_;
    std::vector<std::unique_ptr<Request>> requests_;
    std::map<std::string, std::unique_ptr<Viewer>> viewers_;
    std::unordered_map<std::string, Viewer *> by_ufrag_;
    std::map<stun::TransportAddress, Viewer *> by_address_;
    unsigned offers_ = 0, last_id_ = 0;
};

} // namespace

int main(int argc, char **argv) {
    signal(SIGPIPE, SIG_IGN);
    Options options;
    CLI::App app("Serves one stream by WHEP to whoever asks, at the least cost.", "rtc-whep");
    app.add_option("--port", options.port, "Of HTTP, on 127.0.0.1")->required();
    app.add_option("--bitrate", options.bitrate, "Bits per second")->capture_default_str();
    app.add_option("--viewers", options.viewers, "How many will come, at most")
        ->capture_default_str();
    app.add_option("--lose", options.lose, "Every so many-th packet of a viewer; 0: none");
    app.add_option("--refuse", options.refuse, "Every so many-th offer; 0: none");
    CLI11_PARSE(app, argc, argv);
    try {
        load::allow_descriptors(options.viewers + 64);
        Server(options).run();
    } catch (const std::exception &error) {
        std::fprintf(stderr, "rtc-whep: %s\n", error.what());
        return 1;
    }
}

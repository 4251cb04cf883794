// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/rtsp/publication.h"

#include "core/net/tls/random.h"
#include "core/rtc/codec.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace penstock::net {
namespace {

constexpr int64_t udp_delay = 200'000'000; ///< ns that a packet waits for those before it
constexpr std::chrono::milliseconds tick_interval(20);
constexpr unsigned most_tries = 32; ///< to find two ports that follow each other
constexpr unsigned max_channel = 255;

/// An IPv4 address that a socket of IPv6 knows as such is bound by one of IPv4.
boost::asio::ip::address unmapped(const boost::asio::ip::address &address) {
    namespace ip = boost::asio::ip;
    if (!address.is_v6() || !address.to_v6().is_v4_mapped()) return address;
    return ip::make_address_v4(ip::v4_mapped, address.to_v6());
}

} // namespace

/// The two ports of a stream.
class Publication::Ports : public std::enable_shared_from_this<Publication::Ports> {
public:
    Ports(Publication &owner, size_t stream)
        : rtp_(owner, stream, false), rtcp_(owner, stream, true) {}
    ~Ports() { close(); }
    bool open(const std::shared_ptr<Loops> &loops, size_t loop,
              const boost::asio::ip::address &local) {
        const std::string host = local.to_string();
        std::string error;
        for (unsigned left = most_tries; left > 0; --left) {
            auto rtp = UdpSocket::open(loops, loop, {host, 0}, &error);
            if (!rtp) return false;
            const uint16_t port = rtp->address().port;
            if (port % 2 != 0) continue; // RFC 3550, section 11
            auto rtcp =
                UdpSocket::open(loops, loop, {host, static_cast<uint16_t>(port + 1)}, &error);
            if (!rtcp) continue;
            rtp_.socket = std::move(rtp);
            rtcp_.socket = std::move(rtcp);
            return rtp_.socket->start(rtp_) && rtcp_.socket->start(rtcp_);
        }
        return false;
    }
    void close() {
        for (One *one : {&rtp_, &rtcp_})
            if (one->socket) one->socket->close();
    }
    uint16_t rtp_port() const { return rtp_.socket->address().port; }
    void send_report(const udp::endpoint &to, ByteView compound) {
        const iovec part{const_cast<uint8_t *>(compound.data()), compound.size()};
        rtcp_.socket->send(to, {}, &part, 1);
    }

private:
    struct One final : DatagramReceiver {
        One(Publication &publication, size_t number, bool rtcp)
            : owner(publication), stream(number), is_rtcp(rtcp) {}
        void on_datagram(const Datagram &datagram) override {
            owner.take_datagram(stream, is_rtcp, datagram);
        }
        Publication &owner;
        const size_t stream;
        const bool is_rtcp;
        std::shared_ptr<UdpSocket> socket;
    };
    One rtp_, rtcp_;
};

Publication::Publication(std::shared_ptr<Loops> loops, size_t loop,
                         const boost::asio::ip::address &peer,
                         const boost::asio::ip::address &local, Owner &owner)
    : loops_(std::move(loops)), loop_(loop), peer_(unmapped(peer)), local_(unmapped(local)),
      owner_(owner), timer_(loops_->at(loop_)) {
}

Publication::~Publication() {
    timer_.cancel();
    for (const Stream &stream : streams_)
        if (stream.ports) stream.ports->close();
}

Result Publication::announce(const std::string &text) {
    sdp::Presentation presentation;
    if (const Result result = sdp::read_presentation(text, presentation); !result.is_ok())
        return result;
    bool has[2] = {false, false};
    for (const sdp::PresentedStream &from : presentation.streams) {
        Stream stream;
        stream.control = from.control;
        for (const sdp::Codec &format : from.codecs) {
            const auto codec = rtsp::track_codec(format);
            if (!codec || !rtc::is_in_flv(codec->codec)) continue;
            if (std::exchange(has[rtc::is_video(codec->codec) ? 0 : 1], true)) break;
            stream.track = tracks_.size();
            tracks_.push_back({from, *codec, {}});
            break;
        }
        streams_.push_back(std::move(stream));
    }
    return tracks_.empty() ? Result::error("none of its codecs is received") : Result::ok();
}

std::vector<std::string> Publication::controls() const {
    std::vector<std::string> out;
    for (const Stream &stream : streams_)
        out.push_back(stream.control);
    return out;
}

bool Publication::set_up(size_t number, const std::vector<rtsp::Transport> &offered, bool with_udp,
                         rtsp::Transport &chosen) {
    if (number >= streams_.size()) return false;
    for (const rtsp::Transport &one : offered) {
        if (one.profile != "RTP/AVP" || one.is_multicast) continue;
        if (one.is_tcp ? !set_up_interleaved(number, one, chosen)
                       : !with_udp || !set_up_udp(number, one, chosen))
            continue;
        chosen.mode = one.mode;
        is_any_set_ = is_any_set_ || streams_[number].track.has_value();
        return true;
    }
    return false;
}

/// A publisher chooses its channels itself.
bool Publication::set_up_interleaved(size_t number, const rtsp::Transport &offered,
                                     rtsp::Transport &chosen) {
    const auto first = static_cast<uint16_t>(2 * number);
    const rtsp::PortPair channels =
        offered.interleaved.value_or(rtsp::PortPair{first, static_cast<uint16_t>(first + 1)});
    if (channels.rtp > max_channel || channels.rtcp > max_channel) return false;
    streams_[number].ports.reset();
    streams_[number].channels = channels;
    uses_udp_ = std::any_of(streams_.begin(), streams_.end(),
                            [](const Stream &stream) { return stream.ports != nullptr; });
    chosen.is_tcp = true;
    chosen.interleaved = channels;
    return true;
}

bool Publication::set_up_udp(size_t number, const rtsp::Transport &offered,
                             rtsp::Transport &chosen) {
    if (!offered.client_port) return false;
    auto ports = std::make_shared<Ports>(*this, number);
    if (!ports->open(loops_, loop_, local_)) return false;
    const uint16_t port = ports->rtp_port();
    chosen.client_port = offered.client_port;
    chosen.server_port = {port, static_cast<uint16_t>(port + 1)};
    Stream &stream = streams_[number];
    stream.channels.reset();
    stream.ports = std::move(ports);
    stream.reports_to = {peer_, offered.client_port->rtcp};
    uses_udp_ = true;
    return true;
}

void Publication::begin() {
    rtsp::ClientMedia::Options options;
    options.ssrc = static_cast<uint32_t>(secure_random() & 0x7FFF'FFFF) | 1;
    options.delay = uses_udp_ ? udp_delay : 0;
    rtsp::ClientMedia::Handler &handler = *this;
    media_ = std::make_unique<rtsp::ClientMedia>(tracks_, options, handler);
    if (uses_udp_) tick();
}

void Publication::take_interleaved(uint8_t channel, ByteView packet) {
    if (!media_) return;
    const auto now = static_cast<int64_t>(steady_ns());
    for (const Stream &stream : streams_) {
        if (!stream.channels || !stream.track) continue;
        if (stream.channels->rtp == channel) return media_->on_rtp(*stream.track, packet, now);
        if (stream.channels->rtcp == channel) return media_->on_rtcp(*stream.track, packet, now);
    }
}

void Publication::take_datagram(size_t number, bool is_rtcp, const Datagram &datagram) {
    if (!media_ || datagram.from.address() != peer_ || owner_.is_held()) return;
    const Stream &stream = streams_[number];
    if (!stream.track) return;
    const auto now = static_cast<int64_t>(steady_ns());
    if (is_rtcp)
        media_->on_rtcp(*stream.track, datagram.bytes, now);
    else
        media_->on_rtp(*stream.track, datagram.bytes, now);
}

/// Packets that others come too late for are passed on by the clock.
void Publication::tick() {
    timer_.expires_after(tick_interval);
    timer_.async_wait([this, alive = std::weak_ptr(alive_)](boost::system::error_code ec) {
        if (ec || alive.expired()) return;
        check();
        tick();
    });
}

void Publication::check() {
    if (media_) media_->check(static_cast<int64_t>(steady_ns()));
}

void Publication::on_tag(flv::Tag &&tag, std::optional<int64_t>) {
    owner_.on_published_tag(std::move(tag));
}

/// Streams that FLV can't carry are not set up.
void Publication::on_frame(size_t, const rtsp::TrackCodec &, rtsp::ElementaryFrame &&) {
}

void Publication::on_report(size_t track, ByteView compound) {
    for (const Stream &stream : streams_) {
        if (stream.track != track) continue;
        if (stream.ports)
            stream.ports->send_report(stream.reports_to, compound);
        else if (stream.channels)
            owner_.send_report(static_cast<uint8_t>(stream.channels->rtcp), compound);
    }
}

} // namespace penstock::net

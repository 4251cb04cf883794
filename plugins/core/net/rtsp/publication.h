// SPDX-License-Identifier: LGPL-2.1-or-later
// What a publisher announces and sends: its tracks, the channels or ports on which they come, and
// the FLV tags that become of them.
#pragma once

#include "core/bytes/result.h"
#include "core/net/loop/clock.h"
#include "core/net/loop/udp_socket.h"
#include "core/rtsp/client/media.h"
#include "core/rtsp/transport.h"

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace penstock::net {

/// Used on its loop only.
class Publication final : private rtsp::ClientMedia::Handler {
public:
    /// Called while media are taken.
    class Owner {
    public:
        virtual void on_published_tag(flv::Tag &&tag) = 0;
        /// RTCP to be interleaved.
        virtual void send_report(uint8_t channel, ByteView compound) = 0;
        virtual void on_media_oddity(const std::string &text) = 0;
        /// Whether datagrams are dropped, because the receiver's queue is full.
        virtual bool is_held() const = 0;

    protected:
        ~Owner() = default;
    };
    /// `peer`: the only address from which datagrams are taken; `local`: the one that it knows.
    Publication(std::shared_ptr<Loops> loops, size_t loop, const boost::asio::ip::address &peer,
                const boost::asio::ip::address &local, Owner &owner);
    ~Publication();

    /// Reads a session description: its first stream of video and of audio that are understood are
    /// taken, what comes of the others is dropped. Errors: it has neither.
    Result announce(const std::string &sdp);
    /// Those of all its streams.
    std::vector<std::string> controls() const;
    /// Chooses a way for a stream. False: none is possible. `with_udp`: datagrams are.
    bool set_up(size_t stream, const std::vector<rtsp::Transport> &offered, bool with_udp,
                rtsp::Transport &chosen);
    bool has_tracks() const { return !tracks_.empty() && is_any_set_; }
    bool is_udp() const { return uses_udp_; }
    /// Takes media from now on.
    void begin();
    void take_interleaved(uint8_t channel, ByteView packet);
    /// About once a second.
    void check();
    /// Whether the publisher has said BYE.
    bool has_ended() const { return media_ && media_->has_ended(); }

private:
    class Ports;
    /// A stream of the description.
    struct Stream {
        std::string control;
        std::optional<size_t> track; ///< of tracks_; empty: it is dropped
        std::optional<rtsp::PortPair> channels;
        std::shared_ptr<Ports> ports;
        udp::endpoint reports_to; ///< by UDP
    };
    void on_tag(flv::Tag &&tag, std::optional<int64_t> sender_time) override;
    void on_frame(size_t track, const rtsp::TrackCodec &codec,
                  rtsp::ElementaryFrame &&frame) override;
    void on_report(size_t track, ByteView compound) override;
    void on_oddity(const std::string &text) override { owner_.on_media_oddity(text); }
    bool set_up_udp(size_t stream, const rtsp::Transport &offered, rtsp::Transport &chosen);
    bool set_up_interleaved(size_t stream, const rtsp::Transport &offered, rtsp::Transport &chosen);
    void take_datagram(size_t stream, bool is_rtcp, const Datagram &datagram);
    void tick();

    const std::shared_ptr<Loops> loops_;
    const size_t loop_;
    const boost::asio::ip::address peer_, local_;
    Owner &owner_;
    std::vector<Stream> streams_;
    std::vector<rtsp::ClientTrack> tracks_;
    std::unique_ptr<rtsp::ClientMedia> media_; ///< nullptr until begin()
    Timer timer_;
    const std::shared_ptr<void> alive_ = std::make_shared<int>(); ///< for what comes later
    bool uses_udp_ = false, is_any_set_ = false;
};

} // namespace penstock::net

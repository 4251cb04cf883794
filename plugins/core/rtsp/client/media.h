// SPDX-License-Identifier: LGPL-2.1-or-later
// The receiving half of a session of RTSP: RTP and RTCP of its tracks in, FLV tags, frames that FLV
// can't carry, and receiver reports out. RFC 3550, RFC 3551. No sockets, no clock.
#pragma once

#include "core/flv/tag.h"
#include "core/rtc/received_track.h"
#include "core/rtsp/client/track_codec.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace penstock::rtsp {

/// What a session receives of one stream of the description.
struct ClientTrack {
    sdp::PresentedStream stream;
    TrackCodec codec;
    std::string url; ///< for SETUP
};

/// A frame of a codec that FLV does not have.
struct ElementaryFrame {
    Bytes bytes;
    int64_t time = 0;                   ///< ns since the first packet of the session
    std::optional<int64_t> sender_time; ///< ns since 1970 by the camera's clock
};

/// The first track of video and that of audio become FLV tags, on one timeline that begins near 0:
/// arrivals lead it, and sender reports keep the tracks synchronous. Reports that come late, clocks
/// that drift and clocks that jump drop nothing. A configuration tag precedes the first frame and
/// each one that needs another.
///
/// A codec is what the packets show, where that is not what the description says: H.264 announced
/// as H.265 and the reverse, and G.711 or JPEG by a static payload type. Payload types are not
/// believed otherwise, since each track has a channel of its own.
///
/// Times are ns of any steady clock. The camera is hostile: packets, bytes and RTCP are bounded.
/// Not thread-safe.
class ClientMedia {
public:
    class Handler {
    public:
        virtual ~Handler() = default;
        /// `sender_time`: ns since 1970 by the camera's clock.
        virtual void on_tag(flv::Tag &&tag, std::optional<int64_t> sender_time) = 0;
        virtual void on_frame(size_t track, const TrackCodec &codec, ElementaryFrame &&frame) = 0;
        /// RTCP to be sent on the track's channel; the view ends with the call.
        virtual void on_report(size_t track, ByteView compound) = 0;
        /// An oddity, for the log.
        virtual void on_oddity(const std::string &text) = 0;
    };
    struct Options {
        uint32_t ssrc = 1; ///< this side's, in reports
        int64_t delay = 0; ///< ns that a packet waits for missing ones before it
    };
    struct TrackStats {
        rtc::Codec codec = rtc::Codec::avc;
        rtc::ReceivedTrack::Counters counters;
        uint64_t missing = 0; ///< packets that never came
        int64_t jitter = 0;   ///< ns
        unsigned width = 0, height = 0;
    };

    ClientMedia(const std::vector<ClientTrack> &tracks, Options options, Handler &handler);

    void on_rtp(size_t track, ByteView packet, int64_t now);
    void on_rtcp(size_t track, ByteView datagram, int64_t now);
    /// Sends reports that are due, and passes on what waits no longer.
    void check(int64_t now);
    /// When check() has something to do; empty: not before another packet.
    std::optional<int64_t> deadline() const;

    /// How long a packet waits for missing ones before it from now on; ns.
    void set_delay(int64_t delay);
    /// Whether every track that began has said BYE, and there was one.
    bool has_ended() const;
    bool has_begun() const { return origin_.has_value(); }
    std::vector<TrackStats> stats() const;

private:
    struct Track {
        ClientTrack setup;
        TrackCodec codec;
        size_t clock_track = 0;
        std::unique_ptr<rtc::ReceivedTrack> received;
        NalCodecCheck check;
        std::optional<int64_t> last_payload_change; ///< ns
        uint8_t payload_type = 0;
        bool has_begun = false, has_ended = false;
    };

    void make_receiver(Track &track);
    void follow_payload(Track &track, const rtp::Packet &packet);
    void change_codec(Track &track, const TrackCodec &codec, const std::string &why);
    void take_frames(size_t index, int64_t now);
    void emit(size_t index, rtc::TrackFrame &&frame);
    void send_reports(int64_t now);
    int64_t since_origin(int64_t time) const;

    Options options_;
    Handler &handler_;
    rtp::MediaClock clock_;
    std::vector<Track> tracks_;
    std::optional<int64_t> origin_, next_report_;
    uint64_t datagrams_ = 0; ///< of RTCP in the present second
    int64_t second_ = 0;
    std::vector<rtc::TrackFrame> frames_; ///< scratch
};

} // namespace penstock::rtsp

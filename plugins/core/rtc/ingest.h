// SPDX-License-Identifier: LGPL-2.1-or-later
// The receiving half of a WebRTC publisher: decrypted RTP and RTCP of one bundled transport in, FLV
// tags and RTCP to be sent out. RFC 3550, RFC 4585, RFC 8834. No sockets, no encryption, no clock.
#pragma once

#include "core/flv/tag.h"
#include "core/rtc/flv_tracks.h"
#include "core/rtc/received_track.h"
#include "core/rtc/rtcp_batch.h"
#include "core/rtc/sources.h"
#include "core/rtp/twcc_sender.h"
#include "core/sdp/answer.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace penstock::rtc {

/// Receives the tracks that an answer accepts (policy.h). Simulcast layers are video tracks of
/// their own (flv_tracks.h): FLV's default track, and tracks 1, 2, … of Enhanced RTMP.
///
/// A track's tags have timestamps that never go back. They begin near 0, and all tracks are on one
/// timeline, which the sender's reports keep synchronous. A configuration tag precedes the first
/// frame and each frame that needs another. Of video only frames that can be decoded are passed on:
/// after a gap that was not repaired the next is a keyframe, which is asked for. Tags of a track
/// with G.711 are legacy FLV.
///
/// Times are ns of any steady clock; one that is earlier than the last counts as that. The peer is
/// hostile: sources, packets, bytes and RTCP are bounded. Not thread-safe. The handler may only
/// call request_keyframe() and functions that are const.
class Ingest {
public:
    class Handler {
    public:
        virtual ~Handler() = default;
        virtual void on_tag(flv::Tag &&tag) = 0;
        /// RTCP to be encrypted and sent; the view ends with the call.
        virtual void on_rtcp(ByteView compound) = 0;
    };
    struct Options {
        uint32_t ssrc = 1;              ///< this side's, as the sender of feedback
        std::string cname = "penstock"; ///< of it
        /// ns that a packet waits for missing ones before it that can be asked for, at least, and
        /// for others.
        int64_t reorder_delay = 150'000'000, plain_delay = 50'000'000;
        int64_t nack_delay = 5'000'000;            ///< ns, for networks that reorder
        int64_t keyframe_interval = 1'000'000'000; ///< ns between requests for a layer's keyframe
        int64_t layer_wait = 2'000'000'000;        ///< ns; FlvTracks::Limits
        /// bit/s that the sender is told it may use (REMB), if that was agreed; 0: nothing is told.
        uint64_t max_bitrate = 20'000'000;
    };
    struct TrackStats {
        Codec codec = Codec::avc;
        std::string mid, rid;             ///< rid: of a layer
        std::optional<uint8_t> flv_track; ///< once it is known
        std::optional<uint32_t> ssrc;
        bool is_active = false; ///< packets came within ReceivedTrack::silence
        ReceivedTrack::Counters counters;
        uint64_t missing = 0, nacks = 0, recovered = 0; ///< packets
        unsigned width = 0, height = 0;                 ///< pixels; 0: not known
        int64_t jitter = 0;                             ///< ns
    };
    struct Stats {
        uint64_t packets = 0, bytes = 0; ///< of RTP, all
        uint64_t malformed = 0;          ///< datagrams
        uint64_t unknown = 0;            ///< packets that belong to no track
        uint64_t rtcp = 0;               ///< datagrams
        uint64_t rtcp_ignored = 0;       ///< of these, for there were too many
        int64_t round_trip = 0;          ///< ns; 0: not known
        std::vector<TrackStats> tracks;
    };

    /// `answer` is that of make_answer() to `offer`; neither is needed afterwards. `now` as below.
    Ingest(const sdp::Offer &offer, const sdp::Answer &answer, Options options, Handler &handler,
           int64_t now);
    Ingest(const Ingest &) = delete;
    Ingest &operator=(const Ingest &) = delete;

    /// A packet. Passes on the tags that it completes; what is to be sent waits for check(), which
    /// is to be called after each batch of datagrams.
    void on_rtp(ByteView packet, int64_t now);
    void on_rtcp(ByteView datagram, int64_t now);
    /// Sends what is due, and passes on what waits no longer.
    void check(int64_t now);
    /// When check() has something to do, maybe at once; empty: not before another packet.
    std::optional<int64_t> deadline() const;
    /// Asks for a keyframe of each video track that has begun: at once, unless one was asked for
    /// within the interval or two round trips. Sent by check().
    void request_keyframe(int64_t now);
    /// A round trip that is known otherwise, as from DTLS; ns. Answers to NACKs refine it.
    void set_round_trip(int64_t round_trip);

    /// Whether every source that was heard of has said BYE, and there was one.
    bool has_ended() const;
    Stats stats() const;

private:
    struct Track {
        size_t section = 0;
        std::string mid, rid;
        std::unique_ptr<ReceivedTrack> received;
        size_t clock_track = 0;
        std::optional<uint8_t> red; ///< payload type
        bool pli = false, fir = false;
        uint8_t fir_sequence = 0;
        bool has_begun = false, has_ended = false, was_restarted = false;
    };

    void learn_agreement(const sdp::Offer &offer, const sdp::Answer &answer,
                         const std::vector<bool> &is_received);
    void add_tracks(const sdp::Answer &answer);
    std::unique_ptr<ReceivedTrack> make_receiver(const sdp::AnsweredSection &section, Codec codec,
                                                 size_t clock_track);
    void advance(int64_t now);
    bool unwrap_red(Track &track, rtp::Packet &packet);
    void take_frames(size_t index);
    void pass_on();
    void emit(Codec codec, uint8_t id, const TrackFrame &frame);
    void take_report(const rtp::rtcp::SenderReport &report);
    void take_goodbye(const rtp::rtcp::Goodbye &goodbye);
    void take_round_trip(int64_t sample);
    bool may_take_rtcp();
    void restart_silent_layers();
    void send_feedback();
    void send_keyframe_request(Track &track);
    void send_report();
    void send_arrivals();
    uint32_t ms_of(int64_t time) const;

    const Options options_;
    Handler &handler_;
    int64_t now_;
    Sources sources_;
    std::vector<Track> tracks_; ///< in the order of sources_.tracks()
    rtp::ExtensionIds ids_;
    bool has_arrivals_ = false, has_estimate_ = false; ///< feedback that was agreed
    rtp::MediaClock clock_;
    FlvTracks flv_tracks_;
    rtp::ArrivalLog arrivals_;
    RtcpBatch batch_;
    std::optional<int64_t> origin_;      ///< ns; timestamp 0
    std::optional<int64_t> next_report_; ///< ns
    int64_t round_trip_ = 0;             ///< ns; 0: not known
    int64_t rtcp_allowance_;             ///< ns, of which each datagram costs some
    int64_t rtcp_since_;                 ///< ns
    Stats stats_;
    std::vector<TrackFrame> frames_; ///< scratch
    std::vector<FlvTracks::Out> out_;
    std::vector<uint16_t> missing_;
};

} // namespace penstock::rtc

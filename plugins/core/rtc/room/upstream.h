// SPDX-License-Identifier: LGPL-2.1-or-later
// What one participant of a room sends: decrypted RTP and RTCP of its transport in, packets for all
// receivers and RTCP for the participant out. No sockets, no encryption, no clock.
#pragma once

#include "core/rtc/room/upstream_layer.h"
#include "core/rtc/rtcp_batch.h"
#include "core/rtc/sources.h"
#include "core/rtp/twcc_sender.h"
#include "core/sdp/answer.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace penstock::rtc::room {

/// What a track shows. A participant has at most one of each.
enum class SourceKind : uint8_t { microphone, camera, screen };
inline constexpr size_t source_kinds = 3;
constexpr bool is_video(SourceKind kind) {
    return kind != SourceKind::microphone;
}

/// Asks for missing packets, bounds requests for keyframes, and reports what arrives. Times are ns
/// of any steady clock; one that is earlier than the last counts as that. The peer is hostile:
/// of audio 250 kbit/s pass, of all video half as much again as `max_bitrate`, and no packets that
/// grow too large for receivers; what exceeds that counts as lost. Not thread-safe. The handler may
/// only call request_keyframe() and functions that are const.
class Upstream {
public:
    class Handler {
    public:
        virtual ~Handler() = default;
        virtual void on_packet(SourceKind kind, const MediaPacketPtr &packet) = 0;
        /// How loud the microphone is; -dBov, 0 (loudest) to 127.
        virtual void on_level(uint8_t level) = 0;
        /// RTCP to be encrypted and sent; the view ends with the call.
        virtual void on_rtcp(ByteView compound) = 0;
    };
    struct Options {
        uint32_t ssrc = 1; ///< this side's, as the sender of feedback
        std::string cname = "penstock";
        /// bit/s that the sender is told it may use (REMB), if that was agreed.
        uint64_t max_bitrate = 10'000'000;
    };
    /// A source that was negotiated.
    struct Track {
        SourceKind kind = SourceKind::microphone;
        Codec codec = Codec::opus;
        std::vector<std::unique_ptr<UpstreamLayer>> layers;
    };

    /// `answer` is that of make_answer() to `offer` by join_policy(); neither is needed afterwards.
    Upstream(const sdp::Offer &offer, const sdp::Answer &answer, Options options, Handler &handler,
             int64_t now);
    Upstream(const Upstream &) = delete;
    Upstream &operator=(const Upstream &) = delete;

    void on_rtp(ByteView packet, int64_t now);
    /// Rate-bounded by the caller.
    void on_rtcp(const rtp::rtcp::Compound &compound, int64_t now);
    /// Sends what is due; to be called every few milliseconds.
    void check(int64_t now);
    /// A receiver needs a keyframe of this layer. One is asked for at most once in a second.
    void request_keyframe(SourceKind kind, uint8_t layer);

    const std::vector<Track> &tracks() const { return tracks_; }
    const Track *find(SourceKind kind) const;
    /// Whether every source that was heard of has said BYE, and there was one.
    bool has_ended() const;
    uint64_t packets() const { return packets_; }
    uint64_t bytes() const { return bytes_; }

private:
    /// What may come in a while: so much in a second, and that of some seconds at once.
    class Allowance {
    public:
        Allowance(double rate, double seconds, int64_t now)
            : rate_(rate), most_(rate * seconds), left_(most_), since_(now) {}
        bool take(size_t bytes, int64_t now);

    private:
        double rate_, most_, left_; ///< bit/s; bits
        int64_t since_;             ///< ns
    };
    struct Place {
        size_t track = 0, layer = 0;
    };
    void add_track(const sdp::AnsweredSection &answered, size_t section, SourceKind kind);
    UpstreamLayer &layer_at(size_t source) {
        return *tracks_[places_[source].track].layers[places_[source].layer];
    }
    void take(size_t source, const rtp::Packet &packet, bool is_rtx);
    void send_report();
    void send_arrivals();

    const Options options_;
    Handler &handler_;
    int64_t now_;
    std::unique_ptr<Sources> sources_;
    std::vector<Track> tracks_;
    std::vector<Place> places_; ///< in the order of the tracks of `sources_`
    rtp::ExtensionIds ids_;
    bool has_arrivals_ = false, has_estimate_ = false; ///< feedback that was agreed
    rtp::MediaClock clock_;
    rtp::ArrivalLog arrivals_;
    RtcpBatch batch_;
    int64_t next_report_;
    Allowance audio_, video_;
    uint64_t packets_ = 0, bytes_ = 0;
    std::vector<uint16_t> missing_; ///< scratch
};

} // namespace penstock::rtc::room

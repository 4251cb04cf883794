// SPDX-License-Identifier: LGPL-2.1-or-later
// One track of a publisher or a camera, from RTP packets to frames with times: order, loss,
// retransmissions, and when a keyframe is asked for.
#pragma once

#include "core/rtc/codec.h"
#include "core/rtp/clock.h"
#include "core/rtp/nack.h"
#include "core/rtp/packet.h"
#include "core/rtp/receive_stats.h"
#include "core/rtp/reorder.h"
#include "core/timing/decode_order.h"

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace penstock::rtc {

/// A frame that a decoder can use after those before it.
struct TrackFrame {
    Bytes bytes;              ///< as FLV has it
    int64_t dts = 0, pts = 0; ///< ns of the receiver's clock; DTS never goes back, PTS >= DTS
    bool keyframe = true;
    std::vector<uint8_t> config; ///< of this frame and those after it; empty: as before
    /// ns since 1970 by the sender's clock; empty without a report.
    std::optional<int64_t> sender_time;
};

/// Of video, frames that are damaged, and those after a gap, are left out until a keyframe comes
/// whole, and that is asked for. Times are ns of the steady clock that arrivals are told in, and
/// never go back. Not thread-safe; stays where it is.
class ReceivedTrack {
public:
    struct Settings {
        Codec codec = Codec::avc;
        sdp::Parameters parameters; ///< of the description
        /// Makes the depacketizer; empty: make_depacketizer() does.
        std::function<std::unique_ptr<rtp::payload::Depacketizer>()> make;
        uint32_t rate = 90'000;         ///< ticks of RTP's timestamps in a second
        bool nack = false;              ///< missing packets can be asked for
        bool keyframe_requests = false; ///< so can keyframes
        int64_t delay = 150'000'000;    ///< ns that a packet waits for those before it, at least
        int64_t nack_delay = 0;         ///< ns before a missing packet is asked for
        int64_t keyframe_interval = 1'000'000'000; ///< ns between two requests for keyframes
        size_t max_waiting = 2 << 20;              ///< bytes of packets that wait
        size_t max_frame = 8 << 20;                ///< bytes of packets without a frame
    };
    struct Counters {
        uint64_t packets = 0;           ///< without those that came twice or were too late
        uint64_t bytes = 0;             ///< of their payloads
        uint64_t frames = 0;            ///< passed on
        uint64_t keyframes = 0;         ///< of these
        uint64_t dropped_frames = 0;    ///< damaged, or not decodable
        uint64_t overflows = 0;         ///< packets beyond `max_waiting`, frames beyond `max_frame`
        uint64_t keyframe_requests = 0; ///< that were sent
    };
    /// A track without packets for so long is silent; ns.
    static constexpr int64_t silence = 2'000'000'000;

    /// `clock_track` is its track of `clock`, which must outlive it.
    ReceivedTrack(Settings settings, rtp::MediaClock &clock, size_t clock_track);
    ReceivedTrack(const ReceivedTrack &) = delete;
    ReceivedTrack &operator=(const ReceivedTrack &) = delete;

    /// A packet; a retransmission as it was sent first. Returns a round trip if it tells one; ns.
    /// Call pop() afterwards.
    std::optional<int64_t> receive(const rtp::Packet &packet, bool is_rtx, int64_t now);
    /// Whether a packet that is repeated unasked is of use.
    bool lacks(uint16_t sequence) const { return ssrc_ && reorder_.lacks(*ssrc_, sequence); }
    /// Appends the frames that are in order, or wait no longer.
    void pop(int64_t now, std::vector<TrackFrame> &out);
    void sender_report(const rtp::rtcp::SenderReport &report, int64_t now);
    /// The source has ended: appends what still waits.
    void end(std::vector<TrackFrame> &out);

    /// Appends the sequence numbers to be asked for now.
    void take_nacks(int64_t now, std::vector<uint16_t> &out);
    void set_round_trip(int64_t round_trip);
    /// How long a packet waits for those before it from now on; ns.
    void set_delay(int64_t delay) { reorder_.set_delay(delay); }
    /// A keyframe is wanted, if they can be asked for. The next one to come satisfies that.
    void want_keyframe() { wants_keyframe_ = settings_.keyframe_requests; }
    /// Whether one is to be asked for now; counts the request. A track that is silent is asked
    /// once.
    bool take_keyframe_request(int64_t now);
    /// When pop(), take_nacks() or take_keyframe_request() has something to do; empty: not before
    /// another packet.
    std::optional<int64_t> deadline() const;

    Codec codec() const { return settings_.codec; }
    /// That of the packets passed on last; empty before the first packet.
    std::optional<uint32_t> ssrc() const { return ssrc_; }
    bool is_active(int64_t now) const { return last_packet_ && now - *last_packet_ < silence; }
    /// ns since the last packet; empty before the first.
    std::optional<int64_t> silent_for(int64_t now) const;
    std::optional<rtp::rtcp::ReportBlock> report(int64_t now) { return stats_.report(now); }
    unsigned width() const { return config_.width; }
    unsigned height() const { return config_.height; }
    int64_t jitter() const { return stats_.jitter(); }
    const Counters &counters() const { return counters_; }
    uint64_t missing() const { return reorder_.counters().missing; } ///< packets that never came
    uint64_t nacks() const { return missing_.requests(); }
    uint64_t recovered() const { return missing_.recovered(); }

private:
    /// Takes its size from the bytes that wait, and gives it back when it goes.
    class Share {
    public:
        Share(size_t &total, size_t size) : total_(&total), size_(size) { total += size; }
        Share(Share &&other) noexcept
            : total_(other.total_), size_(std::exchange(other.size_, 0)) {}
        Share &operator=(Share &&other) noexcept {
            std::swap(total_, other.total_);
            std::swap(size_, other.size_);
            return *this;
        }
        ~Share() { *total_ -= size_; }

    private:
        size_t *total_;
        size_t size_;
    };
    struct Item {
        Bytes payload;
        uint32_t timestamp = 0;
        bool marker = false;
        int64_t arrival = 0;
        Share share;
    };
    using Buffer = rtp::ReorderBuffer<Item>;
    /// The time of a timestamp.
    struct Stamped {
        uint32_t timestamp = 0;
        int64_t time = 0;
    };
    /// A request whose answer tells a round trip.
    struct Probe {
        uint16_t sequence = 0;
        int64_t sent = 0;
    };

    void release(const Buffer::Released &released, std::vector<TrackFrame> &out);
    std::unique_ptr<rtp::payload::Depacketizer> new_depacketizer() const;
    void restart(uint32_t ssrc, std::vector<TrackFrame> &out);
    void take_frames(std::vector<TrackFrame> &out);
    void take_video(rtp::payload::Frame &&frame, std::vector<TrackFrame> &out);
    void take_audio(rtp::payload::Frame &&frame, std::vector<TrackFrame> &out);
    bool configure(const rtp::payload::Frame &frame, TrackFrame &out);
    void drop();
    void set_times(const rtp::payload::Frame &frame, TrackFrame &out);
    void emit(TrackFrame &&frame, std::vector<TrackFrame> &out);
    int64_t time_of(uint32_t timestamp) const;
    int64_t keyframe_wait() const;

    const Settings settings_;
    rtp::MediaClock &clock_;
    const size_t clock_track_;

    size_t waiting_bytes_ = 0; ///< before `reorder_`, whose items refer to it
    Buffer reorder_;
    rtp::MissingPackets missing_;
    rtp::ReceiveStats stats_;
    std::optional<uint32_t> ssrc_;
    std::optional<int64_t> last_packet_; ///< ns
    std::optional<Probe> probe_;
    std::optional<uint16_t> last_asked_; ///< the highest sequence number

    std::unique_ptr<rtp::payload::Depacketizer> depacketizer_;
    std::vector<rtp::payload::Frame> frames_;
    size_t pending_bytes_ = 0;        ///< that the depacketizer got since its last frame
    std::array<Stamped, 4> stamps_{}; ///< the newest first
    size_t stamp_count_ = 0;
    std::optional<uint32_t> last_frame_; ///< its timestamp
    timing::DecodeOrder order_;
    std::optional<int64_t> last_dts_; ///< ns

    CodecConfig config_;
    bool config_due_ = true; ///< the depacketizer may have another one
    unsigned channels_ = 0;  ///< of Opus, as its configuration says
    bool needs_keyframe_ = true;
    bool wants_keyframe_ = false;
    bool is_answered_ = false;              ///< a keyframe has come since one was asked for
    int64_t round_trip_ = 0;                ///< ns; 0: not known
    std::optional<int64_t> asked_keyframe_; ///< ns
    Counters counters_;
};

} // namespace penstock::rtc

// SPDX-License-Identifier: LGPL-2.1-or-later
// One layer of a track that a participant sends: its sequence without wrapping, what is missing,
// its bitrate, and when a keyframe is asked for.
#pragma once

#include "core/rtc/room/media_packet.h"
#include "core/rtp/clock.h"
#include "core/rtp/continuity.h"
#include "core/rtp/nack.h"
#include "core/rtp/packet.h"
#include "core/rtp/receive_stats.h"

#include <cstdint>
#include <optional>
#include <vector>

namespace penstock::rtc::room {

/// Times are ns of any steady clock, and never go back. Not thread-safe.
class UpstreamLayer {
public:
    struct Settings {
        Codec codec = Codec::vp8;
        uint32_t rate = 90'000; ///< ticks in a second
        uint8_t index = 0;
        bool nack = false; ///< missing packets can be asked for
        bool pli = false, fir = false;
    };
    /// A layer without packets for so long pauses; ns.
    static constexpr int64_t silence = 1'500'000'000;
    static constexpr int64_t keyframe_interval = 1'000'000'000; ///< ns between two requests

    /// `clock_track` is its track of `clock`, which must outlive it.
    UpstreamLayer(const Settings &settings, rtp::MediaClock &clock, size_t clock_track);
    UpstreamLayer(const UpstreamLayer &) = delete;
    UpstreamLayer &operator=(const UpstreamLayer &) = delete;

    /// A packet, a retransmission as it was sent first. nullptr: it came twice, or is a stray.
    MediaPacketPtr receive(const rtp::Packet &packet, bool is_rtx, int64_t now);
    void sender_report(const rtp::rtcp::SenderReport &report, int64_t now);
    std::optional<rtp::rtcp::ReportBlock> report(int64_t now) { return stats_.report(now); }
    void take_nacks(int64_t now, std::vector<uint16_t> &out);
    void want_keyframe() { wants_keyframe_ = settings_.pli || settings_.fir; }
    /// Whether one is to be asked for now; counts the request.
    bool take_keyframe_request(int64_t now);
    void end() { has_ended_ = true; }
    /// A layer that is silent for long leads the time of others no more.
    void rest(int64_t now);

    const Settings &settings() const { return settings_; }
    /// Empty before the first packet.
    std::optional<uint32_t> ssrc() const { return ssrc_; }
    bool is_active(int64_t now) const { return last_ && now - *last_ < silence && !has_ended_; }
    bool has_begun() const { return last_.has_value(); }
    bool has_ended() const { return has_ended_; }
    /// bit/s of payloads, of the last second and a half or so.
    uint32_t bitrate(int64_t now);
    unsigned width() const { return width_; } ///< pixels; 0: not known
    unsigned height() const { return height_; }
    uint64_t keyframe_requests() const { return requests_; }
    uint8_t next_fir() { return fir_sequence_++; }

private:
    bool is_repeated(int64_t sequence);
    void restart(const rtp::Packet &packet);

    const Settings settings_;
    rtp::MediaClock &clock_;
    const size_t clock_track_;
    rtp::ContinuityCheck check_;
    rtp::MissingPackets missing_;
    rtp::ReceiveStats stats_;
    std::optional<uint32_t> ssrc_;
    std::optional<int64_t> last_; ///< ns; arrival of the last packet
    int64_t highest_ = 0;
    /// Which of the packets up to `highest_` came, by the lowest bits of their numbers.
    static constexpr int64_t remembered = 1024;
    std::vector<bool> came_ = std::vector<bool>(size_t(remembered));
    uint32_t epoch_ = 0;
    uint32_t stamped_ = 0; ///< the timestamp whose time is known
    int64_t time_ = 0;
    bool has_stamp_ = false, has_ended_ = false, rests_ = false, wants_keyframe_ = false;
    std::optional<int64_t> asked_;
    uint8_t fir_sequence_ = 0;
    uint64_t requests_ = 0;
    unsigned width_ = 0, height_ = 0;
    int64_t rate_since_ = 0; ///< ns
    uint64_t rate_bytes_ = 0;
    uint32_t bitrate_ = 0;
};

} // namespace penstock::rtc::room

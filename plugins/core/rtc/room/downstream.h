// SPDX-License-Identifier: LGPL-2.1-or-later
// What one participant of a room receives: its slots, which tracks and layers they show, and the
// packets that are sent for them. No sockets, no encryption, no clock.
#pragma once

#include "core/rtc/room/forwarder.h"
#include "core/rtc/room/join_policy.h"
#include "core/rtc/room/layers.h"
#include "core/rtc/room/messages.h"
#include "core/rtc/room/slots.h"
#include "core/rtp/bandwidth.h"
#include "core/rtp/history.h"

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace penstock::rtc::room {

/// The network's capacity is shared by all slots: audio first, then the most important videos, each
/// in a layer that fits. Times are ns of the steady clock of MediaPacket::time; `unix_ns`: ns since
/// 1970. The peer is hostile. Not thread-safe.
class Downstream {
public:
    /// Bytes, at most, of a header that is sent, and of a payload before its last piece: the number
    /// of what is repeated, and a descriptor.
    static constexpr size_t most_header = 32, most_lead = 10;

    class Handler {
    public:
        virtual ~Handler() = default;
        /// A packet to be encrypted and sent, soon: the last piece of the payload is valid as long
        /// as `packet`, what else there is during the call, with most_lead bytes before the last
        /// piece. False: it was dropped, since the way is full.
        virtual bool send_rtp(ByteView header, std::span<const ByteView> payload,
                              const MediaPacketPtr &packet) = 0;
        virtual void send_rtcp(ByteView compound) = 0;
        /// Packets of this layer are needed from now on, or no more.
        virtual void on_interest(const Target &target, bool is_wanted) = 0;
        virtual void want_keyframe(const Target &target) = 0;
        /// A packet that was passed to on_packet() lately; nullptr: it is not there any more.
        virtual MediaPacketPtr find(const Target &target, uint32_t epoch, int64_t number) = 0;
        /// The layers of a track as they are now; empty: there is no such track.
        virtual std::vector<LayerFacts> layers_of(uint64_t track) = 0;
    };
    struct Options {
        size_t last_n = most_video_slots;                             ///< video slots that are used
        uint64_t start_bitrate = 2'000'000, max_bitrate = 50'000'000; ///< bit/s
        std::string cname;
    };
    struct Stats {
        uint64_t packets = 0, bytes = 0; ///< forwarded, with headers
        uint64_t repeated = 0, probes = 0, dropped = 0;
        uint64_t target = 0; ///< bit/s
        int64_t round_trip = 0;
    };

    /// `random`: for the first sequence numbers and timestamps.
    Downstream(std::vector<SlotAgreement> slots, Options options, Handler &handler,
               const std::function<uint64_t()> &random, int64_t now);
    Downstream(const Downstream &) = delete;
    Downstream &operator=(const Downstream &) = delete;
    ~Downstream() { release(); }

    /// What may be forwarded has changed. Returns whether slots show others than before.
    bool set_scene(const Scene &scene, uint32_t self);
    /// What the receiver shows. As set_scene().
    bool set_view(const message::View &view, std::vector<uint32_t> pinned);
    /// By mid; those that show nothing are not in it.
    std::map<std::string, SceneTrack> shown() const;

    void on_packet(uint64_t track, const MediaPacketPtr &packet, int64_t now);
    /// Packets of this track did not get here.
    void on_lost(uint64_t track);
    /// The feedback of the receiver.
    void on_rtcp(const rtp::rtcp::Compound &compound, int64_t now, int64_t unix_ns);
    /// To be called every few milliseconds.
    void check(int64_t now, int64_t unix_ns);
    /// Nothing is forwarded any more.
    void release();

    const Stats &stats() const { return stats_; }

private:
    struct Slot {
        SlotAgreement agreed;
        Forwarder forwarder;
        std::optional<uint64_t> track; ///< that it shows
        uint8_t wanted = 0;            ///< the layers of it that were told to on_interest()
        message::Size size;
        uint16_t rtx_sequence = 0;
        uint32_t packets = 0, bytes = 0;
        MediaPacketPtr last; ///< for probes
        rtp::SentHistory<uint8_t> repeats;
    };
    bool assign_slots();
    void choose(int64_t now);
    void aim(Slot &slot, std::optional<uint8_t> layer);
    void tell_interest(Slot &slot);
    Slot *slot_of(uint64_t track);
    Slot *slot_with(uint32_t ssrc);
    size_t write_header(std::span<uint8_t> out, const Slot &slot, const MediaPacket &packet,
                        const Rewritten &rewritten) const;
    bool send(const Slot &slot, std::span<uint8_t> header, std::span<const ByteView> payload,
              const MediaPacketPtr &packet, int64_t now);
    bool send_rtx(Slot &slot, const MediaPacketPtr &packet, const Rewritten &rewritten,
                  int64_t now);
    void repeat(Slot &slot, uint16_t sequence, int64_t now);
    void probe(int64_t now);
    void send_reports(int64_t now, int64_t unix_ns);
    uint64_t budget() const;

    const Options options_;
    Handler &handler_;
    std::vector<Slot> slots_;
    Scene scene_;
    uint32_t self_ = 0;
    std::vector<uint32_t> pinned_;

    rtp::BandwidthEstimator estimator_;
    bool has_feedback_ = false; ///< of arrivals
    uint64_t remote_limit_ = 0; ///< bit/s; 0: not said
    double loss_factor_ = 1;    ///< by reports, where nothing else is known
    uint16_t transport_sequence_ = 0;
    int64_t chosen_ = 0, reported_ = 0, probed_ = 0, checked_ = 0; ///< ns
    bool lacks_bitrate_ = false; ///< slots have smaller layers than they want
    uint64_t sent_bits_ = 0;     ///< since checked_, for probes
    double probe_credit_ = 0;    ///< bits that a probe may still send
    double repeat_credit_ = 0;
    int64_t repeat_since_ = 0;
    unsigned asked_ = 0;      ///< packets, by NACKs since asked_since_
    int64_t asked_since_ = 0; ///< ns
    Stats stats_;
};

} // namespace penstock::rtc::room

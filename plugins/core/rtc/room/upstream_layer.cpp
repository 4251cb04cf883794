// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/rtc/room/upstream_layer.h"

#include <algorithm>

namespace penstock::rtc::room {
namespace {

constexpr int64_t second = 1'000'000'000, rate_window = second, rests_after = 10 * second; // ns
/// Packets that overtake the one that a retransmission repeats; what is said to be from further
/// ahead was never asked for.
constexpr int64_t most_ahead = 100;

rtp::MissingPackets::Limits missing_limits() {
    rtp::MissingPackets::Limits out;
    out.delay = 400'000'000; // receivers wait about as long
    return out;
}

} // namespace

UpstreamLayer::UpstreamLayer(const Settings &settings, rtp::MediaClock &clock, size_t clock_track)
    : settings_(settings), clock_(clock), clock_track_(clock_track), missing_(missing_limits()),
      stats_(settings.rate) {
}

/// A new source, or one that has started anew: what comes now has nothing to do with what was.
void UpstreamLayer::restart(const rtp::Packet &packet) {
    check_.restart(packet.ssrc);
    if (ssrc_) {
        ++epoch_;
        clock_.restart(clock_track_);
    }
    ssrc_ = packet.ssrc;
    highest_ = packet.sequence - 1;
    std::fill(came_.begin(), came_.end(), false);
    has_stamp_ = false;
}

/// Notes the packet. True if it came before, or is too old for that to be known.
bool UpstreamLayer::is_repeated(int64_t sequence) {
    if (sequence <= highest_ - remembered) return true;
    const auto place = [](int64_t at) { return size_t(at & (remembered - 1)); };
    if (sequence - highest_ >= remembered) {
        std::fill(came_.begin(), came_.end(), false);
        highest_ = sequence;
    }
    for (; highest_ < sequence; ++highest_)
        came_[place(highest_ + 1)] = false;
    if (came_[place(sequence)]) return true;
    came_[place(sequence)] = true;
    return false;
}

MediaPacketPtr UpstreamLayer::receive(const rtp::Packet &packet, bool is_rtx, int64_t now) {
    const auto expected = static_cast<uint16_t>(highest_ + 1);
    if (!ssrc_) {
        if (is_rtx) return nullptr;
        restart(packet);
    } else if (!is_rtx) {
        switch (check_.check(packet.ssrc, packet.sequence, expected)) {
        case rtp::Continuity::suspect:
            return nullptr;
        case rtp::Continuity::restart:
            restart(packet);
            break;
        default:
            break;
        }
    }
    const int64_t sequence = highest_ + rtp::sequence_distance(uint16_t(highest_), packet.sequence);
    if (is_rtx && (sequence > highest_ + most_ahead || sequence <= highest_ - remembered))
        return nullptr;
    if (!is_rtx) stats_.received(packet.ssrc, packet.sequence, packet.timestamp, now);
    if (settings_.nack) missing_.received(packet.ssrc, packet.sequence, now);
    last_ = now;
    has_ended_ = rests_ = false;
    rate_bytes_ += packet.payload.size();
    const bool is_newest = sequence > highest_;
    if (is_repeated(sequence)) return nullptr;

    auto out = std::allocate_shared<MediaPacket>(RecyclingAllocator<MediaPacket>());
    out->sequence = sequence;
    out->timestamp = packet.timestamp;
    out->epoch = epoch_;
    out->layer = settings_.index;
    out->marker = packet.marker;
    if (!packet.payload.empty()) {
        out->payload = Bytes::copy_of(packet.payload);
        out->glimpse = look_at(settings_.codec, packet.payload);
    }
    if (is_newest && (!has_stamp_ || packet.timestamp != stamped_)) {
        time_ = clock_.stamp(clock_track_, packet.timestamp, now).time;
        stamped_ = packet.timestamp;
        has_stamp_ = true;
    }
    out->time = time_ + rtp::nanoseconds_of(rtp::timestamp_distance(stamped_, packet.timestamp),
                                            settings_.rate);
    if (out->glimpse.begins_keyframe && is_video(settings_.codec)) {
        wants_keyframe_ = false;
        if (out->glimpse.width > 0) width_ = out->glimpse.width;
        if (out->glimpse.height > 0) height_ = out->glimpse.height;
    }
    return out;
}

void UpstreamLayer::sender_report(const rtp::rtcp::SenderReport &report, int64_t now) {
    if (ssrc_ != report.ssrc) return;
    stats_.received(report, now);
    clock_.sender_report(clock_track_, report.ntp, report.timestamp);
}

void UpstreamLayer::rest(int64_t now) {
    if (rests_ || !last_ || now - *last_ < rests_after) return;
    rests_ = true;
    clock_.restart(clock_track_);
}

void UpstreamLayer::take_nacks(int64_t now, std::vector<uint16_t> &out) {
    if (!settings_.nack) return;
    missing_.take_due(now, out);
    // Whoever can't do without asks for a keyframe.
    (void)missing_.take_given_up();
}

bool UpstreamLayer::take_keyframe_request(int64_t now) {
    if (!wants_keyframe_ || !ssrc_ || !is_active(now)) return false;
    if (asked_ && now < *asked_ + keyframe_interval) return false;
    asked_ = now;
    ++requests_;
    return true;
}

uint32_t UpstreamLayer::bitrate(int64_t now) {
    if (rate_since_ == 0) rate_since_ = now;
    if (!is_active(now)) {
        rate_bytes_ = 0;
        rate_since_ = now;
        return bitrate_ = 0;
    }
    const int64_t passed = now - rate_since_;
    // The first figure is there soon, by which the layers are chosen.
    if (passed < (bitrate_ == 0 ? rate_window / 5 : rate_window)) return bitrate_;
    const double fresh = double(rate_bytes_) * 8e9 / double(passed);
    bitrate_ = static_cast<uint32_t>(bitrate_ == 0 ? fresh : (double(bitrate_) + fresh) / 2);
    rate_bytes_ = 0;
    rate_since_ = now;
    return bitrate_;
}

} // namespace penstock::rtc::room

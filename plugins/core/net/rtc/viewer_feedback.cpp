// SPDX-License-Identifier: LGPL-2.1-or-later
// What a viewer reports: packets that it lacks, keyframes that it needs, its round trip; and what
// is done against losses.
#include "core/net/loop/clock.h"
#include "core/net/rtc/viewer.h"
#include "core/rtp/clock.h"
#include "core/rtp/receive_stats.h"
#include "core/rtp/red.h"
#include "core/rtp/sent_header.h"

#include <algorithm>
#include <array>
#include <cstdlib>

namespace penstock::net {
namespace {

/// Datagrams of RTCP, and packets asked for, in a second; more are ignored.
constexpr unsigned max_feedback = 200, max_asked = 5'000;
/// Retransmissions: at once, and in a second at least.
constexpr double repeat_burst = 200, least_repeat_rate = 500;
/// The last of them that are remembered.
constexpr size_t max_repeated = 32;
/// Bytes of two payloads of audio in one packet.
constexpr size_t most_redundant = 1'180;
constexpr int64_t held_margin = 60'000'000;                               ///< ns
constexpr int least_delay_change = 100;                                   ///< ms
constexpr int64_t round_trip_share = 8;                                   ///< of a longer one
constexpr uint64_t least_pause = 10'000'000, longest_pause = 500'000'000; ///< ns

} // namespace

void RtcViewer::on_rtcp(ByteView compound, uint64_t now) {
    if (!watched()) return;
    if (now - feedback_since_ >= 1'000'000'000) {
        feedback_since_ = now;
        feedback_ = asked_ = 0;
    }
    if (++feedback_ > max_feedback) return;
    rtp::rtcp::Compound parsed;
    if (!rtp::rtcp::parse(compound, parsed).is_ok()) return;
    for (const rtp::rtcp::Packet &packet : parsed.packets) {
        if (ended_) return;
        if (const auto *report = std::get_if<rtp::rtcp::ReceiverReport>(&packet)) {
            for (const auto &block : report->blocks)
                take_report(block, now);
        } else if (const auto *estimate = std::get_if<rtp::rtcp::ReceiverEstimate>(&packet)) {
            control_.estimated(estimate->bitrate, static_cast<int64_t>(now));
        } else if (const auto *nack = std::get_if<rtp::rtcp::Nack>(&packet)) {
            take_nack(*nack, now);
        } else if (const auto *lost = std::get_if<rtp::rtcp::PictureLoss>(&packet)) {
            if (lost->media == tracks_[0].ssrc) want_keyframe();
        } else if (std::get_if<rtp::rtcp::FullIntraRequest>(&packet)) {
            want_keyframe();
        } else if (std::get_if<rtp::rtcp::Goodbye>(&packet)) {
            return close_now(LogLevel::info, "disconnected: it has left");
        }
    }
}

void RtcViewer::take_report(const rtp::rtcp::ReportBlock &block, uint64_t now) {
    const auto arrival = rtp::compact_ntp(rtp::ntp_of(unix_ms() * 1'000'000));
    if (const auto trip = rtp::round_trip_of(block, arrival)) {
        // One report that was late on its way says nothing about the next.
        const auto sample = static_cast<int64_t>(*trip), known = static_cast<int64_t>(round_trip_);
        round_trip_ = static_cast<uint64_t>(
            sample < known ? sample : known + (sample - known) / round_trip_share);
        control_.round_trip(*trip, static_cast<int64_t>(now));
    }
    if (block.ssrc == tracks_[0].ssrc) {
        repair_.reported(block.highest_sequence, block.lost, static_cast<int64_t>(now));
        set_playout_delay(now);
    }
    if (block.ssrc == tracks_[1].ssrc)
        audio_loss_.reported(block.highest_sequence, block.lost, static_cast<int64_t>(now));
    using Source = rtc::LevelControl::Source;
    for (const auto &[ssrc, source] : {std::pair(tracks_[0].ssrc, Source::video),
                                       std::pair(tracks_[0].rtx_ssrc, Source::repetitions),
                                       std::pair(tracks_[1].ssrc, Source::audio)})
        if (ssrc == block.ssrc) control_.reported(source, block.highest_sequence, block.lost);
}

/// Not at each change of the round trip: frames would come unevenly.
void RtcViewer::set_playout_delay(uint64_t now) {
    // Without RTX a packet that is sent again has to be the same.
    if (tracks_[0].rtx == 0) return;
    const uint16_t delay =
        repair_.delay(static_cast<int64_t>(round_trip_), static_cast<int64_t>(now));
    const bool is_near =
        delay > 0 && playout_delay_ > 0 && std::abs(delay - playout_delay_) < least_delay_change;
    if (delay == playout_delay_ || is_near) return;
    playout_delay_ = delay;
    is_delay_told_ = false;
}

/// One that gets no video, or keyframes only, does not make others get more keyframes.
void RtcViewer::want_keyframe() {
    if (control_.level().detail == rtc::Detail::all) mount_->want_keyframe();
}

/// The place of a packet of video among those that were sent; nullopt: it is of a frame that was
/// given up, or long ago.
std::optional<uint32_t> RtcViewer::place_of(uint16_t sequence) const {
    const Track &track = tracks_[0];
    const auto back = static_cast<uint16_t>(track.spans.next_sequence() - sequence);
    if (back == 0 || back > 0x8000) return std::nullopt;
    const uint32_t place = track.packets - back;
    if (static_cast<int32_t>(place - wanted_from_) < 0) return std::nullopt;
    return place;
}

void RtcViewer::take_nack(const rtp::rtcp::Nack &nack, uint64_t now) {
    if (nack.media != tracks_[0].ssrc || !tracks_[0].is_sent) return;
    nack.for_each([&](uint16_t sequence) {
        const auto place = place_of(sequence);
        if (!place) return;
        if (hold_.keeps(*place)) return;
        hold_.asked(*place, static_cast<int64_t>(now), static_cast<int64_t>(round_trip_));
        if (static_cast<int32_t>(*place - asked_to_) > 0) {
            asked_to_ = *place;
            control_.missed(1);
        }
        if (asked_++ < max_asked) send_again(sequence, now);
    });
}

/// Requests for a packet may overtake each other: one repetition in a round trip is enough.
bool RtcViewer::may_repeat(uint64_t now) {
    const double rate = std::max(least_repeat_rate, mount_->packet_rate() / 2.0);
    repeats_ = std::min(repeat_burst, repeats_ + double(now - repeats_at_) * rate / 1e9);
    repeats_at_ = now;
    if (repeats_ < 1) return false;
    --repeats_;
    return true;
}

void RtcViewer::send_again(uint16_t sequence, uint64_t now) {
    const uint64_t pause = std::clamp(round_trip_, least_pause, longest_pause);
    for (const Repeat &before : repeated_)
        if (before.sequence == sequence && before.at != 0 && now - before.at < pause) return;
    if (!way() || !may_repeat(now)) return;
    const size_t size = repeat(sequence, now);
    if (size == 0) return;
    control_.repeated(size, false);
    slow_bytes_ -= double(size);
    repeated_.resize(max_repeated);
    repeated_[next_repeat_] = {sequence, now};
    next_repeat_ = (next_repeat_ + 1) % repeated_.size();
}

/// Sends what had this sequence number once more. Returns its size, as the network has it; 0: it is
/// not kept any more.
size_t RtcViewer::repeat(uint16_t sequence, uint64_t now) {
    header_time_ = now;
    Track &track = tracks_[0];
    const auto found = track.spans.find(sequence);
    if (!found) return 0;
    const uint64_t number = found->number;
    // A folded frame has other timestamps than the same in the ring: only its own bytes may go
    // with its sequence number.
    fanout::PacketPtr packet;
    if (!found->is_folded) packet = mount_->sent_video(found->rung, number);
    for (const auto &folded : folded_)
        if (const auto &frame = rtc::frame_of(folded); found->is_folded && frame.is_folded &&
                                                       number >= frame.number &&
                                                       number < frame.end_number())
            packet = folded;
    if (!packet) return 0;

    const rtc::RtpFrame &frame = rtc::frame_of(packet);
    const size_t index = number - frame.number;
    std::array<uint8_t, 64> header;
    std::vector<ByteView> pieces;
    size_t head = write_header(header, frame, index, sequence);
    const std::array<uint8_t, 2> original{header[2], header[3]};
    if (track.rtx != 0) {
        rtp::make_repetition(header, track.rtx, rtx_sequence_++, track.rtx_ssrc);
        pieces.emplace_back(original);
    }
    pieces.push_back(frame.payloads->gathered(index));
    std::array<uint8_t, UdpSocket::max_datagram> out;
    const ByteView head_view(header.data(), head);
    const srtp::Outcome outcome = track.rtx != 0 ? sender_->protect(head_view, pieces, out)
                                                 : sender_->protect_again(head_view, pieces, out);
    if (!outcome.ok()) return 0;
    way()->send(socket(), ByteView(out).first(outcome.size));
    return outcome.size + datagram_overhead;
}

/// Whether this frame is audio for a viewer that loses packets and takes redundancy.
bool RtcViewer::is_repeated_with_next(const rtc::RtpFrame &frame) const {
    return !frame.is_video && tracks_[1].red != 0 && frame.count() == 1 &&
           audio_loss_.is_lossy(static_cast<int64_t>(tokens_at_));
}

/// Sends a packet of audio that has the one before in it, too (RFC 2198).
bool RtcViewer::send_redundant(const fanout::PacketPtr &packet, uint64_t &sent) {
    const rtc::RtpFrame &frame = rtc::frame_of(packet);
    const fanout::PacketPtr before = std::exchange(last_audio_, packet);
    if (!before) return send_run(frame, 0, 1, sent);
    const ByteView old = rtc::frame_of(before).payloads->gathered(0);
    const uint32_t ticks = frame.timestamp - rtc::frame_of(before).timestamp;
    const ByteView own = frame.payloads->gathered(0);
    if (ticks == 0 || ticks > rtp::most_red_before || old.size() > rtp::most_red_size ||
        own.size() + old.size() > most_redundant)
        return send_run(frame, 0, 1, sent);
    Track &track = tracks_[1];
    const uint16_t sequence = track.spans.take(frame.number, 1, frame.is_folded, frame.rung);
    std::array<uint8_t, UdpSocket::max_datagram> out;
    const size_t head = write_header(out, frame, 0, sequence);
    out[1] = static_cast<uint8_t>((out[1] & 0x80) | track.red);
    const auto red = rtp::red_head(track.payload_type, ticks, old.size());
    const std::array<ByteView, 3> pieces{ByteView(red), old, own};
    const srtp::Outcome outcome =
        sender_->protect(std::span<const uint8_t>(out).first(head), pieces, out);
    ++track.packets;
    if (!outcome.ok()) return true;
    track.bytes += static_cast<uint32_t>(red.size() + old.size() + own.size());
    control_.sent(1, outcome.size + datagram_overhead);
    way()->send(socket(), ByteView(out).first(outcome.size));
    sent += outcome.size;
    return true;
}

/// Whether the last packet of this frame is kept for a while. What a viewer shows at once would be
/// late by that.
bool RtcViewer::is_held(const rtc::RtpFrame &frame) const {
    return frame.is_video && frame.keyframe && !frame.is_folded && playout_delay_ > 0 &&
           is_delay_told_ && tracks_[0].packets > 0;
}

void RtcViewer::hold_last(const fanout::PacketPtr &packet) {
    const rtc::RtpFrame &frame = rtc::frame_of(packet);
    const auto now = static_cast<int64_t>(tokens_at_);
    if (hold_.is_holding()) release_held(tokens_at_);
    Track &track = tracks_[0];
    held_sequence_ = track.spans.take(frame.end_number() - 1, 1, frame.is_folded, frame.rung);
    held_frame_ = packet;
    const uint32_t place = track.packets++;
    const auto trip = static_cast<int64_t>(round_trip_);
    // It still has to get there, and to be decoded.
    const int64_t longest = playout_delay_ * int64_t(1'000'000) - trip - held_margin;
    hold_.begin(place - static_cast<uint32_t>(frame.count() - 1), place, now, trip,
                std::max<int64_t>(longest, 0));
    state_->port->tick(shared_from_this());
}

void RtcViewer::release_held(uint64_t now) {
    hold_.end();
    const fanout::PacketPtr packet = std::exchange(held_frame_, nullptr);
    // Of a level that was left, nothing goes out any more.
    if (!packet || !way() || static_cast<int32_t>(hold_.held() - wanted_from_) < 0) return;
    header_time_ = now;
    const rtc::RtpFrame &frame = rtc::frame_of(packet);
    uint64_t sent = 0;
    write_packets(frame, frame.count() - 1, 1, held_sequence_, sent);
    // All that came since waits for it.
    if (tracks_[0].rtx != 0) control_.repeated(repeat(held_sequence_, now), false);
    if (watched()) watched()->audience().count(sent, 0);
}

} // namespace penstock::net

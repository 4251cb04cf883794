// SPDX-License-Identifier: LGPL-2.1-or-later
// What a viewer gets whose network can't follow: which frames, and how slowly keyframes go out.
#include "core/net/loop/clock.h"
#include "core/net/rtc/viewer.h"
#include "core/rtp/sent_header.h"

#include <algorithm>

namespace penstock::net {
namespace {

/// What may leave at once of a keyframe that is sent slowly, or of padding; bytes.
constexpr double slow_burst = 3'000;
constexpr uint64_t probing_report_interval = 200'000'000; ///< ns
/// For so long nothing of video is sent at first; s.
constexpr double slow_pause = 0.4;
/// The longest time that a keyframe takes on its way, which is put into its timestamp; s.
constexpr double longest_shift = 5;
/// Packets that are repeated as padding: the last that were sent.
constexpr uint16_t padding_packets = 24;

} // namespace

void RtcViewer::check_level(uint64_t now) {
    if (control_.is_due(static_cast<int64_t>(now)) && tracks_[0].is_sent) {
        const rtc::Level before = control_.level();
        const auto reason = control_.reason();
        rtc::StreamRates rates = mount_->rates();
        if (!tracks_[1].is_sent) rates.audio = 0;
        if (control_.check(rates, static_cast<int64_t>(now))) begin_level(before);
        if (control_.reason() != reason || control_.level() != before) say_level();
        count_as_slow(control_.level() != rtc::Level());
    }
    if (!is_slow() || slow_at_ != 0) return;
    slow_at_ = now;
    padding_bytes_ = 0;
    state_->port->tick(shared_from_this());
}

void RtcViewer::count_as_slow(bool is_slow) {
    if (is_slow == is_counted_ || !watched()) return;
    is_counted_ = is_slow;
    is_slow ? ++watched()->audience().slow : --watched()->audience().slow;
}

void RtcViewer::begin_level(rtc::Level before) {
    const rtc::Level level = control_.level();
    const bool goes_down =
        level.detail < before.detail || (level.detail == before.detail && level.rung > before.rung);
    if (level.detail != rtc::Detail::all) {
        slow_frame_.reset();
        sent_rung_ = no_rung;
        needs_keyframe_ = false;
    } else {
        // A higher rung takes over where it has a keyframe; of one that is too much nothing is sent
        // until then.
        needs_keyframe_ = true;
        if (goes_down) {
            sent_rung_ = no_rung;
            mount_->want_keyframe();
        }
    }
    if (!goes_down) return;
    // What is under way has to get through first.
    slow_bytes_ = -double(control_.keyframe_rate()) / 8 * slow_pause;
    // What is left of the frame at hand is given up, and nobody gets what was before.
    if (next_payload_ > 0) next_payload_ = 0;
    wanted_from_ = asked_to_ = tracks_[0].packets;
}

/// It is at a keyframe of the default track.
void RtcViewer::joined_anew() {
    slow_frame_.reset();
    const rtc::Level level = control_.level();
    needs_keyframe_ = level.detail == rtc::Detail::all;
    sent_rung_ = no_rung;
}

/// Whether this frame of video is sent now.
bool RtcViewer::takes(const fanout::PacketPtr &packet) {
    const rtc::RtpFrame &frame = rtc::frame_of(packet);
    const rtc::Level level = control_.level();
    // Timestamps never go back.
    const bool begins =
        frame.keyframe && frame.rung == level.rung &&
        (tracks_[0].packets == 0 ||
         static_cast<int32_t>(frame.timestamp + timestamp_offset_ - tracks_[0].last_timestamp) > 0);
    switch (level.detail) {
    case rtc::Detail::none:
        return false;
    case rtc::Detail::keyframes:
        if (!begins || slow_frame_) return false;
        slow_frame_ = packet;
        slow_next_ = 0;
        // It is shown when it is there, and the sound is not to wait for that.
        shift_ = static_cast<uint32_t>(
            90'000 *
            std::min(double(frame.size) * 8 / double(control_.keyframe_rate()), longest_shift));
        tracks_[0].last_time = frame.time;
        tracks_[0].last_timestamp = frame.timestamp + timestamp_offset_ + shift_;
        wanted_from_ = tracks_[0].packets;
        return false;
    case rtc::Detail::all:
        break;
    }
    if (needs_keyframe_ && begins) {
        needs_keyframe_ = false;
        sent_rung_ = level.rung;
        slow_frame_.reset();
        shift_ = 0;
        wanted_from_ = tracks_[0].packets;
    }
    return frame.rung == sent_rung_;
}

/// From on_tick().
void RtcViewer::send_slowly(uint64_t now) {
    const double seconds = double(now - std::min(slow_at_, now)) / 1e9;
    slow_at_ = now;
    slow_bytes_ =
        std::min(slow_bytes_ + seconds * double(control_.keyframe_rate()) / 8, slow_burst);
    padding_bytes_ =
        std::min(padding_bytes_ + seconds * double(control_.padding()) / 8, slow_burst);
    header_time_ = now;
    if (!way() || is_told() || !way()->has_room(socket())) return;
    uint64_t sent = 0;
    while (slow_frame_ && slow_bytes_ > 0) {
        const rtc::RtpFrame &frame = rtc::frame_of(slow_frame_);
        const size_t before = size_t(sent);
        const bool has_room = send_run(frame, slow_next_, 1, sent);
        slow_bytes_ -= double(size_t(sent) - before + datagram_overhead);
        if (++slow_next_ == frame.count()) slow_frame_.reset();
        if (!has_room) break;
    }
    if (control_.padding() > 0) {
        send_padding(now);
        // Round trips tell first that it is too much.
        if (now - reported_ >= probing_report_interval && anchor_ms_) send_report(now);
    }
    if (watched()) watched()->audience().count(sent, 0);
}

/// Repeats what was sent last, which may even be of use, or sends empty packets.
void RtcViewer::send_padding(uint64_t now) {
    while (padding_bytes_ > 0) {
        padding_back_ = static_cast<uint16_t>(padding_back_ % padding_packets + 1);
        const auto sequence =
            static_cast<uint16_t>(tracks_[0].spans.next_sequence() - padding_back_);
        size_t size = place_of(sequence) ? repeat(sequence, now) : 0;
        if (size == 0) size = send_empty();
        if (size == 0) return;
        padding_bytes_ -= double(size);
        control_.repeated(size, true);
    }
}

/// Sends a retransmission without a packet, which has padding only (RFC 3550, section 5.1). Returns
/// its size, as the network has it.
size_t RtcViewer::send_empty() {
    const Track &track = tracks_[0];
    std::array<uint8_t, rtp::fixed_header_size + 8> header{};
    rtp::write_fixed({.padding = true,
                      .payload_type = track.rtx,
                      .sequence = rtx_sequence_++,
                      .timestamp = track.last_timestamp,
                      .ssrc = track.rtx_ssrc},
                     header);
    static constexpr auto padding = [] {
        std::array<uint8_t, 255> bytes{};
        bytes.back() = 255;
        return bytes;
    }();
    const size_t head = write_extensions(header, track, false);
    std::array<uint8_t, 512> out;
    const std::array<ByteView, 1> pieces{ByteView(padding)};
    const srtp::Outcome outcome = sender_->protect(ByteView(header).first(head), pieces, out);
    if (!outcome.ok()) return 0;
    way()->send(socket(), ByteView(out).first(outcome.size));
    return outcome.size + datagram_overhead;
}

void RtcViewer::say_level() const {
    const rtc::Level level = control_.level();
    std::string text;
    switch (level.detail) {
    case rtc::Detail::all:
        text = level.rung == 0 ? "gets all of the stream again"
                               : "gets video track " + std::to_string(level.rung);
        break;
    case rtc::Detail::keyframes:
        text = "gets keyframes only";
        break;
    case rtc::Detail::none:
        text = "gets sound alone";
        break;
    }
    say(LogLevel::debug, text + rtc::reason_text(control_.reason()));
}

} // namespace penstock::net

// SPDX-License-Identifier: LGPL-2.1-or-later
// The packets that a receiver gets, again if it asks for them, and what it reports.
#include "core/rtc/room/downstream.h"

#include "core/rtp/clock.h"
#include "core/rtp/receive_stats.h"
#include "core/rtp/sent_header.h"

#include <algorithm>
#include <array>

namespace penstock::rtc::room {
namespace {

constexpr int64_t second = 1'000'000'000, report_interval = second;
constexpr size_t overhead = 28 + 16; ///< bytes of IP, UDP and SRTP
/// Repeated packets: at once, and in a second.
constexpr double repeat_burst = 300, repeat_rate = 1'000;
constexpr unsigned most_asked = 5'000; ///< packets that are asked for in a second; more is ignored
constexpr int64_t least_pause = 10'000'000, longest_pause = 500'000'000; ///< ns
/// A probe fills the link up to the estimate for so long, and then waits; ns.
constexpr int64_t probe_length = second, probe_pause = 4 * second;
constexpr unsigned most_probes = 8; ///< packets of a call

} // namespace

/// Without the transport-wide number, which send() puts in.
size_t Downstream::write_header(std::span<uint8_t> out, const Slot &slot, const MediaPacket &packet,
                                const Rewritten &rewritten) const {
    rtp::write_fixed({.marker = packet.marker,
                      .payload_type = slot.agreed.payload_type,
                      .sequence = rewritten.sequence,
                      .timestamp = rewritten.timestamp,
                      .ssrc = slot.agreed.ssrc},
                     out);
    rtp::ShortExtensions extensions(out);
    if (slot.agreed.transport_sequence != 0)
        rtp::put16(extensions.add(slot.agreed.transport_sequence, 2), 0);
    return extensions.finish();
}

bool Downstream::send(const Slot &slot, std::span<uint8_t> header,
                      std::span<const ByteView> payload, const MediaPacketPtr &packet,
                      int64_t now) {
    if (slot.agreed.transport_sequence != 0)
        rtp::put16(header.subspan(rtp::fixed_header_size + 5), transport_sequence_);
    if (!handler_.send_rtp(header, payload, packet)) {
        ++stats_.dropped;
        return false;
    }
    size_t size = header.size() + overhead;
    for (const ByteView piece : payload)
        size += piece.size();
    if (slot.agreed.transport_sequence != 0) estimator_.sent(transport_sequence_++, size, now);
    ++stats_.packets;
    stats_.bytes += size;
    sent_bits_ += size * 8;
    return true;
}

void Downstream::on_packet(uint64_t track, const MediaPacketPtr &packet, int64_t now) {
    Slot *const slot = slot_of(track);
    if (!slot) return;
    const auto before = slot->forwarder.current();
    const auto rewritten = slot->forwarder.take(track, *packet);
    if (slot->forwarder.current() != before) tell_interest(*slot);
    if (!rewritten) return;
    std::array<uint8_t, most_header> header;
    std::array<uint8_t, 8> storage;
    std::array<ByteView, 2> pieces;
    const size_t head = write_header(header, *slot, *packet, *rewritten);
    const size_t count = pieces_of(*packet, *rewritten, storage, pieces);
    if (!send(*slot, std::span(header).first(head), std::span(pieces).first(count), packet, now)) {
        slot->forwarder.lose();
        return tell_interest(*slot);
    }
    ++slot->packets;
    slot->bytes += static_cast<uint32_t>(packet->payload.size());
    if (slot->agreed.is_video) slot->last = packet;
}

// --- again --------------------------------------------------------------------------------

bool Downstream::send_rtx(Slot &slot, const MediaPacketPtr &packet, const Rewritten &rewritten,
                          int64_t now) {
    std::array<uint8_t, most_header> header;
    std::array<uint8_t, 8> storage;
    std::array<ByteView, 3> pieces;
    const size_t head = write_header(header, slot, *packet, rewritten);
    const std::array<uint8_t, 2> original{header[2], header[3]};
    rtp::make_repetition(header, slot.agreed.rtx, slot.rtx_sequence++, slot.agreed.rtx_ssrc);
    pieces[0] = original;
    const size_t count = pieces_of(*packet, rewritten, storage, std::span(pieces).subspan<1>());
    return send(slot, std::span(header).first(head), std::span(pieces).first(count + 1), packet,
                now);
}

/// Once in a round trip: requests overtake each other.
void Downstream::repeat(Slot &slot, uint16_t sequence, int64_t now) {
    const auto sent = slot.forwarder.find(sequence);
    if (!sent || slot.agreed.rtx == 0) return;
    const int64_t pause = std::clamp(stats_.round_trip, least_pause, longest_pause);
    if (slot.repeats.find(sequence, now)) {
        if (!slot.repeats.resend(sequence, now, pause)) return;
    } else {
        slot.repeats.add(sequence, 0, now);
        (void)slot.repeats.resend(sequence, now, pause);
    }
    repeat_credit_ = std::min(repeat_burst, repeat_credit_ + double(now - repeat_since_) *
                                                                 repeat_rate / double(second));
    repeat_since_ = now;
    if (repeat_credit_ < 1) return;
    const MediaPacketPtr packet = handler_.find(sent->target, sent->epoch, sent->number);
    if (!packet) return;
    --repeat_credit_;
    if (send_rtx(slot, packet, sent->offsets.apply(*packet), now)) ++stats_.repeated;
}

/// Whether more would fit can only be seen by sending more: packets that the receiver has already.
void Downstream::probe(int64_t now) {
    const auto passed = double(now - checked_) / double(second);
    checked_ = now;
    const uint64_t sent = std::exchange(sent_bits_, 0);
    const uint64_t target = estimator_.target();
    if (!has_feedback_ || !lacks_bitrate_ || estimator_.loss() > 0.02) return;
    if (now - probed_ > probe_length + probe_pause) {
        probed_ = now;
        probe_credit_ = 0;
    }
    if (now - probed_ > probe_length) return;
    probe_credit_ += double(target) * passed - double(sent);
    probe_credit_ = std::clamp(probe_credit_, -double(target), double(target) / 20);
    for (unsigned i = 0; i < most_probes && probe_credit_ > 0; ++i) {
        const auto slot = std::find_if(slots_.begin(), slots_.end(), [](const Slot &one) {
            return one.last && one.agreed.rtx != 0 && one.forwarder.current();
        });
        if (slot == slots_.end()) return;
        const auto back = slot->forwarder.find_last();
        const MediaPacketPtr packet = slot->last;
        if (!back || back->number != packet->sequence) return;
        if (!send_rtx(*slot, packet, back->offsets.apply(*packet), now)) return;
        probe_credit_ -= double(packet->payload.size() + overhead) * 8;
        ++stats_.probes;
    }
    sent_bits_ = 0; // what a probe has sent is counted in its credit
}

// --- reports ------------------------------------------------------------------------------

void Downstream::send_reports(int64_t now, int64_t unix_ns) {
    if (now - reported_ < report_interval) return;
    reported_ = now;
    Writer writer;
    rtp::rtcp::SourceDescription names;
    for (const Slot &slot : slots_) {
        const auto timestamp = slot.forwarder.timestamp_at(now);
        if (!timestamp || !slot.forwarder.current()) continue;
        rtp::rtcp::SenderReport report;
        report.ssrc = slot.agreed.ssrc;
        report.ntp = rtp::ntp_of(unix_ns);
        report.timestamp = *timestamp;
        report.packets = slot.packets;
        report.bytes = slot.bytes;
        rtp::rtcp::write(report, writer);
        names.chunks.push_back({slot.agreed.ssrc, options_.cname});
    }
    if (names.chunks.empty()) return;
    rtp::rtcp::write(names, writer);
    handler_.send_rtcp(writer.view());
}

void Downstream::on_rtcp(const rtp::rtcp::Compound &compound, int64_t now, int64_t unix_ns) {
    if (now - asked_since_ >= second) {
        asked_since_ = now;
        asked_ = 0;
    }
    for (const rtp::rtcp::Packet &packet : compound.packets) {
        if (const auto *report = std::get_if<rtp::rtcp::ReceiverReport>(&packet)) {
            const auto arrival = rtp::compact_ntp(rtp::ntp_of(unix_ns));
            double loss = 0;
            for (const auto &block : report->blocks) {
                if (!slot_with(block.ssrc)) continue;
                if (const auto trip = rtp::round_trip_of(block, arrival)) stats_.round_trip = *trip;
                loss = std::max(loss, block.fraction_lost / 256.0);
            }
            if (loss > 0.1)
                loss_factor_ = std::max(0.1, loss_factor_ * (1 - loss / 2));
            else if (loss < 0.02)
                loss_factor_ = std::min(1.0, loss_factor_ * 1.05);
        } else if (const auto *nack = std::get_if<rtp::rtcp::Nack>(&packet)) {
            Slot *const slot = slot_with(nack->media);
            if (slot && slot->agreed.is_video)
                nack->for_each([&](uint16_t sequence) {
                    if (asked_ < most_asked) repeat(*slot, sequence, now);
                    ++asked_;
                });
        } else if (const auto *lost = std::get_if<rtp::rtcp::PictureLoss>(&packet)) {
            const Slot *const slot = slot_with(lost->media);
            if (slot && slot->forwarder.target()) handler_.want_keyframe(*slot->forwarder.target());
        } else if (const auto *intra = std::get_if<rtp::rtcp::FullIntraRequest>(&packet)) {
            for (const auto &entry : intra->entries)
                if (const Slot *const slot = slot_with(entry.ssrc);
                    slot && slot->forwarder.target())
                    handler_.want_keyframe(*slot->forwarder.target());
        } else if (const auto *estimate = std::get_if<rtp::rtcp::ReceiverEstimate>(&packet)) {
            remote_limit_ = estimate->bitrate;
            if (!has_feedback_) estimator_.set_remote_limit(estimate->bitrate);
        } else if (const auto *arrivals = std::get_if<rtp::rtcp::TransportFeedback>(&packet)) {
            if (has_feedback_) estimator_.feedback(*arrivals, now);
        }
    }
}

} // namespace penstock::rtc::room

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/rtc/room/forwarder.h"

#include "core/rtp/clock.h"

#include <algorithm>

namespace penstock::rtc::room {
namespace {

/// A switch takes at least one frame of 60 in a second, and no pause that a receiver would take for
/// a jump; ns.
constexpr int64_t least_step = 16'000'000, longest_step = 20'000'000'000;
constexpr uint16_t long_picture = 0x7FFF, short_picture = 0x7F;

} // namespace

Rewritten Offsets::apply(const MediaPacket &packet) const {
    const Vp8Numbers &vp8 = packet.glimpse.vp8;
    Rewritten out;
    out.sequence = static_cast<uint16_t>(packet.sequence + sequence);
    out.timestamp = packet.timestamp + timestamp;
    out.picture = static_cast<uint16_t>((vp8.picture + picture) &
                                        (vp8.is_long ? long_picture : short_picture));
    out.tl0 = static_cast<uint8_t>(vp8.tl0 + tl0);
    return out;
}

void Forwarder::aim(std::optional<Target> target) {
    if (target_ == target) return;
    const bool is_other = !target || (current_ && current_->track != target->track);
    target_ = target;
    if (is_other) current_.reset();
}

Forwarder::Span *Forwarder::span_of(const Target &target, uint32_t epoch, int64_t number) {
    for (size_t i = 0; i < spans_.size(); ++i) {
        Span &span = spans_[(newest_ + spans_.size() - i) % spans_.size()];
        if (!span.is_used) return nullptr;
        if (span.target != target || span.epoch != epoch || number < span.first) continue;
        // Those behind an older span's end are of the gap between two.
        return i == 0 || number <= span.last ? &span : nullptr;
    }
    return nullptr;
}

void Forwarder::open(const Span &span) {
    newest_ = (newest_ + 1) % spans_.size();
    spans_[newest_] = span;
}

/// The stream goes on with this packet: time has passed as between the two of them.
void Forwarder::begin(const Target &target, const MediaPacket &packet) {
    Span span;
    span.is_used = true;
    span.target = target;
    span.epoch = packet.epoch;
    span.first = span.last = packet.sequence;
    span.offsets.sequence = next_sequence_ - packet.sequence;
    uint32_t timestamp = last_timestamp_;
    if (has_sent_)
        timestamp += ticks_of(std::clamp(packet.time - last_time_, least_step, longest_step));
    span.offsets.timestamp = timestamp - packet.timestamp;
    span.offsets.picture = static_cast<uint16_t>(last_picture_ + 1 - packet.glimpse.vp8.picture);
    span.offsets.tl0 = static_cast<uint8_t>(last_tl0_ + 1 - packet.glimpse.vp8.tl0);
    open(span);
    current_ = target;
}

std::optional<Rewritten> Forwarder::take(uint64_t track, const MediaPacket &packet) {
    const Target from{track, packet.layer};
    if (packet.payload.empty() && (current_ != from || skip(from, packet))) return std::nullopt;
    if (current_ == from) {
        Span *const span = span_of(from, packet.epoch, packet.sequence);
        if (span && !skips_too_much(*span, packet)) return rewrite(*span, packet);
        // What is from before the switch is of no use; otherwise the source has begun anew, or its
        // gap is closed.
        if (!span && spans_[newest_].epoch >= packet.epoch) return std::nullopt;
        if (needs_keyframes_) current_.reset();
    }
    if (target_ != from || (needs_keyframes_ && !packet.glimpse.begins_keyframe))
        return std::nullopt;
    begin(from, packet);
    return rewrite(spans_[newest_], packet);
}

bool Forwarder::skips_too_much(const Span &span, const MediaPacket &packet) const {
    return packet.sequence + span.offsets.sequence - next_sequence_ > skips_left_;
}

Rewritten Forwarder::rewrite(Span &span, const MediaPacket &packet) {
    span.last = std::max(span.last, packet.sequence);
    const Rewritten out = span.offsets.apply(packet);
    const int64_t sequence = packet.sequence + span.offsets.sequence;
    const Vp8Numbers &vp8 = packet.glimpse.vp8;
    // A packet that was late changes nothing of what goes on.
    if (has_sent_ && sequence < next_sequence_) return out;
    has_sent_ = true;
    skips_left_ = std::min(most_skipped, skips_left_ - (sequence - next_sequence_) + 1);
    next_sequence_ = sequence + 1;
    last_timestamp_ = out.timestamp;
    last_time_ = packet.time;
    if (vp8.picture_at != 0) last_picture_ = out.picture;
    if (vp8.tl0_at != 0) last_tl0_ = out.tl0;
    return out;
}

/// Closes up behind a packet of padding alone. False: it is not the next one, and leaves a gap.
bool Forwarder::skip(const Target &from, const MediaPacket &packet) {
    const Span &newest = spans_[newest_];
    if (newest.target != from || newest.epoch != packet.epoch || packet.sequence != newest.last + 1)
        return false;
    Span span = newest;
    span.first = packet.sequence + 1;
    span.last = packet.sequence;
    --span.offsets.sequence;
    // One of which nothing has passed makes place: many in a row leave what is remembered.
    if (newest.last < newest.first)
        spans_[newest_] = span;
    else
        open(span);
    return true;
}

std::optional<Sent> Forwarder::find(uint16_t sequence) const {
    const auto back = static_cast<uint16_t>(static_cast<uint16_t>(next_sequence_) - sequence);
    if (!has_sent_ || back == 0 || back > 0x8000) return std::nullopt;
    const int64_t sent = next_sequence_ - back;
    for (const Span &span : spans_) {
        const int64_t number = sent - span.offsets.sequence;
        if (!span.is_used || number < span.first || number > span.last) continue;
        return Sent{span.target, span.epoch, number, span.offsets};
    }
    return std::nullopt;
}

uint32_t Forwarder::ticks_of(int64_t time) const {
    return static_cast<uint32_t>(rtp::ticks_of(time, rate_));
}

std::optional<uint32_t> Forwarder::timestamp_at(int64_t time) const {
    if (!has_sent_) return std::nullopt;
    return last_timestamp_ + ticks_of(time - last_time_);
}

size_t pieces_of(const MediaPacket &packet, const Rewritten &rewritten,
                 std::array<uint8_t, 8> &storage, std::span<ByteView, 2> out) {
    const ByteView payload = packet.payload;
    const Vp8Numbers &vp8 = packet.glimpse.vp8;
    if (vp8.size == 0 || (vp8.picture_at == 0 && vp8.tl0_at == 0)) {
        out[0] = payload;
        return 1;
    }
    std::copy_n(payload.begin(), vp8.size, storage.begin());
    if (vp8.picture_at != 0 && vp8.is_long) {
        storage[vp8.picture_at] = static_cast<uint8_t>(0x80 | rewritten.picture >> 8);
        storage[vp8.picture_at + 1] = static_cast<uint8_t>(rewritten.picture);
    } else if (vp8.picture_at != 0) {
        storage[vp8.picture_at] = static_cast<uint8_t>(rewritten.picture & short_picture);
    }
    if (vp8.tl0_at != 0) storage[vp8.tl0_at] = rewritten.tl0;
    out[0] = ByteView(storage).first(vp8.size);
    out[1] = payload.subspan(vp8.size);
    return 2;
}

} // namespace penstock::rtc::room

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/mpegts/stream_units.h"

#include <utility>

namespace penstock::mpegts {
namespace {

/// A data packet is bounded by the 16 bits of its length.
constexpr size_t max_data = 65'535;

} // namespace

/// What a PES packet of the stream is for.
struct StreamUnits::Target {
    StreamUnits &of;

    void begin(const PesHeader &header) {
        if (of.video_) return of.video_->begin(header);
        const auto pts = of.stamp(header.pts);
        if (of.audio_) return of.audio_->begin(pts);
        of.end_data();
        of.has_data_ = true;
        of.data_pts_ = pts;
    }
    void data(ByteView bytes) {
        if (of.video_) return of.video_->data(bytes, of.pictures_);
        if (of.audio_) return of.audio_->data(bytes, of.frames_);
        of.collect_data(bytes);
    }
    void end() {
        if (of.video_) return of.video_->end(of.pictures_);
        if (of.audio_) return of.audio_->end(of.frames_);
        of.end_data();
    }
    void cut() { of.lose(); }
};

StreamUnits::StreamUnits(const ElementaryStream &stream, size_t index, size_t max_unit,
                         KeptBytes &kept, Clock &clock)
    : stream_(stream), index_(index), clock_(clock) {
    if (is_video(stream.codec))
        video_ = std::make_unique<VideoUnits>(stream.codec == Codec::avc ? codec::NalCodec::avc
                                                                         : codec::NalCodec::hevc,
                                              max_unit, kept);
    else if (is_audio(stream.codec))
        audio_ = std::make_unique<AudioFrames>(stream);
    else if (stream.codec == Codec::scte35)
        section_reader_ = std::make_unique<SectionReader>();
}

StreamUnits::~StreamUnits() = default;

/// ISO/IEC 13818-1 2.4.3.3: a packet may be sent twice in a row.
bool StreamUnits::is_next(const Packet &packet) {
    const bool is_first = !counter_;
    const uint8_t before = counter_.value_or(0);
    counter_ = packet.counter;
    if (is_first || packet.counter == ((before + 1) & 15)) {
        was_repeated_ = false;
        return true;
    }
    if (packet.counter == before && !std::exchange(was_repeated_, true)) return false;
    was_repeated_ = false;
    // Where a sender has announced it, what begins behind it is whole, and so is what was before.
    if (packet.discontinuity) {
        packet.starts_unit ? mark() : lose();
        return true;
    }
    counters_.lost += (packet.counter - before - 1) & 15;
    lose();
    return true;
}

void StreamUnits::take(const Packet &packet) {
    if (packet.payload.empty()) return;
    if (packet.is_scrambled) {
        ++counters_.scrambled;
        lose();
        counter_ = packet.counter;
        return;
    }
    ++counters_.packets;
    if (!is_next(packet)) return;
    if (section_reader_)
        section_reader_->push(packet.payload, packet.starts_unit, sections_);
    else
        pes_.push(packet.payload, packet.starts_unit, Target{*this});
}

void StreamUnits::mark() {
    (video_ && video_->has_begun() ? mark_later_ : marked_) = true;
}

void StreamUnits::lose() {
    pes_.lose();
    if (video_) video_->lose();
    if (audio_) audio_->lose();
    if (section_reader_) section_reader_->lose();
    if (std::exchange(has_data_, false)) ++counters_.damaged;
    data_.clear();
    marked_ = true;
    mark_later_ = false;
}

void StreamUnits::end() {
    if (video_) video_->finish(pictures_);
    if (audio_) audio_->end(frames_);
    if (!video_ && !audio_ && !section_reader_) end_data();
}

void StreamUnits::collect_data(ByteView bytes) {
    if (!has_data_) return;
    if (bytes.size() > max_data - data_.size()) {
        lose();
        return;
    }
    data_.insert(data_.end(), bytes.begin(), bytes.end());
}

void StreamUnits::end_data() {
    if (!std::exchange(has_data_, false) || data_.empty()) return;
    sections_.push_back(std::move(data_));
    data_.clear();
}

std::optional<int64_t> StreamUnits::stamp(const std::optional<uint64_t> &ticks) {
    if (!ticks) return std::nullopt;
    return clock_.unwrap(*ticks);
}

uint64_t StreamUnits::dropped() const {
    if (video_) return video_->counters().dropped + video_->counters().overflows;
    return audio_ ? audio_->dropped() : 0;
}

Unit StreamUnits::make(Bytes &&bytes) {
    Unit unit;
    unit.stream = index_;
    unit.data = std::move(bytes);
    if (const uint64_t now = dropped(); now != std::exchange(dropped_before_, now)) marked_ = true;
    unit.discontinuity = std::exchange(marked_, std::exchange(mark_later_, false));
    ++counters_.units;
    return unit;
}

StreamCounters StreamUnits::counters() const {
    StreamCounters counters = counters_;
    counters.damaged += dropped();
    return counters;
}

} // namespace penstock::mpegts

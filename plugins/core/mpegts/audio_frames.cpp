// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/mpegts/audio_frames.h"

#include <algorithm>
#include <utility>

namespace penstock::mpegts {
namespace {

constexpr int64_t ticks_per_second = 90'000;

} // namespace

AudioFrames::AudioFrames(const ElementaryStream &stream) : stream_(stream) {
    if (stream.is_latm) latm_ = std::make_unique<LatmReader>();
}

void AudioFrames::begin(std::optional<int64_t> pts) {
    is_skipping_ = false;
    // What is left of the packet before has one frame at most whose time is not taken yet.
    pts_ = pts;
    mark_ = bytes_.size();
}

void AudioFrames::data(ByteView bytes, std::vector<Whole> &out) {
    if (is_skipping_) return;
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
    extract(false, out);
}

void AudioFrames::end(std::vector<Whole> &out) {
    extract(true, out);
}

void AudioFrames::lose() {
    if (at_ < bytes_.size()) ++dropped_;
    bytes_.clear();
    at_ = mark_ = wanted_ = 0;
    pts_.reset();
    base_.reset();
    is_skipping_ = true;
    is_in_sync_ = false;
}

void AudioFrames::consume(size_t count) {
    at_ += count;
    if (at_ < bytes_.size() && at_ < max_audio_frame) return;
    bytes_.erase(bytes_.begin(), bytes_.begin() + static_cast<ptrdiff_t>(at_));
    mark_ -= std::min(mark_, at_);
    at_ = 0;
}

/// Frames whose bytes are all there. `is_end`: no more of the last one will come in this packet.
void AudioFrames::extract(bool is_end, std::vector<Whole> &out) {
    while (at_ < bytes_.size() && bytes_.size() - at_ >= wanted_) {
        wanted_ = 0;
        const ByteView rest = ByteView(bytes_).subspan(at_);
        AudioHeader header;
        const Result result = parse_audio(stream_, rest, header);
        if (result.needs_more()) return;
        if (result.is_error()) {
            skip_garbage();
            continue;
        }
        if (header.size > rest.size()) {
            wanted_ = header.size;
            return;
        }
        const size_t size = whole_size(header, is_end);
        if (size == 0) return;
        if (!take(header, size, out)) {
            skip_garbage();
            continue;
        }
        consume(size);
    }
}

/// The size of the frame with those that belong to it; 0: more may come.
size_t AudioFrames::whole_size(const AudioHeader &header, bool is_end) const {
    size_t size = header.size;
    const ByteView rest = ByteView(bytes_).subspan(at_);
    while (stream_.codec == Codec::eac3) {
        AudioHeader next;
        const Result result = parse_audio(stream_, rest.subspan(size), next);
        if (result.needs_more()) return is_end && size == rest.size() ? size : 0;
        if (result.is_error() || !next.is_dependent || size + next.size > max_audio_frame) break;
        if (size + next.size > rest.size()) return 0;
        size += next.size;
    }
    return size;
}

/// Moves on to what may be a frame's beginning.
void AudioFrames::skip_garbage() {
    if (std::exchange(is_in_sync_, false) || dropped_ == 0) ++dropped_;
    size_t count = 1;
    const ByteView rest = ByteView(bytes_).subspan(at_);
    AudioHeader header;
    while (count < rest.size() && parse_audio(stream_, rest.subspan(count), header).is_error())
        ++count;
    consume(count);
}

/// False if it can be no frame.
bool AudioFrames::take(const AudioHeader &header, size_t size, std::vector<Whole> &out) {
    const ByteView rest = ByteView(bytes_).subspan(at_);
    AudioHeader next;
    // Sync words occur in frames, too: another has to follow, if anything does. Behind a good frame
    // that need not be, unless a packet begins in this one.
    const bool is_sure = is_in_sync_ && (mark_ <= at_ || mark_ >= at_ + size);
    if (!is_sure && size < rest.size() && parse_audio(stream_, rest.subspan(size), next).is_error())
        return false;
    if (header.is_dependent) return false; // that on which it depends is missing
    is_in_sync_ = true;
    const ByteView frame = rest.subspan(header.head, size - header.head);
    if (!latm_) {
        if (header.format != format_) format_ = header.format;
        emit(frame, header.samples, out);
        return true;
    }
    subframes_.clear();
    if (!latm_->read(frame, subframes_).is_ok()) {
        ++dropped_;
        next_time(0);
        return true;
    }
    const codec::AacConfig &aac = latm_->aac();
    format_ = {aac.rate, aac.channels, 0, 0, latm_->config()};
    for (const auto &subframe : subframes_)
        emit(subframe, aac.frame_length, out);
    return true;
}

void AudioFrames::emit(ByteView frame, unsigned samples, std::vector<Whole> &out) {
    out.push_back({Bytes::copy_of(frame), next_time(samples), samples});
}

/// Of the frame at hand; counts it.
std::optional<int64_t> AudioFrames::next_time(unsigned samples) {
    if (pts_ && at_ >= mark_) {
        base_ = std::exchange(pts_, std::nullopt);
        counted_ = 0;
    }
    std::optional<int64_t> time = base_;
    if (base_ && format_.rate > 0)
        *time += static_cast<int64_t>(counted_ * ticks_per_second / format_.rate);
    counted_ += samples;
    return time;
}

} // namespace penstock::mpegts

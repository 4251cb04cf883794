// SPDX-License-Identifier: LGPL-2.1-or-later
// Interleaves a segment's samples, fills in their decoding times and writes them as MPEG-TS.
#include "core/hls/ts_writer.h"

#include <algorithm>
#include <iterator>
#include <limits>

namespace penstock::hls {
namespace {

constexpr uint16_t video_pid = 0x100, audio_pid = 0x101, metadata_pid = 0x102;
/// The metadata_descriptor (2.6.60): the formats are "ID3 ", the service is 0.
constexpr uint8_t metadata_descriptor[] = {0x26, 0x0D, 0xFF, 0xFF, 'I', 'D',  '3', ' ',
                                           0xFF, 'I',  'D',  '3',  ' ', 0x00, 0x0F};
constexpr int64_t millisecond = 1'000'000;
// Several audio frames share a PES packet, since header and stuffing of one per frame would be a
// fifth of a low bitrate. The span is limited, because without video each packet carries a clock
// reference.
constexpr int64_t audio_group_span = 90 * millisecond;
constexpr size_t audio_group_bytes = 8192;

uint64_t to_90k(int64_t nanoseconds) {
    return static_cast<uint64_t>((std::max<int64_t>(nanoseconds, 0) * 9 + 50'000) / 100'000);
}

int64_t decoding_time(const Sample &sample) {
    return sample.dts.value_or(sample.pts);
}

} // namespace

uint64_t TsWriter::next_dts(Kind kind, int64_t dts) {
    auto &last = last_dts_[static_cast<size_t>(kind)];
    uint64_t ticks = to_90k(dts);
    if (last && ticks <= *last) ticks = *last + 1;
    last = ticks;
    return ticks;
}

Bytes TsWriter::write(TrackSamples &video, const TrackSamples &audio, const SegmentTimes &times) {
    const int64_t offset = times.offset;
    decode_times_.complete(video.samples);
    std::vector<mpegts::Track> tracks;
    if (video.format) tracks.push_back({video.format->type, video_pid, {}});
    if (audio.format) tracks.push_back({audio.format->type, audio_pid, {}});
    const size_t audio_track = tracks.size() - 1;
    if (has_metadata_ && !tracks.empty())
        tracks.push_back({mpegts::StreamType::metadata,
                          metadata_pid,
                          {std::begin(metadata_descriptor), std::end(metadata_descriptor)}});
    muxer_.set_tracks(std::move(tracks));

    size_t bound = 2 * mpegts::packet_size;
    for (const TrackSamples *input : {&std::as_const(video), &audio})
        for (const Sample &sample : input->samples)
            bound += mpegts::Muxer::packets_bound(sample.data.size() + 64);
    for (const Metadata &metadata : metadata_)
        bound += mpegts::Muxer::packets_bound(metadata.tag.size());
    std::vector<uint8_t> out;
    out.reserve(bound);
    muxer_.write_tables(out);

    size_t v = 0, a = 0;
    while (v < video.samples.size() || a < audio.samples.size()) {
        const bool take_video = v < video.samples.size() &&
                                (a >= audio.samples.size() || decoding_time(video.samples[v]) <=
                                                                  decoding_time(audio.samples[a]));
        write_metadata(decoding_time(take_video ? video.samples[v] : audio.samples[a]), offset,
                       out);
        if (!take_video) {
            a += write_audio(audio_track, audio, a, offset, out);
            continue;
        }
        const Sample &sample = video.samples[v++];
        gather_.clear();
        if (!gather_.append(*video.format, sample.data, sample.keyframe)) continue;
        mpegts::AccessUnit unit;
        unit.dts = next_dts(Kind::video, decoding_time(sample) + offset);
        unit.pts = std::max(to_90k(sample.pts + offset), unit.dts);
        unit.random_access = sample.keyframe;
        unit.pieces = gather_.pieces();
        muxer_.write(0, unit, out);
    }
    if (v + a > 0) write_metadata(std::numeric_limits<int64_t>::max(), offset, out);
    return Bytes::adopt(std::move(out));
}

void TsWriter::add_metadata(Metadata metadata) {
    if (metadata.tag.size() > mpegts::largest_metadata) return;
    has_metadata_ = true;
    metadata_.push_back(std::move(metadata));
}

/// Writes the metadata of times up to this.
void TsWriter::write_metadata(int64_t before, int64_t offset, std::vector<uint8_t> &out) {
    for (; !metadata_.empty() && metadata_.front().pts <= before; metadata_.pop_front()) {
        const ByteView piece = metadata_.front().tag;
        mpegts::AccessUnit unit;
        unit.pts = unit.dts = to_90k(metadata_.front().pts + offset);
        unit.pieces = std::span(&piece, 1);
        muxer_.write(muxer_.tracks().size() - 1, unit, out);
    }
}

size_t TsWriter::write_audio(size_t track, const TrackSamples &audio, size_t first, int64_t offset,
                             std::vector<uint8_t> &out) {
    const Format &format = *audio.format;
    const int64_t frame =
        format.rate ? int64_t(format.frame_samples) * 1'000'000'000 / format.rate : 0;
    const auto &samples = audio.samples;
    gather_.clear();
    size_t count = 0, bytes = 0;
    for (size_t i = first; i < samples.size(); ++i, ++count) {
        if (count > 0) {
            // The first frame is alone in its packet, because ffmpeg learns the frame duration from
            // it.
            if (first == 0) break;
            // Decoders extrapolate from the first frame's timestamp, so a gap requires a new
            // packet.
            const int64_t from_first = samples[i].pts - samples[first].pts;
            const int64_t expected = frame * static_cast<int64_t>(count);
            if (frame == 0 || from_first + frame > audio_group_span ||
                bytes + samples[i].data.size() > audio_group_bytes ||
                from_first - expected > 2 * millisecond || expected - from_first > 2 * millisecond)
                break;
        }
        bytes += samples[i].data.size();
        gather_.append(*audio.format, samples[i].data, true);
    }
    if (gather_.pieces().empty()) return count;
    mpegts::AccessUnit unit;
    unit.dts = unit.pts = next_dts(Kind::audio, samples[first].pts + offset);
    unit.random_access = true;
    unit.pieces = gather_.pieces();
    muxer_.write(track, unit, out);
    return count;
}

} // namespace penstock::hls

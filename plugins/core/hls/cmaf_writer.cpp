// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/hls/cmaf_writer.h"

#include "core/cmaf/codec_config.h"
#include "core/codec/av1.h"

#include <algorithm>

namespace penstock::hls {
namespace {

constexpr uint32_t video_id = 1, audio_id = 2;
constexpr const char *id3_scheme = "https://aomedia.org/emsg/ID3";
constexpr int64_t second = 1'000'000'000;
constexpr int64_t video_timescale = 90'000;
// Audio timestamps may be this far from the count of samples; ns. A larger difference is a gap, or
// more samples than time, and then a frame is left out.
constexpr int64_t audio_tolerance = 40'000'000;
constexpr int64_t longest_frame = 10 * video_timescale;

int64_t to_ticks(int64_t nanoseconds, int64_t timescale) {
    const int64_t time = std::max<int64_t>(nanoseconds, 0);
    // In two steps, so that centuries of 192 kHz fit.
    return time / second * timescale + (time % second * timescale + second / 2) / second;
}

uint64_t to_video_ticks(int64_t nanoseconds) {
    return static_cast<uint64_t>(to_ticks(nanoseconds, video_timescale));
}

int32_t clamp_offset(int64_t ticks) {
    return static_cast<int32_t>(std::clamp<int64_t>(ticks, INT32_MIN, INT32_MAX));
}

/// The duration of a fragment's last frame: until the next segment begins. If frames are reordered,
/// some of the next segment's may be displayed before its first (open GOP); then its decoding times
/// begin earlier than `left`, the time until its first frame is displayed.
uint32_t last_duration(const cmaf::TrackFragment &fragment, int64_t stated, int64_t left) {
    const auto &samples = fragment.samples;
    const bool reordered = std::any_of(samples.begin(), samples.end(), [](const cmaf::Sample &s) {
        return s.composition_offset != 0;
    });
    if (stated <= 0 && samples.size() > 1) stated = samples[samples.size() - 2].duration;
    const bool is_near = std::abs(left - stated) <= stated / 2;
    const int64_t duration =
        left > 0 && left <= longest_frame && (is_near || !reordered) ? left : stated;
    return static_cast<uint32_t>(std::clamp<int64_t>(duration, 1, longest_frame));
}

} // namespace

/// Makes a new init segment if a track differs.
void CmafWriter::use_formats(const FormatPtr &video, const FormatPtr &audio) {
    std::vector<cmaf::Track> tracks;
    const auto add = [&](const FormatPtr &format, uint32_t id) {
        if (!format || !format->track || !cmaf::check(*format->track).is_ok()) return;
        tracks.push_back(*format->track);
        tracks.back().id = id;
    };
    add(video, video_id);
    add(audio, audio_id);
    if (tracks == tracks_) return;
    tracks_ = std::move(tracks);
    init_ = tracks_.empty() ? Bytes() : Bytes::adopt(cmaf::write_init_segment(tracks_));
    shift_.reset();
    // The next frames may have another timescale.
    next_audio_.reset();
}

Bytes CmafWriter::write(TrackSamples &video, const TrackSamples &audio, const SegmentTimes &times) {
    use_formats(video.format, audio.format);
    if (tracks_.empty()) return {};
    const auto has = [&](uint32_t id) {
        return std::any_of(tracks_.begin(), tracks_.end(),
                           [&](const cmaf::Track &track) { return track.id == id; });
    };
    std::array<cmaf::TrackFragment, 2> fragments;
    if (has(video_id)) fragments[0] = write_video(video, times);
    if (has(audio_id)) fragments[1] = write_audio(audio, times.offset);

    cmaf::FragmentOptions options;
    options.sequence = ++sequence_;
    options.begins_segment = times.is_first;
    const cmaf::TrackFragment &first = fragments[fragments[0].samples.empty()];
    if (times.date > 0) {
        const cmaf::Track &track = tracks_.front();
        options.producer_time = cmaf::ProducerTime{
            track.id, cmaf::ntp_time(times.date),
            static_cast<uint64_t>(to_ticks(times.begin + times.offset, track.timescale))};
    }
    std::vector<cmaf::Event> events;
    for (const Metadata &metadata : metadata_) {
        cmaf::Event event;
        event.scheme = id3_scheme;
        event.timescale = video_timescale;
        event.presentation_time = to_video_ticks(metadata.pts + times.offset);
        event.id = ++event_id_;
        event.message = metadata.tag;
        events.push_back(std::move(event));
    }
    options.events = events;
    Bytes out;
    if (first.samples.empty() || !cmaf::write_fragment(options, fragments, out).is_ok()) return {};
    metadata_.clear();
    return out;
}

cmaf::TrackFragment CmafWriter::write_video(TrackSamples &video, const SegmentTimes &times) {
    cmaf::TrackFragment fragment{video_id, 0, true, {}};
    if (video.samples.empty()) return fragment;
    decode_times_.complete(video.samples);
    // Decoding times are moved so that the first frame is displayed when it is decoded. Then no
    // edit list is needed, and a segment's decoding times begin where its display times do.
    if (!shift_) shift_ = video.samples.front().pts - video.samples.front().dts.value_or(0);
    const bool is_av1 = video.format->track->codec == cmaf::Codec::av1;
    uint64_t previous = 0;
    for (size_t i = 0; i < video.samples.size(); ++i) {
        const Sample &sample = video.samples[i];
        uint64_t time = to_video_ticks(sample.dts.value_or(sample.pts) + *shift_ + times.offset);
        if (i == 0)
            time = std::max(time, next_video_.value_or(0));
        else
            time = std::max(time, previous + 1);
        if (i > 0) fragment.samples.back().duration = static_cast<uint32_t>(time - previous);
        previous = time;
        if (i == 0) fragment.decode_time = time;
        cmaf::Sample written;
        written.composition_offset =
            clamp_offset(static_cast<int64_t>(to_video_ticks(sample.pts + times.offset) - time));
        written.sync = sample.keyframe;
        written.data =
            is_av1 ? codec::without_temporal_delimiters(sample.data) : sample.data.view();
        fragment.samples.push_back(written);
    }
    const int64_t end = static_cast<int64_t>(to_video_ticks(times.end + times.offset));
    fragment.samples.back().duration =
        last_duration(fragment, to_ticks(video.samples.back().duration, video_timescale),
                      times.end == 0 ? 0 : end - static_cast<int64_t>(previous));
    next_video_ = previous + fragment.samples.back().duration;
    return fragment;
}

cmaf::TrackFragment CmafWriter::write_audio(const TrackSamples &audio, int64_t offset) {
    cmaf::TrackFragment fragment{audio_id, 0, false, {}};
    if (audio.samples.empty()) return fragment;
    const cmaf::Track &track = *audio.format->track;
    const int64_t tolerance = to_ticks(audio_tolerance, track.timescale);
    for (const Sample &sample : audio.samples) {
        const int64_t stamp = to_ticks(sample.pts + offset, track.timescale);
        int64_t length = cmaf::sample_length(track, sample.data);
        if (length == 0) length = to_ticks(sample.duration, track.timescale);
        if (length == 0) continue;
        int64_t time = next_audio_.value_or(stamp);
        if (stamp + tolerance < time) continue;
        if (stamp > time + tolerance) {
            // A frame lasts until the next: so a run of them expresses a gap.
            if (!fragment.samples.empty())
                fragment.samples.back().duration +=
                    static_cast<uint32_t>(std::min<int64_t>(stamp - time, UINT32_MAX / 2));
            time = stamp;
        }
        if (fragment.samples.empty()) fragment.decode_time = static_cast<uint64_t>(time);
        fragment.samples.push_back({static_cast<uint32_t>(length), 0, true, sample.data.view()});
        next_audio_ = time + length;
    }
    return fragment;
}

} // namespace penstock::hls

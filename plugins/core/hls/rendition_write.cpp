// SPDX-License-Identifier: LGPL-2.1-or-later
// Writes the pieces of a rendition that has video.
#include "core/hls/rendition.h"

#include "core/codec/avc.h"
#include "core/codec/avc_transfer.h"

#include <algorithm>
#include <cstdlib>
#include <iterator>

namespace penstock::hls {
namespace {

constexpr int64_t millisecond = 1'000'000;
constexpr int64_t second = 1'000'000'000;
// A rate that differs from a usual one by less than this fraction is that.
constexpr unsigned rate_tolerance = 200;

void add_codec(std::string &list, const std::string &codec) {
    if (codec.empty()) return;
    if (!list.empty()) list += ",";
    list += codec;
}

/// Frames in 1000 s; a usual rate, if one is near.
unsigned usual_rate(unsigned rate) {
    constexpr std::array<unsigned, 14> usual{12'000, 12'500, 15'000, 20'000, 23'976,
                                             24'000, 25'000, 29'970, 30'000, 48'000,
                                             50'000, 59'940, 60'000, 120'000};
    const auto distance = [&](unsigned other) {
        return other > rate ? other - rate : rate - other;
    };
    const unsigned nearest =
        *std::min_element(usual.begin(), usual.end(),
                          [&](unsigned a, unsigned b) { return distance(a) < distance(b); });
    return distance(nearest) * rate_tolerance < nearest ? nearest : rate;
}

/// transfer_characteristics of ITU-T H.273.
std::string_view range_of(unsigned transfer) {
    return transfer == 16 ? "PQ" : transfer == 18 ? "HLG" : "SDR";
}

} // namespace

std::string_view video_range_of(const Format &format) {
    unsigned transfer = 0;
    if (format.track && format.track->codec == cmaf::Codec::avc) {
        codec::AvcConfig config;
        if (codec::parse_avc_config(format.track->config, config).is_ok())
            transfer = codec::avc_transfer(config.sps.front());
    } else if (format.track && format.track->codec == cmaf::Codec::vp9) {
        constexpr size_t at = 4; // of vpcC: after profile, level, depth and primaries
        if (format.track->config.size() > at) transfer = format.track->config[at];
    }
    return range_of(transfer);
}

Segment Rendition::begin_piece(const Segment &reference) const {
    Segment piece = piece_beside(reference);
    piece.begins = !open_.has_pieces;
    return piece;
}

/// Writes samples of a piece: for both tracks, those of one configuration. `next`: where the
/// video's next frame is, 0 if that is not known; `begin`: where the segment's media begin.
Bytes Rendition::write_media(Segment &piece, std::array<Entries, 2> entries,
                             const Segment &reference, int64_t next, int64_t begin) {
    std::array<TrackSamples, 2> inputs;
    for (size_t i = 0; i < inputs.size(); ++i) {
        Track &t = tracks_[i];
        FormatPtr &format = open_.formats[i];
        if (!options_.tracks[i]) continue;
        if (!format && !entries[i].empty()) format = entries[i].front().format;
        if (!format && !open_.has_media) format = t.format;
        for (Entry &entry : entries[i]) {
            if (format && format->same(*entry.format)) {
                inputs[i].samples.push_back(std::move(entry.sample));
                continue;
            }
            // A segment has a single configuration.
            ++dropped_;
            wants_cut_ = true;
            if (i == 0) t.needs_keyframe = true;
        }
        inputs[i].format = format;
    }
    const auto &video = inputs[0].samples;
    Bytes data;
    if (!video.empty() || !inputs[1].samples.empty()) {
        const int64_t date = reference.program_date_time * millisecond;
        SegmentTimes times{reference.place.offset, next, 0, reference.place.segment,
                           !open_.has_media};
        if (times.is_first && begin == reference.place.segment) times.date = date;
        const bool starts = !has(Kind::video) || (!video.empty() && video.front().keyframe);
        open_.frames += video.size();
        metadata_.move_to(*writer_, reference.place.end);
        data = writer_->write(inputs[0], inputs[1], times);
        if (!data.empty()) {
            if (!open_.has_media) open_.independent = starts;
            piece.independent = starts;
            open_.has_media = true;
        }
    }
    piece.init = writer_->init();
    piece.has_video = !video.empty();
    piece.has_audio = !inputs[1].samples.empty();
    for (const FormatPtr &format : open_.formats) {
        if (!format) continue;
        add_codec(piece.codecs, format->codec_string);
        piece.width = std::max(piece.width, format->width);
        piece.height = std::max(piece.height, format->height);
    }
    if (about_->video_range.empty() && open_.formats[0]) {
        About about = *about_;
        about.video_range = video_range_of(*open_.formats[0]);
        about_ = std::make_shared<const About>(std::move(about));
    }
    if (about_->channels == 0 && !has(Kind::video) && open_.formats[1]) {
        const Format &format = *open_.formats[1];
        About about = *about_;
        about.channels = format.track ? format.track->channels : 0;
        about_ = std::make_shared<const About>(std::move(about));
    }
    return data;
}

void Rendition::finish_piece(Segment piece) {
    piece.about = about_;
    open_.has_pieces = true;
    piece.duration = open_.duration;
    if (piece.complete) open_ = {};
    finished_.push_back(std::move(piece));
}

void Rendition::write(const Segment &reference) {
    if (reference.begins) open_ = {};
    Segment piece = begin_piece(reference);
    if (!reference.place.has_media) return finish_piece(std::move(piece));
    std::array<Entries, 2> entries;
    entries[0] = collect(Kind::video, reference);
    if (has(Kind::audio)) entries[1] = collect(Kind::audio, reference);
    const Track &video = track(Kind::video);
    int64_t next = reference.place.is_last ? 0 : reference.place.end;
    // The last frame lasts until the next, which may be a little beside the reference's.
    if (next > 0 && !video.queue.empty() && video.queue.front().run == video.run) {
        const int64_t time = time_of(Kind::video, video.queue.front().sample);
        if (std::abs(time - next) < 100 * millisecond) next = time;
    }
    const int64_t duration =
        options_.has_parts ? reference.parts.front().duration : reference.duration;
    Bytes data = write_media(piece, std::move(entries), reference, next, reference.place.segment);
    open_.duration += duration;
    if (options_.has_parts) {
        const bool starts = piece.independent && !data.empty();
        piece.parts.push_back({std::move(data), duration, starts});
    } else {
        piece.data = std::move(data);
    }
    piece.independent = open_.independent;
    if (reference.complete) measure_frame_rate(reference);
    finish_piece(std::move(piece));
}

/// The largest of any segment, in frames of 1000 s.
void Rendition::measure_frame_rate(const Segment &reference) {
    if (knows_frame_rate_ || open_.frames < 2 || open_.duration < second / 4 ||
        reference.place.is_last)
        return;
    const auto rate = static_cast<unsigned>(static_cast<double>(open_.frames) * 1e12 /
                                            static_cast<double>(open_.duration));
    const unsigned usual = usual_rate(rate);
    if (usual <= about_->frame_rate) return;
    About about = *about_;
    about.frame_rate = usual;
    about_ = std::make_shared<const About>(std::move(about));
}

} // namespace penstock::hls

// SPDX-License-Identifier: LGPL-2.1-or-later
// Any order of samples, formats, gaps, ends and pauses into the HLS segmenter and its writers of
// MPEG-TS and CMAF, the latter whole and in parts. Laws: every segment can be demuxed, its times
// increase, no segment is longer than announced, playlists with parts conform, and memory is
// bounded and released.
#include "core/hls/segmenter.h"
#include "core/bytes/reader.h"
#include "core/cmaf/codec_config.h"
#include "core/hls/cmaf_format.h"
#include "core/hls/cmaf_writer.h"
#include "core/hls/stream.h"
#include "core/hls/ts_writer.h"

#include "fuzz/law.h"
#include "unit/hls_conformance.hpp"
#include "unit/mp4_reader.hpp"
#include "unit/ts_reader.hpp"

#include <cstdlib>

using namespace penstock;
using namespace penstock::hls;

namespace {

constexpr int64_t millisecond = 1'000'000;

std::vector<uint8_t> avc_record(uint8_t level) {
    return {0x01, 0x64, 0x00, level, 0xFF, 0xE1, 0x00, 0x19, 0x67, 0x64, 0x00, level, 0xAC, 0xD9,
            0x41, 0x41, 0xFB, 0x01,  0x10, 0x00, 0x00, 0x03, 0x00, 0x10, 0x00, 0x00,  0x03, 0x03,
            0x20, 0xF1, 0x42, 0x99,  0x60, 0x01, 0x00, 0x06, 0x68, 0xEB, 0xE3, 0xCB,  0x22, 0xC0};
}

FormatPtr video_format(uint8_t level) {
    FormatPtr format;
    fuzz::law(make_avc_format(avc_record(level), format).is_ok(), "the record is good");
    return format;
}

/// Codecs with a configuration in the caps, and one that has it in its frames.
FormatPtr cmaf_video_format(uint8_t which) {
    cmaf::Track track;
    track.codec = which & 1 ? cmaf::Codec::av1 : cmaf::Codec::avc;
    if (!(which & 1)) track.config = avc_record(0x0D + (which & 2));
    FormatPtr format;
    fuzz::law(make_cmaf_format(track, format).is_ok(), "the track is good");
    return format;
}

FormatPtr cmaf_audio_format(uint8_t which) {
    cmaf::Track track;
    track.codec = cmaf::Codec::eac3;
    if (which & 1)
        fuzz::law(
            cmaf::configure_aac(codec::build_aac_config(2, which & 2 ? 48'000 : 44'100, 2), track)
                .is_ok(),
            "the configuration is good");
    FormatPtr format;
    fuzz::law(make_cmaf_format(track, format).is_ok(), "the track is good");
    return format;
}

FormatPtr audio_format(uint8_t which) {
    FormatPtr format;
    switch (which % 4) {
    case 0:
        return make_adts_format();
    case 1:
        return make_mpeg_audio_format();
    default:
        fuzz::law(
            make_aac_format(codec::build_aac_config(2, which % 4 == 2 ? 48'000 : 44'100, 2), format)
                .is_ok(),
            "the configuration is good");
        return format;
    }
}

/// Reads the output, and keeps what a segment must have in common with the next.
class Judge {
public:
    Judge(uint64_t announced, const Container &container)
        : announced_(announced), stream_({.container = container}) {}

    void take(Segmenter &segmenter, const Segmenter::Options &options) {
        Segment segment;
        while (segmenter.take(segment))
            judge(segment);
        segmenter.take_warnings();
        const Segmenter::Stats &stats = segmenter.stats();
        fuzz::law(stats.kept_samples <= options.max_samples, "samples are bounded");
        fuzz::law(stats.kept_bytes <= options.max_bytes, "bytes are bounded");
    }

private:
    void judge(const Segment &segment) {
        if (announced_ == 0) announced_ = segment.target_duration;
        if (segment.part_target > 0) return judge_piece(segment);
        fuzz::law(segment.target_duration == announced_, "the target duration stays");
        fuzz::law(segment.duration > 0, "a segment has a length");
        const int64_t microseconds = (segment.duration + 500) / 1000;
        fuzz::law(uint64_t(microseconds + 500'000) / 1'000'000 <= announced_,
                  "no segment is longer than was announced");
        fuzz::law(segment.has_video || segment.has_audio, "a segment has media");
        fuzz::law(segment.has_video || segment.independent, "audio is independent");
        if (!segment.init.empty()) return judge_cmaf(segment);
        ts::Stream stream;
        try {
            stream = ts::read(segment.data, counters_);
        } catch (const std::exception &error) {
            fuzz::law(false, error.what());
        }
        fuzz::law(stream.tables == 2, "a segment begins with its tables");
        for (const ts::Pes &pes : stream.units) {
            const auto last = last_dts_.find(pes.pid);
            // Timestamps wrap at 33 bits.
            const uint64_t step =
                last == last_dts_.end() ? 1 : (pes.dts - last->second) & mpegts::timestamp_mask;
            fuzz::law(step > 0 && step < uint64_t(1) << 32, "decoding times rise");
            last_dts_[pes.pid] = pes.dts;
        }
        stream_.publish(segment);
        playlist::MediaPlaylist list;
        const Bytes text = stream_.playlist();
        fuzz::law(playlist::parse({reinterpret_cast<const char *>(text.data()), text.size()}, list)
                      .is_ok(),
                  "the playlist can be read");
        if (listed_ == 0) listed_ = list.target_duration;
        fuzz::law(list.target_duration == listed_, "the playlist's target duration stays");
        fuzz::law(list.segments.back().duration / 1000 == microseconds, "EXTINF is the length");
    }

    void judge_piece(const Segment &piece) {
        fuzz::law(piece.target_duration == announced_, "the target duration stays");
        fuzz::law(piece.complete || !piece.parts.empty(), "a piece has a part, or ends a segment");
        if (piece.begins && piece.discontinuity) decoded_.clear();
        for (const Part &part : piece.parts)
            if (!part.data.empty()) judge_fragments(piece.init, part.data);
        stream_.publish(piece);
        if (!piece.complete) return; // each playlist would take too long
        const Bytes text = stream_.playlist();
        checker_.see(std::string(text.begin(), text.end()));
        fuzz::law(checker_.problems.empty(), checker_.text().c_str());
    }

    uint64_t announced_, listed_ = 0;
    /// A track's samples follow one another, from segment to segment.
    void judge_cmaf(const Segment &segment) {
        if (segment.discontinuity) decoded_.clear();
        judge_fragments(segment.init, segment.data);
        stream_.publish(segment);
    }

    void judge_fragments(ByteView init_segment, ByteView data) {
        try {
            const mp4::Init init = mp4::read_init(init_segment);
            for (const mp4::Fragment &fragment : mp4::read_segment(data))
                for (const auto &[id, samples] : fragment.tracks) {
                    init.track(id);
                    for (const mp4::Sample &sample : samples) {
                        const auto last = decoded_.find(id);
                        fuzz::law(last == decoded_.end() || sample.dts >= last->second,
                                  "decoding times increase");
                        fuzz::law(sample.duration > 0, "a sample has a duration");
                        decoded_[id] = sample.dts + sample.duration;
                    }
                }
        } catch (const std::exception &error) {
            fuzz::law(false, error.what());
        }
    }

    conformance::Checker checker_;
    std::map<uint32_t, uint64_t> decoded_;
    std::map<uint16_t, uint8_t> counters_;
    std::map<uint16_t, uint64_t> last_dts_;
    Stream stream_;
};

class Player {
public:
    Player(Reader &in, bool with_parts) : in_(in) {
        const uint8_t flags = in_.u8();
        options_.target_duration = (1 + flags % 8) * 500 * millisecond;
        options_.realtime = flags & 0x10;
        options_.announced = flags >> 5;
        options_.max_samples = 3'000;
        options_.max_bytes = 1 << 16;
        options_.wall_clock = options_.monotonic_clock = [this] { return clock_; };
        cmaf_ = flags & 8;
        if (with_parts) options_.part_duration = 200 * millisecond;
        std::unique_ptr<SegmentWriter> writer;
        if (cmaf_)
            writer = std::make_unique<CmafWriter>();
        else
            writer = std::make_unique<TsWriter>();
        segmenter_ = std::make_unique<Segmenter>(options_, std::move(writer));
        judge_ = std::make_unique<Judge>(options_.announced, cmaf_ ? cmaf_container : ts_container);
    }

    void run() {
        for (int steps = 0; steps < 4'000 && in_.remaining() > 0; ++steps) {
            step(in_.u8());
            judge_->take(*segmenter_, options_);
        }
        segmenter_->finish();
        judge_->take(*segmenter_, options_);
        fuzz::law(segmenter_->stats().kept_samples == 0 && segmenter_->stats().kept_bytes == 0,
                  "nothing is kept after the end");
    }

private:
    void step(uint8_t what) {
        const Kind kind = what & 1 ? Kind::audio : Kind::video;
        const uint8_t detail = what >> 4;
        switch (what >> 1 & 7) {
        case 0: // a run of samples at an even pace
            for (int i = 0; i <= detail * 4; ++i)
                add(kind, kind == Kind::audio || i == 0, {});
            break;
        case 1: // one sample, with everything in it
            add(kind, detail & 1, in_.take(std::min<size_t>(detail * 8, in_.remaining())));
            break;
        case 2:
            clock_ += int64_t(in_.u16()) * millisecond;
            break;
        case 3: // a step of a track's time, which others may or may not make
            time_[what & 1] +=
                (int64_t(static_cast<int32_t>(in_.u32())) >> (detail * 2)) * millisecond;
            break;
        case 4:
            if (cmaf_)
                segmenter_->set_format(kind == Kind::video ? cmaf_video_format(detail)
                                                           : cmaf_audio_format(detail));
            else if (kind == Kind::video)
                segmenter_->set_format(detail & 1 ? make_annexb_format()
                                                  : video_format(0x0D + (detail & 2)));
            else
                segmenter_->set_format(audio_format(detail));
            break;
        case 5:
            segmenter_->gap(kind, time_[what & 1] + in_.u16() * millisecond);
            break;
        default:
            other(kind, detail);
        }
    }

    void other(Kind kind, uint8_t detail) {
        switch (detail % 7) {
        case 0:
            return segmenter_->discontinuity(kind);
        case 1:
            return segmenter_->end(kind);
        case 2:
            return segmenter_->remove(kind);
        case 3:
            return segmenter_->declare(kind);
        case 4:
            return segmenter_->flush();
        case 5:
            return segmenter_->finish();
        default:
            return segmenter_->set_realtime(detail & 8);
        }
    }

    void add(Kind kind, bool keyframe, ByteView bytes) {
        int64_t &time = time_[kind == Kind::audio];
        Sample sample;
        sample.pts = time;
        sample.keyframe = keyframe;
        if (bytes.size() > 4) {
            sample.pts += int8_t(bytes[0]) * millisecond;
            if (bytes[1] & 1) sample.dts = time;
            sample.discontinuity = bytes[1] & 2;
            sample.duration = int64_t(bytes[2]) << (bytes[3] % 34);
        }
        if (bytes.size() > 4 && bytes[1] & 4) {
            sample.data = Bytes::copy_of(bytes.subspan(4));
        } else if (kind == Kind::video) {
            const uint8_t nal[] = {0, 0, 0, 2, uint8_t(keyframe ? 0x65 : 0x41), 0x88};
            sample.data = Bytes::copy_of(ByteView(nal));
        } else {
            // An MP3 frame of 24 bytes (8 kbit/s at 24 kHz); as AAC, some payload.
            uint8_t frame[24] = {0xFF, 0xF3, 0x14, 0xC4};
            sample.data = Bytes::copy_of(ByteView(frame));
        }
        time += (kind == Kind::video ? 40 : 24) * millisecond;
        if (kind == Kind::video) clock_ += 40 * millisecond;
        segmenter_->add(kind, std::move(sample));
    }

    Reader &in_;
    Segmenter::Options options_;
    int64_t clock_ = 1'700'000'000'000 * millisecond;
    int64_t time_[2] = {};
    bool cmaf_ = false;
    std::unique_ptr<Segmenter> segmenter_;
    std::unique_ptr<Judge> judge_;
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) return 0;
    Reader in(ByteView(data, size));
    Player(in, false).run();
    if (!(data[0] & 8)) return 0;
    Reader again(ByteView(data, size));
    Player(again, true).run();
    return 0;
}

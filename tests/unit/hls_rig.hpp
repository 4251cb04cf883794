// SPDX-License-Identifier: LGPL-2.1-or-later
// Synthetic H.264 and AAC for the segmenter's tests.
#pragma once

#include "core/hls/segmenter.h"
#include "core/hls/ts_writer.h"
#include "unit/ts_reader.hpp"

#include <algorithm>
#include <map>
#include <vector>

namespace rig {

using namespace penstock;
using namespace penstock::hls;

inline constexpr int64_t ms = 1'000'000;
inline constexpr int64_t sec = 1'000'000'000;
inline constexpr int64_t tick_origin = 900'000; // 10 s

/// The record written by x264 for 320x240.
inline std::vector<uint8_t> avc_record(uint8_t level = 0x0D) {
    std::vector<uint8_t> record{0x01,  0x64, 0x00, level, 0xFF, 0xE1, 0x00, 0x19, 0x67, 0x64, 0x00,
                                level, 0xAC, 0xD9, 0x41,  0x41, 0xFB, 0x01, 0x10, 0x00, 0x00, 0x03,
                                0x00,  0x10, 0x00, 0x00,  0x03, 0x03, 0x20, 0xF1, 0x42, 0x99, 0x60,
                                0x01,  0x00, 0x06, 0x68,  0xEB, 0xE3, 0xCB, 0x22, 0xC0};
    return record;
}

inline FormatPtr video_format(uint8_t level = 0x0D) {
    FormatPtr format;
    ts::require(make_avc_format(avc_record(level), format).is_ok(), "avc format");
    return format;
}

inline FormatPtr audio_format(unsigned rate = 48000) {
    FormatPtr format;
    ts::require(make_aac_format(codec::build_aac_config(2, rate, 2), format).is_ok(), "aac format");
    return format;
}

/// A frame that contains its number.
inline Bytes picture(bool keyframe, uint32_t number, size_t size = 40) {
    std::vector<uint8_t> bytes{0, 0, 0, static_cast<uint8_t>(size + 1),
                               static_cast<uint8_t>(keyframe ? 0x65 : 0x41)};
    for (size_t i = 0; i < size; ++i)
        bytes.push_back(static_cast<uint8_t>(0x80 | (number >> (i % 4 * 7) & 0x7F)));
    return Bytes::adopt(std::move(bytes));
}

inline Sample video_sample(int64_t pts, int64_t dts, bool keyframe, uint32_t number = 0) {
    return {pts, dts, 40 * ms, keyframe, picture(keyframe, number), false};
}

inline Sample audio_sample(int64_t pts, int64_t duration = 1024 * sec / 48000) {
    return {
        pts,  std::nullopt, duration, true, Bytes::copy_of(std::string_view("\x21\x10\x05 aac")),
        false};
}

struct Rig {
    Segmenter::Options options;
    int64_t wall = 1'700'000'000 * sec;
    int64_t wall_step = 0, monotonic_step = 0; ///< by which a clock was set
    std::unique_ptr<Segmenter> segmenter;
    std::vector<Segment> segments;
    std::vector<ts::Stream> streams;
    std::map<uint16_t, uint8_t> counters;
    std::vector<std::string> warnings;

    explicit Rig(Segmenter::Options o = {}) : options(std::move(o)) {
        options.wall_clock = [this] { return wall + wall_step; };
        options.monotonic_clock = [this] { return wall + monotonic_step; };
        segmenter = std::make_unique<Segmenter>(options, std::make_unique<TsWriter>());
    }
    /// Takes finished segments and parses them.
    void take() {
        Segment segment;
        while (segmenter->take(segment)) {
            streams.push_back(ts::read(segment.data, counters));
            segments.push_back(std::move(segment));
        }
        for (auto &text : segmenter->take_warnings())
            warnings.push_back(std::move(text));
    }
    void add(Kind kind, Sample sample) {
        segmenter->add(kind, std::move(sample));
        take();
    }
    /// Feeds both tracks from `from` to `to`, interleaved like a live source: 25 video frames and
    /// 46.9 audio frames per second, a keyframe every `gop` frames. The wall clock advances with
    /// them.
    struct Feed {
        int64_t from = 0, to = 0;
        unsigned gop = 50;
        bool bframes = false, with_dts = true, video = true, audio = true;
        int64_t shift = 0;      ///< added to all timestamps
        int64_t audio_late = 0; ///< how late audio arrives
    };
    void feed(const Feed &f) {
        const int64_t frame = 40 * ms;
        const int64_t wall0 = wall;
        int64_t audio_frame = f.from * 48000 / sec / 1024;
        for (int64_t t = f.from; t < f.to; t += frame) {
            wall = wall0 + (t - f.from);
            const auto index = static_cast<uint32_t>(t / frame);
            const unsigned in_gop = index % f.gop;
            if (f.video) {
                // Display order I B P B P …: decoding order I P B P B, a frame later.
                int64_t pts = t;
                if (f.bframes) pts = in_gop == 0 ? t + frame : in_gop % 2 == 1 ? t + 2 * frame : t;
                if (f.bframes && in_gop == f.gop - 1 && f.gop % 2 == 0) pts = t + frame;
                Sample sample = video_sample(pts + f.shift, t + f.shift, in_gop == 0, index);
                if (!f.with_dts) sample.dts.reset();
                add(Kind::video, std::move(sample));
            }
            for (; f.audio && audio_time(audio_frame) + f.audio_late < t + frame; ++audio_frame)
                add(Kind::audio, audio_sample(audio_time(audio_frame) + f.shift));
        }
        wall = wall0 + (f.to - f.from);
    }
    static int64_t audio_time(int64_t frame) { return frame * 1024 * sec / 48000; }

    /// All video frames (or audio packets) of all segments: times in ticks.
    std::vector<ts::Pes> all(uint16_t pid) const {
        std::vector<ts::Pes> list;
        for (const ts::Stream &stream : streams)
            for (const ts::Pes &pes : stream.of(pid))
                list.push_back(pes);
        return list;
    }
};

inline constexpr uint16_t video_pid = 0x100, audio_pid = 0x101;

/// The number of ADTS frames; they must be complete.
inline size_t adts_frames(const ts::Pes &pes) {
    size_t count = 0, at = 0;
    while (at < pes.payload.size()) {
        codec::AdtsHeader header;
        ts::require(codec::parse_adts(ByteView(pes.payload).subspan(at), header).is_ok(), "ADTS");
        at += header.frame_size;
        ++count;
    }
    ts::require(at == pes.payload.size(), "an ADTS frame over the PES's end");
    return count;
}

} // namespace rig

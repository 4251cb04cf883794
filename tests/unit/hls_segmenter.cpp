// SPDX-License-Identifier: LGPL-2.1-or-later
#include "unit/hls_rig.hpp"

#include "check.hpp"

using namespace rig;

#define assert_near(a, b, tolerance)                                                               \
    fail_unless(std::abs(int64_t(a) - int64_t(b)) <= int64_t(tolerance), #a " is %lld, not %lld",  \
                (long long)(a), (long long)(b))

/// What holds for every stream: increasing DTS, PCR in front of it, keyframes where segments
/// begin, durations that lead from each first timestamp to the next.
static void assert_sound(const Rig &rig) {
    for (uint16_t pid : {video_pid, audio_pid}) {
        std::optional<uint64_t> last;
        for (const ts::Pes &pes : rig.all(pid)) {
            fail_unless(!last || pes.dts > *last, "DTS goes back on PID %u", pid);
            fail_unless(pes.pts >= pes.dts);
            if (pes.pcr) assert_near(*pes.pcr + mpegts::pcr_lead, pes.dts, 0);
            last = pes.dts;
        }
    }
    for (size_t i = 0; i < rig.streams.size(); ++i) {
        const auto video = rig.streams[i].of(video_pid);
        fail_unless_equals_int(rig.streams[i].tables, 2);
        if (video.empty()) continue;
        fail_unless(video[0].random_access);
        fail_unless(video[0].payload.size() > 12 && video[0].payload[4] == 9 &&
                        (video[0].payload[10] & 31) == 7,
                    "a keyframe must begin with a delimiter and an SPS");
        if (i + 1 == rig.streams.size()) continue;
        const auto next = rig.streams[i + 1].of(video_pid);
        if (next.empty() || rig.segments[i + 1].discontinuity) continue;
        assert_near(rig.segments[i].duration, int64_t(next[0].pts - video[0].pts) * 100'000 / 9,
                    ms / 10);
    }
}

GST_START_TEST(test_plain) {
    Rig rig;
    rig.segmenter->set_format(video_format());
    rig.segmenter->set_format(audio_format());
    rig.feed({.to = 10 * sec});
    fail_unless_equals_int(rig.segments.size(), 4);
    rig.segmenter->finish();
    rig.take();
    assert_sound(rig);
    fail_unless_equals_int(rig.segments.size(), 5);
    for (const Segment &segment : rig.segments) {
        assert_near(segment.duration, 2 * sec, 0);
        fail_if(segment.discontinuity);
        fail_unless_equals_string(segment.codecs.c_str(), "avc1.64000d,mp4a.40.2");
        fail_unless_equals_int(segment.width, 320);
    }
    fail_unless_equals_int(rig.all(video_pid).size(), 250);
    fail_unless_equals_uint64(rig.all(video_pid)[0].pts, tick_origin);
    size_t frames = 0;
    uint64_t expected = tick_origin;
    for (const ts::Pes &pes : rig.all(audio_pid)) {
        assert_near(pes.pts, expected, 1);
        frames += adts_frames(pes);
        expected = tick_origin + frames * 1920;
    }
    fail_unless_equals_int(frames, 469);
    // Audio is cut where the picture is.
    for (size_t i = 0; i < 5; ++i) {
        const auto first = rig.streams[i].of(audio_pid).at(0).pts;
        fail_unless(first >= tick_origin + i * 180'000 && first < tick_origin + i * 180'000 + 1920);
    }
    fail_unless_equals_int(rig.segmenter->stats().kept_samples, 0);
    fail_unless_equals_int(rig.segmenter->stats().kept_bytes, 0);
    fail_unless_equals_int(rig.segmenter->stats().dropped, 0);
}
GST_END_TEST

// Any shift of the running time, the 33-bit wrap of the stream's clock included, changes nothing.
GST_START_TEST(test_shifts_and_wrap) {
    for (int64_t shift : {int64_t(0), -500 * ms, 3'600'000 * sec, -70 * sec}) {
        Rig rig;
        rig.segmenter->set_format(video_format());
        rig.segmenter->set_format(audio_format());
        rig.feed({.to = 6 * sec, .bframes = true, .shift = shift});
        rig.segmenter->finish();
        rig.take();
        assert_sound(rig);
        fail_unless_equals_int(rig.segments.size(), 3);
        fail_unless_equals_uint64(rig.all(video_pid)[0].pts, tick_origin);
    }
    // 2^33 ticks are 95443.7 s.
    TsWriter writer;
    TrackSamples video{video_format(), {}}, audio;
    for (int i = 0; i < 50; ++i)
        video.samples.push_back(
            video_sample(95'442 * sec + i * 40 * ms, 95'442 * sec + i * 40 * ms, i == 0));
    const Bytes bytes = writer.write(video, audio, 0);
    const ts::Stream stream = ts::read(bytes);
    fail_unless(stream.units.front().pts > stream.units.back().pts);
    for (size_t i = 1; i < 50; ++i)
        fail_unless_equals_uint64(
            (stream.units[i].pts - stream.units[i - 1].pts) & mpegts::timestamp_mask, 3600);
}
GST_END_TEST

GST_START_TEST(test_bframes) {
    for (bool with_dts : {true, false}) {
        Rig rig;
        rig.segmenter->set_format(video_format());
        rig.segmenter->set_format(audio_format());
        rig.feed({.to = 9 * sec, .gop = 75, .bframes = true, .with_dts = with_dts});
        rig.segmenter->finish();
        rig.take();
        assert_sound(rig);
        fail_unless_equals_int(rig.segments.size(), 3);
        for (const Segment &segment : rig.segments)
            assert_near(segment.duration, 3 * sec, 0);
        std::vector<uint64_t> shown;
        for (const ts::Pes &pes : rig.all(video_pid))
            shown.push_back(pes.pts);
        fail_if(std::is_sorted(shown.begin(), shown.end()));
        std::sort(shown.begin(), shown.end());
        for (size_t i = 1; i < shown.size(); ++i)
            fail_unless_equals_uint64(shown[i] - shown[i - 1], 3600);
    }
}
GST_END_TEST

GST_START_TEST(test_without_audio_and_tolerance) {
    Rig rig;
    rig.segmenter->set_format(video_format());
    // Milliseconds rounded down: keyframes at 0, 1999, 3999, 5998.
    for (int i = 0; i < 200; ++i) {
        const int64_t t = (i * 3999 / 100) * ms;
        rig.add(Kind::video, video_sample(t, t, i % 50 == 0, static_cast<uint32_t>(i)));
    }
    fail_unless_equals_int(rig.segments.size(), 3); // at once: nobody to wait for
    assert_near(rig.segments[0].duration, 1999 * ms, 0);
    rig.segmenter->finish();
    rig.take();
    assert_sound(rig);
    for (const ts::Stream &stream : rig.streams)
        fail_unless(stream.types.size() == 1 && stream.types.count(video_pid));
    for (const Segment &segment : rig.segments)
        fail_if(segment.discontinuity || segment.has_audio);
}
GST_END_TEST

GST_START_TEST(test_variable_frame_rate) {
    Rig rig;
    rig.segmenter->set_format(video_format());
    std::mt19937 random(7);
    int64_t t = 0, last_key = -10 * sec;
    std::vector<int64_t> cuts;
    for (int i = 0; i < 400; ++i) {
        const bool key = t - last_key >= 1300 * ms;
        if (key) last_key = t;
        if (key && (cuts.empty() || t - cuts.back() >= 1990 * ms)) cuts.push_back(t);
        Sample sample = video_sample(t, t, key, static_cast<uint32_t>(i));
        sample.duration = 0; // unknown
        rig.add(Kind::video, std::move(sample));
        t += static_cast<int64_t>(random() % 300'000) * 1000 + 5 * ms;
    }
    assert_sound(rig);
    fail_unless(cuts.size() > 10);
    fail_unless_equals_int(rig.segments.size(), cuts.size() - 1);
    for (size_t i = 0; i < rig.segments.size(); ++i)
        assert_near(rig.segments[i].duration, cuts[i + 1] - cuts[i], 0);
}
GST_END_TEST

GST_START_TEST(test_audio_alone) {
    Rig rig;
    rig.segmenter->set_format(audio_format(44100));
    std::vector<int64_t> times;
    for (int64_t i = 0; i < 500; ++i) {
        const int64_t t = i * 1024 * sec / 44100;
        rig.add(Kind::audio, audio_sample(t, 1024 * sec / 44100));
    }
    rig.segmenter->finish();
    rig.take();
    assert_sound(rig);
    fail_unless_equals_int(rig.segments.size(), 6);
    int64_t sum = 0;
    size_t frames = 0;
    for (size_t i = 0; i < 6; ++i) {
        fail_unless_equals_int(rig.streams[i].pcr_pid, audio_pid);
        fail_if(rig.segments[i].discontinuity || rig.segments[i].has_video);
        if (i < 5) fail_unless(rig.segments[i].duration < 2030 * ms);
        assert_near(rig.streams[i].units[0].pts, tick_origin + sum * 9 / 100'000, 1);
        sum += rig.segments[i].duration;
        for (const ts::Pes &pes : rig.streams[i].units) {
            frames += adts_frames(pes);
            fail_unless(pes.pcr);
        }
    }
    assert_near(sum, 500 * 1024 * sec / 44100, 100'000);
    fail_unless_equals_int(frames, 500);
}
GST_END_TEST

// Audio that arrives late is waited for up to the bound, and then no longer.
GST_START_TEST(test_late_arrival) {
    Rig rig;
    rig.segmenter->set_format(video_format());
    rig.segmenter->set_format(audio_format());
    rig.feed({.to = 8 * sec, .audio_late = 700 * ms});
    assert_sound(rig);
    fail_unless_equals_int(rig.segments.size(), 3);
    for (size_t i = 0; i < 3; ++i) { // whole all the same
        size_t frames = 0;
        for (const ts::Pes &pes : rig.streams[i].of(audio_pid))
            frames += adts_frames(pes);
        assert_near(frames, 94, 1);
        fail_if(rig.segments[i].discontinuity);
    }
    // Audio stops. The first segment that misses it waits a second, the next ones don't, and the
    // program does not change.
    rig.feed({.from = 8 * sec, .to = 15 * sec, .audio = false});
    fail_unless_equals_int(rig.segments.size(), 7);
    // It comes back after a hole: no discontinuity, its time is true.
    rig.feed({.from = 15 * sec, .to = 20 * sec});
    rig.segmenter->finish();
    rig.take();
    assert_sound(rig);
    for (const Segment &segment : rig.segments)
        fail_if(segment.discontinuity);
    const auto last = rig.streams.back().of(audio_pid);
    fail_unless(!last.empty() && last[0].pts >= tick_origin + 18 * 90'000);
}
GST_END_TEST

// A track that starts seconds later: a new program, hence a discontinuity, exactly one.
GST_START_TEST(test_late_audio) {
    Rig rig;
    rig.segmenter->set_format(video_format());
    rig.feed({.to = 5 * sec, .audio = false});
    rig.segmenter->set_format(audio_format());
    rig.feed({.from = 5 * sec, .to = 12 * sec});
    rig.segmenter->finish();
    rig.take();
    assert_sound(rig);
    fail_unless_equals_int(rig.segments.size(), 6);
    for (size_t i = 0; i < 6; ++i) {
        fail_unless_equals_int(rig.segments[i].discontinuity, i == 2);
        fail_unless_equals_int(rig.streams[i].types.size(), i < 2 ? 1 : 2);
    }
}
GST_END_TEST

// Audio first: what comes before the first keyframe is left out; a video that never comes is
// waited for so long and no longer.
GST_START_TEST(test_late_video) {
    {
        Rig rig;
        rig.segmenter->declare(Kind::video);
        rig.segmenter->set_format(audio_format());
        rig.feed({.to = 2 * sec, .video = false});
        rig.segmenter->set_format(video_format());
        rig.feed({.from = 2 * sec, .to = 8 * sec});
        rig.segmenter->finish();
        rig.take();
        assert_sound(rig);
        fail_unless_equals_int(rig.segments.size(), 3);
        fail_unless_equals_uint64(rig.all(video_pid)[0].pts, tick_origin);
        fail_unless(rig.all(audio_pid)[0].pts >= tick_origin);
        for (const Segment &segment : rig.segments)
            fail_if(segment.discontinuity);
    }
    Rig rig;
    rig.segmenter->declare(Kind::video);
    rig.segmenter->set_format(audio_format());
    rig.feed({.to = 9 * sec, .video = false});
    fail_unless_equals_int(rig.segments.size(), 4); // none of it was lost
    fail_unless_equals_uint64(rig.all(audio_pid)[0].pts, tick_origin);
    // Now it comes: the segment ends at its keyframe, the next has a new program.
    rig.segmenter->set_format(video_format());
    rig.feed({.from = 10 * sec, .to = 14 * sec});
    rig.segmenter->finish();
    rig.take();
    assert_sound(rig);
    fail_unless_equals_int(rig.streams.back().types.size(), 2);
    size_t discontinuities = 0;
    for (const Segment &segment : rig.segments)
        discontinuities += segment.discontinuity;
    fail_unless_equals_int(discontinuities, 1);
}
GST_END_TEST

GST_START_TEST(test_discontinuity) {
    Rig rig;
    rig.segmenter->set_format(video_format());
    rig.segmenter->set_format(audio_format());
    rig.segmenter->discontinuity(Kind::video); // as every first buffer says
    rig.segmenter->discontinuity(Kind::audio);
    rig.feed({.to = 5 * sec});
    // The publisher goes and comes back ten seconds later; audio is there a little earlier, and
    // the first pictures need one that nobody has.
    rig.wall += 10'500 * ms;
    rig.segmenter->discontinuity(Kind::audio);
    rig.feed({.from = 15'500 * ms, .to = 15'700 * ms, .video = false});
    rig.segmenter->discontinuity(Kind::video);
    rig.feed({.from = 15'720 * ms, .to = 21 * sec});
    rig.segmenter->finish();
    rig.take();
    assert_sound(rig);
    fail_unless_equals_int(rig.segments.size(), 6); // 2 2 1 | 2 2 1
    fail_unless(rig.segments[3].discontinuity);
    fail_unless_equals_int(rig.segmenter->stats().discontinuities, 1);
    assert_near(rig.segments[2].duration, sec, 30 * ms); // the gap is not media
    // The date follows the wall clock over the gap.
    assert_near(rig.segments[3].program_date_time - rig.segments[0].program_date_time, 16'000, 300);
    for (const Segment &segment : rig.segments)
        fail_unless(segment.duration <= 2 * sec);
}
GST_END_TEST

// The flag on a sample counts only where something really is missing.
GST_START_TEST(test_discontinuity_flags) {
    Rig rig;
    rig.segmenter->set_format(video_format());
    const auto add = [&](int from, int to, int flagged, int64_t shift) {
        for (int i = from; i < to; ++i) {
            Sample s = video_sample(i * 40 * ms + shift, i * 40 * ms + shift, i % 50 == 0);
            s.discontinuity = i == flagged;
            rig.add(Kind::video, std::move(s));
        }
    };
    add(0, 100, 2, 0);           // a parser's whim
    add(100, 110, 100, 0);       // a keyframe
    add(110, 160, 110, 3 * sec); // a real hole, in mid-GOP
    rig.segmenter->finish();
    rig.take();
    assert_sound(rig);
    std::vector<int64_t> lengths;
    for (const Segment &segment : rig.segments)
        lengths.push_back(segment.duration / ms * (segment.discontinuity ? -1 : 1));
    fail_unless(lengths == std::vector<int64_t>({2000, 2000, -400, -400}));
}
GST_END_TEST

GST_START_TEST(test_timeline_jumps) {
    for (int64_t jump : {-3 * sec, 100 * sec, -3'000 * sec}) {
        Rig rig;
        rig.segmenter->set_format(video_format());
        rig.segmenter->set_format(audio_format());
        rig.feed({.to = 8 * sec});
        rig.feed({.from = 8 * sec, .to = 16 * sec, .shift = jump});
        rig.segmenter->finish();
        rig.take();
        assert_sound(rig);
        fail_unless_equals_int(rig.segmenter->stats().discontinuities, 1);
        fail_unless_equals_int(rig.segments.size(), 8);
        for (const Segment &segment : rig.segments)
            fail_unless(segment.duration <= 2050 * ms, "%lld", (long long)segment.duration);
        fail_if(rig.warnings.empty());
        fail_unless(rig.all(audio_pid).size() > 150);
    }
}
GST_END_TEST

GST_START_TEST(test_format_changes) {
    Rig rig;
    rig.segmenter->set_format(video_format());
    rig.segmenter->set_format(audio_format());
    rig.feed({.to = 4 * sec, .gop = 25});
    rig.segmenter->set_format(video_format()); // the same again means nothing
    rig.segmenter->set_format(audio_format());
    rig.feed({.from = 4 * sec, .to = 5 * sec, .gop = 25});
    rig.segmenter->set_format(video_format(0x1E));
    rig.feed({.from = 5 * sec, .to = 8 * sec, .gop = 25});
    rig.segmenter->set_format(audio_format(44100));
    rig.feed({.from = 8 * sec, .to = 12 * sec, .gop = 25});
    rig.segmenter->finish();
    rig.take();
    assert_sound(rig);
    std::vector<size_t> where;
    int64_t start = 0;
    for (const Segment &segment : rig.segments) {
        if (segment.discontinuity) where.push_back(static_cast<size_t>(start / ms));
        start += segment.duration;
    }
    fail_unless(where.size() == 2 && where[0] == 5000 && where[1] == 9000,
                "%zu changes, at %zu %zu", where.size(), where.empty() ? 0 : where[0],
                where.size() < 2 ? 0 : where[1]);
    // One segment, one configuration.
    for (const ts::Stream &stream : rig.streams) {
        std::set<unsigned> rates;
        for (const ts::Pes &pes : stream.of(audio_pid)) {
            codec::AdtsHeader header;
            fail_unless(codec::parse_adts(pes.payload, header).is_ok());
            rates.insert(header.config.rate);
        }
        fail_unless(rates.size() <= 1);
    }
}
GST_END_TEST

// Parameter sets that come only with the first keyframe are put before every later one.
GST_START_TEST(test_byte_stream) {
    Rig rig;
    rig.segmenter->set_format(make_annexb_format());
    for (int i = 0; i < 150; ++i) {
        std::vector<uint8_t> bytes{0, 0, 0, 1, 9, 0x10};
        const FormatPtr sets = video_format();
        if (i == 0)
            bytes.insert(bytes.end(), sets->parameter_sets.begin(), sets->parameter_sets.end());
        bytes.insert(bytes.end(),
                     {0, 0, 1, static_cast<uint8_t>(i % 50 ? 0x41 : 0x65), 0x88, 0x80});
        const int64_t t = i * 40 * ms;
        rig.add(Kind::video, {t, t, 40 * ms, i % 50 == 0, Bytes::adopt(std::move(bytes)), false});
    }
    rig.segmenter->finish();
    rig.take();
    assert_sound(rig);
    fail_unless_equals_int(rig.segments.size(), 3);
    fail_unless_equals_string(rig.segments[0].codecs.c_str(), "avc1.64000d");
    for (const ts::Pes &pes : rig.all(video_pid)) { // one delimiter, not two
        fail_unless(pes.payload[4] == 9 && (pes.payload[10] & 31) != 9);
    }
}
GST_END_TEST

GST_START_TEST(test_bounds) {
    Segmenter::Options options;
    options.max_bytes = 100'000;
    Rig rig(options);
    rig.segmenter->set_format(video_format());
    for (int i = 0; i < 5000; ++i) {
        Sample sample = video_sample(i * 40 * ms, i * 40 * ms, i == 0 || i == 4500);
        sample.data = picture(sample.keyframe, 0, 200);
        rig.add(Kind::video, std::move(sample));
        fail_unless(rig.segmenter->stats().kept_bytes <= 100'000);
    }
    fail_unless(rig.segments.empty());
    fail_unless(rig.warnings.size() == 2 && rig.warnings[0].find("keyframe") != std::string::npos);
    rig.feed({.from = 200 * sec, .to = 205 * sec, .audio = false});
    fail_unless_equals_int(rig.segments.size(), 2);
}
GST_END_TEST

GST_START_TEST(test_broken_samples) {
    Rig rig;
    rig.segmenter->set_format(video_format());
    rig.segmenter->set_format(audio_format());
    for (int i = 0; i < 250; ++i) {
        const int64_t t = i * 40 * ms;
        Sample sample = video_sample(t, t, i % 50 == 0, static_cast<uint32_t>(i));
        if (i % 7 == 3) sample.data = sample.data.sub(0, sample.data.size() - 1);
        if (i % 7 == 4) sample.data = Bytes();
        rig.add(Kind::video, std::move(sample));
        if (i % 7 == 5) rig.add(Kind::video, video_sample(INT64_MAX - 1, INT64_MIN + 1, true));
        rig.add(Kind::audio, audio_sample(t, 40 * ms));
    }
    Sample huge = audio_sample(10 * sec);
    huge.data = Bytes::adopt(std::vector<uint8_t>(9000));
    rig.add(Kind::audio, std::move(huge));
    rig.segmenter->finish();
    rig.take();
    assert_sound(rig);
    fail_unless(rig.segmenter->stats().dropped > 60);
    fail_unless(rig.warnings.size() > 1 && rig.warnings.size() < 16);
}
GST_END_TEST

// The date: anchored by the least delayed arrival, true to the media, corrected past 500 ms.
GST_START_TEST(test_program_date_time) {
    Rig rig;
    rig.segmenter->set_format(video_format());
    const int64_t begin = rig.wall;
    std::vector<int64_t> drift{0, 0, 300 * ms, 400 * ms, 700 * ms, 700 * ms, 700 * ms};
    for (size_t segment = 0; segment < drift.size(); ++segment)
        for (int i = 0; i < 50; ++i) {
            const int64_t t = static_cast<int64_t>(segment) * 2 * sec + i * 40 * ms;
            // Every third picture is late by up to 100 ms.
            rig.wall = begin + t + drift[segment] + (i % 3 == 0 ? 100 * ms : 0);
            rig.add(Kind::video, video_sample(t, t, i == 0));
        }
    rig.segmenter->finish();
    rig.take();
    fail_unless_equals_int(rig.segments.size(), 7);
    const int64_t zero = begin / ms;
    for (int64_t i = 0; i < 4; ++i)
        assert_near(rig.segments[size_t(i)].program_date_time, zero + i * 2000, 0);
    for (int64_t i = 4; i < 7; ++i)
        assert_near(rig.segments[size_t(i)].program_date_time, zero + i * 2000 + 700, 0);

    // Not in real time: one anchor for ever.
    Segmenter::Options options;
    options.realtime = false;
    Rig file(options);
    file.segmenter->set_format(video_format());
    for (int i = 0; i < 500; ++i)
        file.add(Kind::video, video_sample(i * 40 * ms, i * 40 * ms, i % 50 == 0));
    fail_unless_equals_int(file.segments.size(), 9);
    assert_near(file.segments[8].program_date_time, file.segments[0].program_date_time + 16'000, 0);
}
GST_END_TEST

// Not in real time, one track may run far ahead.
GST_START_TEST(test_unpaced_tracks) {
    Segmenter::Options options;
    options.realtime = false;
    Rig rig(options);
    rig.segmenter->declare(Kind::video);
    rig.segmenter->set_format(audio_format());
    rig.feed({.to = 20 * sec, .video = false});
    fail_unless(rig.segments.empty());
    rig.segmenter->set_format(video_format());
    rig.feed({.to = 20 * sec, .audio = false});
    rig.segmenter->end(Kind::audio);
    rig.segmenter->end(Kind::video);
    rig.segmenter->finish();
    rig.take();
    assert_sound(rig);
    fail_unless_equals_int(rig.segments.size(), 10);
    for (const Segment &segment : rig.segments) {
        assert_near(segment.duration, 2 * sec, 0);
        fail_unless(segment.has_audio && segment.has_video && !segment.discontinuity);
    }
}
GST_END_TEST

// Video ends first: its last pictures stay with their keyframe; audio goes on by itself.
GST_START_TEST(test_ends) {
    Rig rig;
    rig.segmenter->set_format(video_format());
    rig.segmenter->set_format(audio_format());
    rig.feed({.to = 5 * sec, .gop = 125});
    rig.segmenter->end(Kind::video);
    rig.feed({.from = 5 * sec, .to = 5'040 * ms, .video = false});
    rig.segmenter->end(Kind::audio);
    rig.segmenter->finish();
    rig.take();
    fail_unless_equals_int(rig.segments.size(), 1);
    assert_near(rig.segments[0].duration, 5 * sec, 0);

    rig.feed({.from = 6 * sec, .to = 9 * sec}); // it goes on after all: a new run
    rig.segmenter->end(Kind::video);
    rig.feed({.from = 9 * sec, .to = 15 * sec, .video = false});
    rig.segmenter->finish();
    rig.take();
    assert_sound(rig);
    fail_unless(rig.segments[1].discontinuity && rig.segments.size() >= 4);
    for (const Segment &segment : rig.segments)
        fail_unless(segment.duration <= 5 * sec);
}
GST_END_TEST

GST_START_TEST(test_video_stops) {
    Rig rig;
    rig.segmenter->set_format(video_format());
    rig.segmenter->set_format(audio_format());
    rig.feed({.to = 5 * sec});
    rig.feed({.from = 5 * sec, .to = 30 * sec, .video = false});
    fail_unless(rig.segments.size() > 7, "%zu", rig.segments.size());
    rig.feed({.from = 30 * sec, .to = 35 * sec});
    rig.segmenter->finish();
    rig.take();
    assert_sound(rig);
    fail_unless(rig.segments.back().has_video);
    fail_unless_equals_int(rig.segmenter->stats().discontinuities, 1);
}
GST_END_TEST

GST_START_TEST(test_flush) {
    Rig rig;
    rig.segmenter->set_format(video_format());
    rig.segmenter->set_format(audio_format());
    rig.feed({.to = 5 * sec});
    rig.segmenter->flush();
    fail_unless_equals_int(rig.segmenter->stats().kept_samples, 0);
    rig.feed({.to = 5 * sec}); // running time begins anew
    rig.segmenter->finish();
    rig.take();
    assert_sound(rig);
    fail_unless_equals_int(rig.segments.size(), 5);
    fail_unless(rig.segments[2].discontinuity);
    rig.segmenter->finish(); // twice is harmless
    rig.take();
    fail_unless_equals_int(rig.segments.size(), 5);
}
GST_END_TEST

static Suite *hls_segmenter_suite() {
    Suite *s = suite_create("hls_segmenter");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_plain);
    tcase_add_test(tc, test_shifts_and_wrap);
    tcase_add_test(tc, test_bframes);
    tcase_add_test(tc, test_without_audio_and_tolerance);
    tcase_add_test(tc, test_variable_frame_rate);
    tcase_add_test(tc, test_audio_alone);
    tcase_add_test(tc, test_late_arrival);
    tcase_add_test(tc, test_late_audio);
    tcase_add_test(tc, test_late_video);
    tcase_add_test(tc, test_discontinuity);
    tcase_add_test(tc, test_discontinuity_flags);
    tcase_add_test(tc, test_timeline_jumps);
    tcase_add_test(tc, test_format_changes);
    tcase_add_test(tc, test_byte_stream);
    tcase_add_test(tc, test_bounds);
    tcase_add_test(tc, test_broken_samples);
    tcase_add_test(tc, test_program_date_time);
    tcase_add_test(tc, test_unpaced_tracks);
    tcase_add_test(tc, test_ends);
    tcase_add_test(tc, test_video_stops);
    tcase_add_test(tc, test_flush);
    return s;
}
GST_CHECK_MAIN(hls_segmenter)

// SPDX-License-Identifier: LGPL-2.1-or-later
// The segmenter: cuts, shifted timelines, changes of format, and broken samples.
#include "unit/hls_sound.hpp"

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
    // Audio is cut where the video is.
    for (size_t i = 0; i < 5; ++i) {
        const auto first = rig.streams[i].of(audio_pid).at(0).pts;
        fail_unless(first >= tick_origin + i * 180'000 && first < tick_origin + i * 180'000 + 1920);
    }
    fail_unless_equals_int(rig.segmenter->stats().kept_samples, 0);
    fail_unless_equals_int(rig.segmenter->stats().kept_bytes, 0);
    fail_unless_equals_int(rig.segmenter->stats().dropped, 0);
}
GST_END_TEST

// Any shift of the running time changes nothing, even across the 33-bit wrap of the transport
// stream's clock.
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
    const Bytes bytes = writer.write(video, audio, {});
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
    // Each segment has a single configuration.
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

// Parameter sets that come only with the first keyframe are inserted before every later keyframe.
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

// MP3 is carried unchanged, also without video, and its stream type says what it is.
GST_START_TEST(test_mp3) {
    struct {
        uint8_t version, rate; ///< header bits: 24 kHz has a stream type of its own
        int64_t samples, hz;
        size_t size;
        uint8_t type;
    } const kinds[] = {{0xFB, 0xB4, 1152, 48000, 576, 0x03}, {0xF3, 0x84, 576, 24000, 192, 0x04}};
    for (const auto &kind : kinds)
        for (bool video : {true, false}) {
            Rig rig;
            if (video) rig.segmenter->set_format(video_format());
            rig.segmenter->set_format(make_mpeg_audio_format());
            std::vector<uint8_t> bytes(kind.size);
            bytes[0] = 0xFF;
            bytes[1] = kind.version;
            bytes[2] = kind.rate;
            bytes[3] = 0xC4;
            const Bytes frame = Bytes::adopt(std::move(bytes));
            int64_t n = 0;
            for (int64_t t = 0; t < 10 * sec; t += 40 * ms) {
                if (video) rig.add(Kind::video, video_sample(t, t, t % (2 * sec) == 0));
                for (; n * kind.samples * sec / kind.hz < t + 40 * ms; ++n)
                    rig.add(Kind::audio, {n * kind.samples * sec / kind.hz, std::nullopt,
                                          kind.samples * sec / kind.hz, true, frame});
                rig.wall += 40 * ms;
            }
            rig.segmenter->finish();
            rig.take();
            assert_sound(rig);
            fail_unless(rig.segments.size() >= 5);
            size_t got = 0;
            for (size_t i = 0; i < rig.streams.size(); ++i) {
                fail_unless_equals_int(rig.streams[i].types.at(audio_pid), kind.type);
                fail_if(rig.segments[i].discontinuity);
                fail_unless(rig.segments[i].codecs.ends_with("mp4a.40.34"), "%s",
                            rig.segments[i].codecs.c_str());
                for (const ts::Pes &pes : rig.streams[i].of(audio_pid)) {
                    fail_unless_equals_int(pes.payload.size() % kind.size, 0);
                    fail_unless_equals_int(pes.stream_id, 0xC0);
                    got += pes.payload.size() / kind.size;
                }
            }
            fail_unless_equals_int(got, n);
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

// A segment that grows too large ends at a keyframe that it has, before its target duration.
GST_START_TEST(test_bounds_with_keyframes) {
    Segmenter::Options options;
    options.max_bytes = 100'000;
    options.target_duration = 600 * sec;
    options.fixes_target = false;
    Rig rig(options);
    rig.segmenter->set_format(video_format());
    for (int i = 0; i < 5000; ++i) {
        Sample sample = video_sample(i * 40 * ms, i * 40 * ms, i % 50 == 0);
        sample.data = picture(sample.keyframe, 0, 200);
        rig.add(Kind::video, std::move(sample));
        fail_unless(rig.segmenter->stats().kept_bytes <= 100'000);
    }
    fail_unless(rig.warnings.empty());
    fail_unless(rig.segments.size() > 5);
    for (const Segment &segment : rig.segments)
        fail_unless(segment.independent && segment.duration % (2 * sec) == 0, "%d %lld ns",
                    segment.independent, (long long)segment.duration);
    fail_unless_equals_uint64(rig.segmenter->stats().dropped, 0);
}
GST_END_TEST

// A file's audio may get its format only when much of the video is there.
GST_START_TEST(test_late_format) {
    Segmenter::Options options;
    options.realtime = false;
    Rig rig(options);
    rig.segmenter->declare(Kind::video);
    rig.segmenter->declare(Kind::audio);
    rig.segmenter->set_format(video_format());
    for (int i = 0; i < 500; ++i)
        rig.add(Kind::video, video_sample(i * 40 * ms, i * 40 * ms, i % 50 == 0));
    fail_unless(rig.segments.empty());
    rig.segmenter->set_format(audio_format());
    for (int64_t t = 0; t < 20 * sec; t += 20 * ms)
        rig.add(Kind::audio, audio_sample(t, 20 * ms));
    fail_unless(rig.segments.size() >= 9);
    for (const Segment &segment : rig.segments)
        fail_unless(segment.has_audio && segment.has_video && !segment.discontinuity);
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
    tcase_add_test(tc, test_format_changes);
    tcase_add_test(tc, test_byte_stream);
    tcase_add_test(tc, test_mp3);
    tcase_add_test(tc, test_bounds);
    tcase_add_test(tc, test_bounds_with_keyframes);
    tcase_add_test(tc, test_late_format);
    tcase_add_test(tc, test_broken_samples);
    return s;
}
GST_CHECK_MAIN(hls_segmenter)

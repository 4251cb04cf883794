// SPDX-License-Identifier: LGPL-2.1-or-later
// Several renditions of one presentation: the same segments in all, whatever the tracks do, judged
// as players see them.
#include "unit/hls_renditions_rig.hpp"

using namespace rig;

namespace {

/// Where each whole segment of a track begins: the display time of its first sample, in ms.
std::vector<int64_t> begins_of(const Served &one, uint32_t track) {
    std::vector<int64_t> times;
    size_t fragment = 0;
    for (const Segment &piece : one.pieces) {
        bool first = piece.begins;
        const size_t count =
            piece.parts.empty()
                ? size_t(!piece.data.empty())
                : size_t(std::count_if(piece.parts.begin(), piece.parts.end(),
                                       [](const Part &p) { return !p.data.empty(); }));
        for (size_t i = 0; i < count; ++i, ++fragment) {
            const auto found = one.fragments[fragment].tracks.find(track);
            if (!std::exchange(first, false) || found == one.fragments[fragment].tracks.end())
                continue;
            const mp4::Sample &sample = found->second.front();
            const int64_t scale = track == video_id ? 90'000 : 48'000;
            times.push_back(sample.pts * 1000 / scale);
        }
    }
    return times;
}

/// Two sizes, two languages.
struct Usual {
    Renditions r;
    Lane high, low, english, german;

    explicit Usual(int64_t part = 200 * ms, double fps = 30, Layout layout = Layout::separate,
                   int64_t target = sec)
        : r(layout, part, target) {
        high = {.track = r.track(Kind::video, "video_0", cmaf_video(0x1E)), .fps = fps, .size = 80};
        low = {.track = r.track(Kind::video, "video_1", cmaf_video(0x0D)),
               .fps = fps,
               .late = 90 * ms,
               .size = 20};
        if (layout != Layout::separate) {
            english = {.track = r.track(Kind::audio, "audio_0", cmaf_audio()), .kind = Kind::audio};
            return;
        }
        english = {.track = r.track(Kind::audio, "audio_0", cmaf_audio()),
                   .kind = Kind::audio,
                   .late = 30 * ms};
        german = {.track = r.track(Kind::audio, "audio_1", cmaf_audio()),
                  .kind = Kind::audio,
                  .late = 60 * ms};
        About about;
        about.title = "Deutsch";
        about.language = "de";
        r.presentation->set_about(german.track, about);
        about.title = "English";
        about.language = "en";
        about.is_default = true;
        r.presentation->set_about(english.track, about);
    }
    std::vector<Lane *> all() { return {&high, &low, &english, &german}; }
};

// All segments begin at the same moments, each rendition has every frame, and parts have their
// beat.
GST_START_TEST(test_aligned) {
    // Rates with other sums of frames; two of them where each costs tenfold.
    const std::vector<double> rates = {25.0, 60.0, 29.97, 30.0};
    for (const double fps : std::span(rates).first(rounds(20) == 20 ? rates.size() : 2))
        for (const int64_t part : {int64_t(0), 200 * ms})
            for (const bool flv : {false, true}) {
                Usual u(part, fps);
                u.high.bframes = fps == 25;
                if (fps == 60) u.low.fps = 30; // half the rate
                run(u.r, u.all(), sec, 9 * sec, sec, flv);
                u.r.finish();
                const std::string what = std::to_string(fps) + " fps, parts of " +
                                         std::to_string(part / ms) + " ms" + (flv ? ", FLV" : "");
                u.r.assert_conforms(what);
                const auto first = begins_of(u.r.at("video_0"), video_id);
                fail_unless(first.size() >= 7, "%s: %zu segments", what.c_str(), first.size());
                for (const char *name : {"video_1", "audio_0", "audio_1"}) {
                    const bool audio = name[0] == 'a';
                    const auto other = begins_of(u.r.at(name), audio ? audio_id : video_id);
                    fail_unless(other.size() == first.size(), "%s: %zu segments of %s",
                                what.c_str(), other.size(), name);
                    for (size_t i = 0; i < first.size(); ++i)
                        fail_unless(other[i] - first[i] >= (audio ? -1 : -1) &&
                                        other[i] - first[i] <= (audio ? 23 : 1),
                                    "%s: segment %zu of %s is %lld ms beside", what.c_str(), i,
                                    name, (long long)(other[i] - first[i]));
                }
                for (const Lane *lane : {&u.high, &u.low}) {
                    const auto frames =
                        u.r.at(lane == &u.high ? "video_0" : "video_1").all(video_id);
                    fail_unless(frames.size() == lane->sent, "%s: %zu of %zu frames", what.c_str(),
                                frames.size(), lane->sent);
                }
                for (const char *name : {"audio_0", "audio_1"}) {
                    const auto frames = u.r.at(name).all(audio_id);
                    fail_unless(frames.size() + 4 >= u.english.sent, "%s: %zu of %zu of %s",
                                what.c_str(), frames.size(), u.english.sent, name);
                    for (size_t i = 1; i < frames.size(); ++i)
                        fail_unless(frames[i].dts == frames[i - 1].dts + 1024,
                                    "%s: a hole in %s at %zu", what.c_str(), name, i);
                }
                for (const auto &[name, one] : u.r.served)
                    fail_unless_equals_int(one->gaps(), part > 0); // that before the first part
            }
}
GST_END_TEST

// Where one has parts of the reference's beat, and audio those of its own frames.
GST_START_TEST(test_parts) {
    Usual u;
    run(u.r, u.all(), sec, 5 * sec);
    for (const Segment &piece : u.r.at("audio_0").pieces)
        for (const Part &part : piece.parts)
            fail_unless(part.independent && part.duration <= 202 * ms);
    fail_unless_equals_int64(u.r.at("video_0").stream.info().part_target, 202 * ms);
    fail_unless_equals_int64(u.r.at("audio_0").stream.info().part_target, 202 * ms);
    // The whole parts of audio are nine frames.
    size_t whole = 0;
    for (const Segment &piece : u.r.at("audio_0").pieces)
        for (const Part &part : piece.parts)
            whole += std::abs(part.duration - 192 * ms) < ms;
    fail_unless(whole >= 12, "%zu", whole);
    u.r.finish();
    u.r.assert_conforms("parts");

    // Frames that don't fill the reference's parts have a target of their own, and all hold back
    // alike.
    Renditions r;
    Lane video{.track = r.track(Kind::video, "video_0", cmaf_video()), .fps = 25};
    const size_t audio = r.track(Kind::audio, "audio_0", cmaf_audio(8000));
    int64_t sound = 0;
    for (int64_t t = sec; t < 6 * sec; t += 40 * ms) {
        run(r, {&video}, t, t + 40 * ms);
        for (; sec + sound * 128 * ms < t + 40 * ms; ++sound)
            r.add(audio, audio_sample(sec + sound * 128 * ms, 128 * ms));
    }
    r.finish();
    r.assert_conforms("long frames");
    fail_unless_equals_int64(r.at("audio_0").stream.info().part_target, 130 * ms);
}
GST_END_TEST

// The multivariant playlist says what there is, and its rates are those of the segments.
GST_START_TEST(test_multivariant) {
    Usual u;
    run(u.r, u.all(), sec, 12 * sec);
    u.r.finish();
    const std::string text = u.r.multivariant();
    u.r.assert_conforms("multivariant");
    for (const char *line :
         {"#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-INDEPENDENT-SEGMENTS\n",
          "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"audio\",NAME=\"English\",LANGUAGE=\"en\",DEFAULT=YES,"
          "AUTOSELECT=YES,CHANNELS=\"2\",URI=\"index/audio_0/index.m3u8\"\n",
          "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"audio\",NAME=\"Deutsch\",LANGUAGE=\"de\",DEFAULT=NO,"
          "AUTOSELECT=YES,CHANNELS=\"2\",URI=\"index/audio_1/index.m3u8\"\n",
          ",CODECS=\"avc1.64001e,mp4a.40.2\",RESOLUTION=320x240,FRAME-RATE=30.000,VIDEO-RANGE=SDR,"
          "AUDIO=\"audio\"\nindex/video_0/index.m3u8\n",
          "index/video_1/index.m3u8\n"})
        fail_unless(text.find(line) != text.npos, "no %s in\n%s", line, text.c_str());
    // The larger rate is first.
    fail_unless(text.find("video_0/") < text.find("video_1/"), "%s", text.c_str());
}
GST_END_TEST

GST_START_TEST(test_rates) {
    Usual u(0);
    run(u.r, u.all(), sec, 12 * sec);
    u.r.finish();
    u.r.multivariant();
    std::map<std::string, std::vector<std::pair<size_t, double>>> sizes;
    for (const auto &[name, one] : u.r.served)
        for (const Segment &segment : one->pieces)
            sizes[name].emplace_back(segment.data.size(), double(segment.duration) / 1e9);
    u.r.together.see_sizes(sizes, 1);
    u.r.assert_conforms("rates");
    const auto info = u.r.at("video_0").stream.info();
    fail_unless(info.average_bitrate > 0 && info.average_bitrate <= info.peak_bitrate);
}
GST_END_TEST

// Peaks and averages as RFC 8216, 4.1, defines them.
GST_START_TEST(test_rate_meter) {
    RateMeter meter;
    fail_unless(meter.peak() == 0 && meter.average() == 0);
    meter.add(1000, sec, 2 * sec); // half a target duration is enough
    fail_unless_equals_uint64(meter.peak(), 8000);
    meter.add(3000, 2 * sec, 2 * sec);
    fail_unless_equals_uint64(meter.peak(), 12'000);
    meter.add(2000, sec / 2, 2 * sec); // too short by itself: 5000 bytes in 2.5 s
    fail_unless_equals_uint64(meter.peak(), 16'000);
    for (int i = 0; i < 10; ++i)
        meter.add(100, sec, 2 * sec);
    fail_unless_equals_uint64(meter.peak(), 16'000);
    fail_unless_equals_uint64(meter.average(), 7000 * 8 * 10 / 135);
}
GST_END_TEST

// In the same segments as the first audio: one video each.
GST_START_TEST(test_muxed) {
    for (const int64_t part : {int64_t(0), 200 * ms}) {
        Usual u(part, 30, Layout::muxed);
        fail_unless(!u.r.presentation->declare(Kind::audio, "audio_1"));
        run(u.r, {&u.high, &u.low, &u.english}, sec, 8 * sec);
        u.r.finish();
        u.r.assert_conforms("muxed");
        fail_unless_equals_int(u.r.served.size(), 2);
        for (const char *name : {"video_0", "video_1"}) {
            fail_unless_equals_int(u.r.at(name).all(video_id).size(), u.high.sent);
            fail_unless(u.r.at(name).all(audio_id).size() + 4 >= u.english.sent);
        }
        const std::string text = u.r.multivariant();
        fail_unless(text.find("EXT-X-MEDIA") == text.npos &&
                        text.find("CODECS=\"avc1.64001e,mp4a.40.2\"") != text.npos,
                    "%s", text.c_str());
    }
}
GST_END_TEST

// Audio of another codec is a group of its own.
GST_START_TEST(test_two_audio_codecs) {
    Usual u;
    cmaf::Track opus;
    fail_unless(cmaf::configure_opus(2u, opus).is_ok());
    FormatPtr format;
    fail_unless(make_cmaf_format(opus, format).is_ok());
    const size_t third = u.r.track(Kind::audio, "audio_2", format);
    int64_t sound = 0;
    for (int64_t t = sec; t < 5 * sec; t += 200 * ms) {
        run(u.r, u.all(), t, t + 200 * ms);
        for (; sec + sound * 20 * ms < t + 200 * ms; ++sound)
            u.r.add(third, {sec + sound * 20 * ms, std::nullopt, 20 * ms, true,
                            Bytes::copy_of(std::string_view("\xFC opus")), false});
    }
    u.r.finish();
    const std::string text = u.r.multivariant();
    u.r.assert_conforms("two codecs");
    for (const char *part : {"GROUP-ID=\"audio-2\",NAME=\"audio_2\"", "AUDIO=\"audio-2\"",
                             "CODECS=\"avc1.64000d,opus\"", "CODECS=\"avc1.64000d,mp4a.40.2\""})
        fail_unless(text.find(part) != text.npos, "no %s in\n%s", part, text.c_str());
}
GST_END_TEST

// A rendition that never comes, comes late, ends early, pauses, or changes its configuration.
GST_START_TEST(test_never_comes) {
    for (const char *missing : {"video_0", "video_1", "audio_0", "audio_1"}) {
        Renditions r;
        std::vector<Lane> lanes;
        for (const char *name : {"video_0", "video_1", "audio_0", "audio_1"}) {
            const Kind kind = name[0] == 'v' ? Kind::video : Kind::audio;
            const bool is_there = std::string_view(name) != missing;
            const size_t track =
                r.track(kind, name,
                        is_there ? (kind == Kind::video ? cmaf_video() : cmaf_audio()) : nullptr);
            if (is_there) lanes.push_back({.track = track, .kind = kind});
        }
        const auto awaited = [&] {
            return std::any_of(r.presentation->expected().begin(), r.presentation->expected().end(),
                               [&](const auto &e) { return e.name == missing && e.is_awaited; });
        };
        std::vector<Lane *> all;
        for (Lane &lane : lanes)
            all.push_back(&lane);
        fail_unless(awaited());
        run(r, all, sec, 6 * sec);
        fail_if(awaited(), "%s", missing);
        r.finish();
        r.assert_conforms(std::string("without ") + missing);
        fail_unless_equals_int(r.served.size(), 3);
        fail_unless(r.multivariant().find(missing) == std::string::npos);
        for (const auto &[name, one] : r.served)
            fail_unless(one->stream.info().segments >= 4, "%s without %s: %d", name.c_str(),
                        missing, int(one->stream.info().segments));
    }
}
GST_END_TEST

GST_START_TEST(test_comes_late) {
    for (const int64_t part : {int64_t(0), 200 * ms}) {
        Usual u(part);
        run(u.r, u.all(), sec, 4 * sec + 300 * ms);
        // A track that nobody announced.
        Lane third{.track = u.r.track(Kind::video, "video_2", cmaf_video(0x14)), .late = 90 * ms};
        auto all = u.all();
        all.push_back(&third);
        run(u.r, all, 4 * sec + 300 * ms, 9 * sec);
        u.r.finish();
        u.r.assert_conforms("late");
        const auto list = conformance::read(text_of(u.r.at("video_2").stream.playlist()));
        const auto beside = conformance::read(text_of(u.r.at("video_0").stream.playlist()));
        fail_unless(list.media_sequence > beside.media_sequence);
        fail_unless_equals_int(list.media_sequence + list.segments.size(),
                               beside.media_sequence + beside.segments.size());
        fail_unless(u.r.at("video_2").pieces.front().independent);
        fail_unless(u.r.multivariant().find("video_2") != std::string::npos);
    }
}
GST_END_TEST

GST_START_TEST(test_ends_early) {
    for (const int64_t part : {int64_t(0), 200 * ms})
        for (const char *ending : {"video_0", "video_1", "audio_0", "audio_1"}) {
            Usual u(part);
            run(u.r, u.all(), sec, 5 * sec + 300 * ms);
            std::vector<Lane *> rest;
            const std::map<std::string, Lane *> lanes{{"video_0", &u.high},
                                                      {"video_1", &u.low},
                                                      {"audio_0", &u.english},
                                                      {"audio_1", &u.german}};
            for (const auto &[name, lane] : lanes)
                if (name != ending) rest.push_back(lane);
            u.r.presentation->end(lanes.at(ending)->track);
            run(u.r, rest, 5 * sec + 300 * ms, 12 * sec);
            const std::string text = u.r.multivariant();
            fail_unless(text.find(ending) == text.npos, "%s is still in\n%s", ending, text.c_str());
            // It comes back.
            if (part == 0) run(u.r, u.all(), 12 * sec, 16 * sec);
            u.r.finish();
            const std::string what =
                std::string(ending) + " ends, parts of " + std::to_string(part / ms) + " ms";
            u.r.assert_conforms(what);
            fail_unless(u.r.at(ending).gaps() >= 4, "%s: %zu gaps", what.c_str(),
                        u.r.at(ending).gaps());
            if (part == 0)
                fail_unless(u.r.multivariant().find(ending) != std::string::npos, "%s",
                            what.c_str());
            for (const auto &[name, lane] : lanes)
                if (name != ending)
                    fail_unless(u.r.at(name).gaps() <= 1u, "%s: %zu gaps in %s", what.c_str(),
                                u.r.at(name).gaps(), name.c_str());
        }
}
GST_END_TEST

// Nothing waits for ever for a track that sends nothing.
GST_START_TEST(test_pause) {
    Usual u;
    u.low.from = 0;
    u.low.to = 4 * sec + 100 * ms;
    run(u.r, u.all(), sec, 8 * sec);
    u.low.to = INT64_MAX;
    run(u.r, u.all(), 8 * sec, 12 * sec);
    u.r.finish();
    u.r.assert_conforms("a pause");
    fail_unless(u.r.at("video_1").gaps() >= 2, "%zu gaps", u.r.at("video_1").gaps());
    fail_unless_equals_int(u.r.at("video_0").gaps(), 1);
}
GST_END_TEST

GST_START_TEST(test_reference_stops) {
    Usual u;
    u.high.to = 4 * sec + 100 * ms;
    run(u.r, u.all(), sec, 12 * sec);
    u.r.finish();
    u.r.assert_conforms("the reference stops");
    fail_unless(u.r.at("video_1").stream.info().segments >= 9, "%d segments",
                int(u.r.at("video_1").stream.info().segments));
    fail_unless(u.r.warnings.size() >= 1);
}
GST_END_TEST

GST_START_TEST(test_new_configuration) {
    for (const int64_t part : {int64_t(0), 200 * ms})
        for (const int which : {0, 1, 2}) {
            Usual u(part);
            run(u.r, u.all(), sec, 5 * sec);
            const size_t track = which == 0   ? u.high.track
                                 : which == 1 ? u.low.track
                                              : u.german.track;
            u.r.presentation->set_format(track, which == 2 ? cmaf_audio(44'100) : cmaf_video(0x28));
            run(u.r, u.all(), 5 * sec, 11 * sec);
            u.r.finish();
            const std::string what = "configuration " + std::to_string(which) + ", parts of " +
                                     std::to_string(part / ms) + " ms";
            u.r.assert_conforms(what);
            for (const auto &[name, one] : u.r.served) {
                const auto list = conformance::read(text_of(one->stream.playlist()));
                const auto count = std::count_if(list.segments.begin(), list.segments.end(),
                                                 [](const auto &s) { return s.discontinuity; });
                // Of another track it may begin where a segment does anyway.
                const uint64_t seen = list.discontinuity_sequence + uint64_t(count);
                fail_unless(which == 0 ? seen == 1 : seen <= 1, "%s: %d discontinuities in %s",
                            what.c_str(), int(count), name.c_str());
            }
        }
}
GST_END_TEST

// The timeline jumps, in all tracks at nearly the same time.
GST_START_TEST(test_jump) {
    for (const int64_t part : {int64_t(0), 200 * ms})
        for (const int64_t to : {100 * sec, sec}) {
            Usual u(part);
            run(u.r, u.all(), 50 * sec, 54 * sec);
            run(u.r, u.all(), to, to + 5 * sec);
            u.r.finish();
            const std::string what =
                "a jump to " + std::to_string(to / sec) + ", parts of " + std::to_string(part / ms);
            u.r.assert_conforms(what);
            for (const auto &[name, one] : u.r.served)
                fail_unless(one->stream.info().segments >= 8, "%s: %d segments of %s", what.c_str(),
                            int(one->stream.info().segments), name.c_str());
        }
}
GST_END_TEST

// Another producer, and the time in between.
GST_START_TEST(test_republish) {
    for (const int64_t part : {int64_t(0), 200 * ms}) {
        Usual u(part);
        run(u.r, u.all(), sec, 5 * sec);
        for (int round = 0; round < 3; ++round) {
            u.r.finish(false);
            for (int i = 0; part > 0 && i < round; ++i) {
                for (const auto &[name, one] : u.r.served)
                    one->stream.fill_gap();
                u.r.see_all();
            }
            u.r.restart();
            u.high.track = u.r.track(Kind::video, "video_0", cmaf_video(0x1E));
            u.low.track = u.r.track(Kind::video, "video_1", cmaf_video());
            u.english.track = u.r.track(Kind::audio, "audio_0", cmaf_audio());
            u.german.track = u.r.track(Kind::audio, "audio_1", cmaf_audio());
            run(u.r, u.all(), round * 7 * sec, round * 7 * sec + 4 * sec);
        }
        u.r.finish();
        u.r.assert_conforms("republished");
        for (const auto &[name, one] : u.r.served)
            fail_unless(one->stream.info().segments >= 14, "%d segments of %s",
                        int(one->stream.info().segments), name.c_str());
    }
}
GST_END_TEST

// Audio alone: the first is the reference.
GST_START_TEST(test_audio_only) {
    for (const int64_t part : {int64_t(0), 200 * ms}) {
        Renditions r(Layout::separate, part);
        Lane english{.track = r.track(Kind::audio, "audio_0", cmaf_audio()), .kind = Kind::audio};
        Lane german{.track = r.track(Kind::audio, "audio_1", cmaf_audio()),
                    .kind = Kind::audio,
                    .late = 50 * ms};
        run(r, {&english, &german}, sec, 8 * sec);
        r.finish();
        r.assert_conforms("audio only");
        const std::string text = r.multivariant();
        r.assert_conforms("audio only");
        fail_unless(text.find("RESOLUTION") == text.npos);
        fail_unless_equals_int(r.at("audio_1").all(audio_id).size(), german.sent);
    }
}
GST_END_TEST

// What is not in real time waits for every track.
GST_START_TEST(test_files) {
    Usual u(0);
    u.r.presentation->set_realtime(false);
    u.low.late = 7 * sec; // behind by as much
    run(u.r, u.all(), sec, 14 * sec);
    u.r.finish();
    u.r.assert_conforms("files");
    fail_unless_equals_int(u.r.at("video_1").gaps(), 0);
    fail_unless_equals_int(u.r.at("video_1").all(video_id).size(), u.low.sent);
}
GST_END_TEST

} // namespace

static Suite *hls_renditions_suite() {
    Suite *s = suite_create("hls_renditions");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_aligned);
    tcase_add_test(tc, test_parts);
    tcase_add_test(tc, test_multivariant);
    tcase_add_test(tc, test_rates);
    tcase_add_test(tc, test_rate_meter);
    tcase_add_test(tc, test_muxed);
    tcase_add_test(tc, test_two_audio_codecs);
    tcase_add_test(tc, test_never_comes);
    tcase_add_test(tc, test_comes_late);
    tcase_add_test(tc, test_ends_early);
    tcase_add_test(tc, test_pause);
    tcase_add_test(tc, test_reference_stops);
    tcase_add_test(tc, test_new_configuration);
    tcase_add_test(tc, test_jump);
    tcase_add_test(tc, test_republish);
    tcase_add_test(tc, test_audio_only);
    tcase_add_test(tc, test_files);
    return s;
}
GST_CHECK_MAIN(hls_renditions)

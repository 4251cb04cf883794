// SPDX-License-Identifier: LGPL-2.1-or-later
// Parts out of the segmenter, and their playlist as it grows: for many frame rates, with timestamps
// as FLV and cameras have them, every playlist conforms, and no frame is lost or repeated.
#include "core/cmaf/codec_config.h"
#include "core/hls/cmaf_format.h"
#include "core/hls/cmaf_writer.h"
#include "core/hls/stream.h"

#include "unit/hls_cmaf_rig.hpp"
#include "unit/hls_conformance.hpp"
#include "unit/hls_rig.hpp"
#include "unit/mp4_reader.hpp"

#include "check.hpp"

using namespace rig;

namespace {

std::string text_of(const Bytes &bytes) {
    return std::string(bytes.begin(), bytes.end());
}

/// A segmenter with parts, the stream that it feeds, and two players: one that reads every playlist
/// whole, and one that reads delta updates.
struct Parts {
    Segmenter::Options options;
    int64_t wall = 1'700'000'000 * sec;
    std::unique_ptr<Segmenter> segmenter;
    Stream stream{{.playlist_length = 20,
                   .extra = 21,
                   .target_duration = sec,
                   .uri_prefix = "index/",
                   .epoch = 35,
                   .container = cmaf_container}};
    conformance::Checker whole, delta;
    std::vector<Segment> pieces;
    std::vector<mp4::Fragment> fragments;
    std::vector<Bytes> bytes; ///< those that fragments refer to
    size_t playlists = 0;

    explicit Parts(int64_t target = sec, int64_t part_target = 0) {
        options.target_duration = target;
        options.part_duration = 200 * ms;
        options.part_target = part_target;
        make();
    }
    void make() {
        options.wall_clock = [this] { return wall; };
        options.monotonic_clock = [this] { return wall; };
        segmenter = std::make_unique<Segmenter>(options, std::make_unique<CmafWriter>());
    }
    void see() {
        const std::string text = text_of(stream.playlist());
        whole.see(text);
        delta.see(playlists++ == 0 ? text : text_of(stream.playlist(true)));
    }
    void take() {
        Segment piece;
        while (segmenter->take(piece)) {
            stream.publish(piece);
            see();
            for (const Part &part : piece.parts) {
                if (part.data.empty()) continue;
                mp4::read_init(piece.init);
                bytes.push_back(part.data);
                auto read = mp4::read_segment(bytes.back());
                fail_unless_equals_int(read.size(), 1);
                const auto video = read[0].tracks.find(video_id);
                const bool starts = video != read[0].tracks.end() && video->second[0].sync();
                fail_unless_equals_int(part.independent,
                                       starts || (mp4::read_init(piece.init).tracks.size() == 1 &&
                                                  video == read[0].tracks.end()));
                fragments.push_back(std::move(read[0]));
            }
            pieces.push_back(std::move(piece));
        }
    }
    void add(Kind kind, Sample sample) {
        segmenter->add(kind, std::move(sample));
        take();
    }
    void finish() {
        segmenter->finish();
        take();
        stream.end();
        see();
    }
    std::vector<mp4::Sample> all(uint32_t track) const {
        std::vector<mp4::Sample> list;
        for (const mp4::Fragment &fragment : fragments)
            if (const auto found = fragment.tracks.find(track); found != fragment.tracks.end())
                list.insert(list.end(), found->second.begin(), found->second.end());
        return list;
    }
    void assert_conforms(const std::string &what) {
        fail_unless(whole.problems.empty(), "%s: %zu problems: %.400s", what.c_str(),
                    whole.problems.size(), whole.text().c_str());
        fail_unless(delta.problems.empty(), "%s, delta: %zu problems: %.400s", what.c_str(),
                    delta.problems.size(), delta.text().c_str());
    }
    size_t segments() const {
        return size_t(std::count_if(pieces.begin(), pieces.end(),
                                    [](const Segment &piece) { return piece.complete; }));
    }
};

/// A live source, and how its timestamps look.
struct Source {
    double fps = 30;
    int64_t gop = sec; ///< of keyframes
    bool flv = true;   ///< whole milliseconds
    bool bframes = false;
    int64_t jitter = 0; ///< of video, at most; ns
    bool video = true, audio = true;
    int64_t audio_late = 30 * ms;
    int64_t length = 8 * sec;
    size_t frames = 0, heard = 0; ///< sent

    void run(Parts &parts, int64_t from = 0) {
        uint32_t random = 1;
        int64_t sound = 0, next_key = 0;
        const auto stamp = [&](int64_t time) { return flv ? time / ms * ms : time; };
        const auto frame_time = [&](int64_t i) { return int64_t(double(i) * 1e9 / fps); };
        for (int64_t i = 0; frame_time(i) < length; ++i) {
            const int64_t dts = frame_time(i);
            parts.wall += frame_time(i + 1) - dts;
            if (video) {
                const bool key = dts >= next_key;
                if (key) next_key += gop;
                int64_t pts = bframes ? frame_time(i + (key ? 1 : i % 2 ? 2 : 0)) : dts;
                random = random * 1103515245 + 12345;
                const int64_t late = jitter ? int64_t(random >> 8) % jitter : 0;
                Sample sample = video_sample(from + stamp(std::max(pts, dts) + late),
                                             from + stamp(dts + late), key, uint32_t(i));
                sample.duration = 0;
                parts.add(Kind::video, std::move(sample));
                ++frames;
            }
            for (; audio && sound * 1024 * sec / 48'000 + audio_late < dts; ++sound, ++heard)
                parts.add(Kind::audio, audio_sample(from + stamp(sound * 1024 * sec / 48'000)));
        }
    }
};

GST_START_TEST(test_every_frame_rate) {
    for (const double fps : {12.0, 23.976, 24.0, 25.0, 29.97, 60.0})
        for (const int64_t gop : {500 * ms, 2 * sec, 7 * sec})
            for (const int kind : {0, 1, 2, 3}) {
                // Every kind with the usual interval, one each with the others.
                if (gop != 2 * sec && kind != (gop < sec ? 0 : 3)) continue;
                Parts parts;
                parts.segmenter->set_format(cmaf_video());
                parts.segmenter->set_format(cmaf_audio());
                Source source{.fps = fps, .gop = gop, .flv = kind != 1, .bframes = kind == 2};
                if (kind == 3) source.jitter = 10 * ms;
                source.length = gop > 2 * sec ? 9 * sec : 6 * sec;
                source.run(parts);
                parts.finish();
                const std::string what = std::to_string(fps) + " fps, keyframes each " +
                                         std::to_string(gop / ms) + " ms, kind " +
                                         std::to_string(kind);
                parts.assert_conforms(what);
                const auto video = parts.all(video_id);
                fail_unless(video.size() == source.frames, "%s: %zu of %zu frames", what.c_str(),
                            video.size(), source.frames);
                for (size_t i = 1; i < video.size(); ++i)
                    fail_unless(video[i].dts >= video[i - 1].dts + video[i - 1].duration ||
                                    kind != 1,
                                "%s: frame %zu overlaps", what.c_str(), i);
                // Audio before the first frame's display is not part of the stream.
                const size_t before = kind == 2 ? size_t(47 / fps) + 1 : 1;
                fail_unless(parts.all(audio_id).size() + before >= source.heard,
                            "%s: %zu of %zu audio frames", what.c_str(), parts.all(audio_id).size(),
                            source.heard);
                fail_unless(parts.segments() >= 3, "%s: %zu segments", what.c_str(),
                            parts.segments());
                // Whole frames that come closest to 200 ms.
                const double target = double(parts.pieces[0].part_target) / 1e9;
                fail_unless(target > 0.165 && target < 0.254, "%s: %f s", what.c_str(), target);
                for (const Segment &piece : parts.pieces)
                    fail_unless_equals_int64(piece.part_target, parts.pieces[0].part_target);
            }
}
GST_END_TEST

// The playlist is there with the first part, and names what comes next.
GST_START_TEST(test_first_playlist) {
    Parts parts;
    parts.segmenter->set_format(cmaf_video());
    parts.segmenter->end(Kind::audio);
    fail_unless(parts.stream.playlist().empty());
    for (int i = 0; i <= 6; ++i) {
        fail_unless(parts.stream.playlist().empty(), "frame %d", i);
        parts.add(Kind::video, video_sample(i * 33 * ms, i * 33 * ms, i == 0, uint32_t(i)));
    }
    const std::string text = text_of(parts.stream.playlist());
    for (const char *line :
         {"#EXT-X-VERSION:6\n", "#EXT-X-TARGETDURATION:2\n",
          "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=12.000000,"
          "HOLD-BACK=6.000000,PART-HOLD-BACK=0.600000\n",
          "#EXT-X-PART-INF:PART-TARGET=0.200000\n", "#EXT-X-GAP\n#EXTINF:2.000000,\n",
          "#EXT-X-PART:DURATION=0.198000,URI=\"index/part-z-0.m4s\",INDEPENDENT=YES\n",
          "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"index/part-z-1.m4s\"\n"})
        fail_unless(text.find(line) != text.npos, "no %s in\n%s", line, text.c_str());
    parts.finish();
    parts.assert_conforms("a short stream");
    // A segment is its parts, one after the other; they can be had as long as it can.
    Bytes segment, part;
    fail_unless(parts.stream.segment("seg-z-1.m4s", segment) && !segment.empty());
    fail_unless(parts.stream.segment("seg-z-0.m4s", part) && part.size() == 8); // the gap
    size_t at = 0;
    for (const char *name : {"part-z-0.m4s", "part-z-1.m4s"}) {
        if (!parts.stream.segment(name, part)) continue;
        const Bytes there = segment.sub(at, part.size());
        fail_unless(std::equal(part.begin(), part.end(), there.begin(), there.end()));
        at += part.size();
    }
    fail_unless_equals_uint64(at, segment.size());
    fail_if(parts.stream.segment("part-z-7.m4s", part));
    fail_if(parts.stream.segment("part-y-0.m4s", part));
}
GST_END_TEST

GST_START_TEST(test_audio_alone) {
    Parts parts;
    parts.segmenter->set_format(cmaf_audio());
    parts.segmenter->end(Kind::video);
    Source source{.video = false, .audio_late = 0};
    source.run(parts);
    parts.finish();
    parts.assert_conforms("audio alone");
    fail_unless_equals_int64(parts.pieces[0].part_target, 194 * ms); // nine frames of 1024 samples
    fail_unless_equals_int(parts.all(audio_id).size(), source.heard);
    for (const Segment &piece : parts.pieces)
        for (const Part &part : piece.parts)
            fail_unless(part.independent);
}
GST_END_TEST

// One track pauses, or both, or frames are missing; later it goes on.
GST_START_TEST(test_pauses) {
    for (const bool audio : {true, false})
        for (const int64_t pause : {300 * ms, 4 * sec})
            for (const int which : {0, 1, 2}) {
                if (!audio && which > 0) continue;
                Parts parts;
                parts.segmenter->set_format(cmaf_video());
                if (audio)
                    parts.segmenter->set_format(cmaf_audio());
                else
                    parts.segmenter->end(Kind::audio);
                int64_t sound = 0;
                size_t sent = 0;
                for (int i = 0; i < 220; ++i) {
                    const int64_t time = i * 40 * ms;
                    const bool paused = time >= 3130 * ms && time < 3130 * ms + pause;
                    parts.wall += 40 * ms;
                    if (!(paused && which != 1)) {
                        parts.add(Kind::video, video_sample(time, time, i % 25 == 0, uint32_t(i)));
                        ++sent;
                    }
                    for (; audio && sound * 1024 * sec / 48'000 < time; ++sound)
                        if (!(paused && which != 0))
                            parts.add(Kind::audio, audio_sample(sound * 1024 * sec / 48'000));
                }
                parts.finish();
                const std::string what = std::to_string(pause / ms) + " ms, case " +
                                         std::to_string(which) + (audio ? "" : ", no audio");
                parts.assert_conforms(what);
                fail_unless(parts.all(video_id).size() + 60 > sent, "%s: %zu of %zu frames",
                            what.c_str(), parts.all(video_id).size(), sent);
            }
}
GST_END_TEST

// Frames that are further apart than parts may be: gaps keep the beat.
GST_START_TEST(test_rare_frames) {
    Parts parts(2 * sec);
    parts.segmenter->set_format(cmaf_video());
    parts.segmenter->end(Kind::audio);
    for (int i = 0; i < 40; ++i) { // so many that the duration of a part is known
        parts.wall += 40 * ms;
        parts.add(Kind::video, video_sample(i * 40 * ms, i * 40 * ms, i == 0, uint32_t(i)));
    }
    for (int i = 0; i < 30; ++i) {
        const int64_t time = 1600 * ms + i * 700 * ms;
        parts.wall += 700 * ms;
        parts.add(Kind::video, video_sample(time, time, i % 3 == 0, uint32_t(40 + i)));
    }
    parts.finish();
    parts.assert_conforms("frames each 700 ms");
    fail_unless_equals_int(parts.all(video_id).size(), 70);
    size_t gaps = 0;
    for (const Segment &piece : parts.pieces)
        for (const Part &part : piece.parts) {
            gaps += part.data.empty();
            fail_unless(part.duration <= parts.pieces[0].part_target);
        }
    fail_unless(gaps >= 30, "%zu gaps", gaps);
}
GST_END_TEST

// Another producer goes on with the target durations that were announced, whatever its frame rate.
GST_START_TEST(test_republish) {
    Parts parts;
    int64_t announced = 0;
    for (const double fps : {30.0, 24.0, 25.0, 60.0, 12.0, 50.0}) {
        parts.options.announced = parts.stream.info().target_duration;
        parts.options.part_target = parts.stream.info().part_target;
        parts.make();
        parts.stream.interrupt();
        parts.segmenter->set_format(cmaf_video(fps == 25 ? 0x1E : 0x0D));
        parts.segmenter->set_format(cmaf_audio());
        Source source{.fps = fps, .gop = 2 * sec, .length = 7 * sec};
        source.run(parts, int64_t(fps) * sec);
        if (fps == 12) parts.segmenter->flush(); // the rest of its segment is lost
        parts.segmenter->finish();
        parts.take();
        if (announced == 0) announced = parts.stream.info().part_target;
        fail_unless_equals_int64(parts.stream.info().part_target, announced);
        for (int i = 0; fps != 60 && i < 3; ++i) { // the time in between
            parts.stream.fill_gap();
            parts.see();
        }
    }
    parts.stream.end();
    parts.see();
    parts.assert_conforms("six producers");
    fail_unless_equals_uint64(announced, uint64_t(202 * ms));
    const std::string text = text_of(parts.stream.playlist());
    fail_unless(text.find("#EXT-X-GAP\n") != text.npos && text.ends_with("#EXT-X-ENDLIST\n"));
}
GST_END_TEST

// A gap ends the segment that was not finished. What still comes of it begins another.
GST_START_TEST(test_gap_amid_a_segment) {
    Parts parts;
    parts.stream.fill_gap(); // there is nothing yet
    fail_unless(parts.stream.playlist().empty());
    parts.segmenter->set_format(cmaf_video());
    parts.segmenter->end(Kind::audio);
    int64_t skipped = 0;
    for (int i = 0; i < 400; ++i) {
        parts.wall += 40 * ms;
        if (i == 240) {
            const playlist::Edge before = parts.stream.edge();
            fail_unless(before.parts > 0);
            parts.stream.fill_gap();
            parts.see();
            const playlist::Edge edge = parts.stream.edge();
            fail_unless(edge.next == before.next + 2 && edge.parts == 0);
            // Whoever waits for a part of either gets the playlist.
            for (const uint64_t sequence : {before.next, before.next + 1})
                for (const uint64_t part : {0, 4, 20})
                    fail_unless(playlist::has_come({sequence, part}, edge));
            fail_if(playlist::has_come({edge.next, 0}, edge));
        }
        parts.add(Kind::video, video_sample(i * 40 * ms, i * 40 * ms, i % 50 == 0, uint32_t(i)));
        if (i > 240 && i < 250) skipped = std::max(skipped, parts.stream.newest()->skipped);
        if (i == 239 || i == 399) fail_unless(parts.stream.newest()->skipped == 0);
    }
    parts.finish();
    // Segments begin at frames 200 and 250; the part that was being made at frame 240 comes whole.
    fail_unless(skipped > 0 && skipped <= 40 * 40 * ms && skipped % (40 * ms) == 0);
    parts.assert_conforms("a gap");
    fail_unless_equals_int(parts.all(video_id).size(), 400);
}
GST_END_TEST

// Audio that is declared and has no format yet is waited for, for a second.
GST_START_TEST(test_late_format) {
    for (const bool comes : {true, false}) {
        Parts parts;
        parts.segmenter->declare(Kind::audio);
        parts.segmenter->set_format(cmaf_video());
        int64_t sound = 0;
        for (int i = 0; i < 100; ++i) {
            const int64_t time = i * 40 * ms;
            parts.wall += 40 * ms;
            if (comes && i == 15) parts.segmenter->set_format(cmaf_audio());
            parts.add(Kind::video, video_sample(time, time, i % 50 == 0, uint32_t(i)));
            for (; sound * 1024 * sec / 48'000 < time; ++sound)
                if (comes && i >= 15)
                    parts.add(Kind::audio, audio_sample(sound * 1024 * sec / 48'000));
            if (i < 15) fail_unless(parts.pieces.empty());
        }
        parts.finish();
        parts.assert_conforms("a late format");
        fail_unless(parts.pieces[0].has_video);
        fail_unless_equals_int(mp4::read_init(parts.pieces[0].init).tracks.size(), comes ? 2 : 1);
        for (const Segment &piece : parts.pieces)
            fail_if(piece.discontinuity);
    }
}
GST_END_TEST

} // namespace

static Suite *hls_parts_suite() {
    Suite *s = suite_create("hls_parts");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_every_frame_rate);
    tcase_add_test(tc, test_first_playlist);
    tcase_add_test(tc, test_audio_alone);
    tcase_add_test(tc, test_pauses);
    tcase_add_test(tc, test_rare_frames);
    tcase_add_test(tc, test_republish);
    tcase_add_test(tc, test_gap_amid_a_segment);
    tcase_add_test(tc, test_late_format);
    return s;
}
GST_CHECK_MAIN(hls_parts)

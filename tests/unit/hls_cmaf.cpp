// SPDX-License-Identifier: LGPL-2.1-or-later
// CMAF segments out of the segmenter, and their playlists: times that continue, init segments,
// codecs whose configuration is in their frames.
#include "core/cmaf/codec_config.h"
#include "core/hls/cmaf_format.h"
#include "core/hls/cmaf_writer.h"
#include "core/hls/stream.h"

#include "unit/hls_cmaf_rig.hpp"
#include "unit/hls_rig.hpp"
#include "unit/mp4_reader.hpp"

#include "check.hpp"
#include "flv_samples.hpp"

using namespace rig;
using samples::from_hex;

namespace {

/// A segmenter that writes CMAF, and its output, read back.
struct CmafRig {
    Segmenter::Options options;
    int64_t wall = 1'700'000'000 * sec;
    std::unique_ptr<Segmenter> segmenter;
    std::vector<Segment> segments;
    std::vector<mp4::Fragment> fragments;

    CmafRig() {
        options.wall_clock = [this] { return wall; };
        options.monotonic_clock = [this] { return wall; };
        segmenter = std::make_unique<Segmenter>(options, std::make_unique<CmafWriter>());
    }
    void take() {
        Segment segment;
        while (segmenter->take(segment)) {
            mp4::read_init(segment.init);
            auto read = mp4::read_segment(segment.data);
            fail_unless_equals_int(read.size(), 1);
            segments.push_back(std::move(segment));
            // The samples of `read` refer to the segment's shared bytes.
            fragments.push_back(std::move(read[0]));
        }
    }
    void add(Kind kind, Sample sample) {
        segmenter->add(kind, std::move(sample));
        take();
    }
    void finish() {
        segmenter->finish();
        take();
    }
    std::vector<mp4::Sample> all(uint32_t track) const {
        std::vector<mp4::Sample> list;
        for (const mp4::Fragment &fragment : fragments)
            if (const auto found = fragment.tracks.find(track); found != fragment.tracks.end())
                list.insert(list.end(), found->second.begin(), found->second.end());
        return list;
    }
    mp4::Init init(size_t i) const { return mp4::read_init(segments.at(i).init); }
};

/// Each sample begins where the one before it ends, also across segments.
void assert_contiguous(const std::vector<mp4::Sample> &samples) {
    for (size_t i = 1; i < samples.size(); ++i)
        fail_unless_equals_uint64(samples[i].dts, samples[i - 1].dts + samples[i - 1].duration);
}

GST_START_TEST(test_times) {
    for (const bool bframes : {false, true}) {
        CmafRig rig;
        rig.segmenter->set_format(cmaf_video());
        rig.segmenter->set_format(cmaf_audio());
        // The same input as in the tests of MPEG-TS.
        Rig source;
        source.segmenter->set_format(cmaf_video());
        std::vector<int64_t> shown;
        int64_t audio = 0;
        for (int i = 0; i < 250; ++i) {
            const int64_t dts = i * 40 * ms, in_gop = i % 50;
            int64_t pts = dts;
            if (bframes) pts = in_gop == 0 ? dts + 40 * ms : in_gop % 2 == 1 ? dts + 80 * ms : dts;
            if (bframes && in_gop == 49) pts = dts + 40 * ms;
            shown.push_back(pts);
            rig.wall += 40 * ms;
            rig.add(Kind::video, video_sample(pts, dts, in_gop == 0, uint32_t(i)));
            for (; audio * 1024 * sec / 48'000 < dts + 40 * ms; ++audio)
                rig.add(Kind::audio, audio_sample(audio * 1024 * sec / 48'000));
        }
        rig.finish();
        fail_unless_equals_int(rig.segments.size(), 5);
        const auto video = rig.all(video_id);
        fail_unless_equals_int(video.size(), 250);
        assert_contiguous(video);
        for (size_t i = 0; i < video.size(); ++i) {
            const int64_t expected = (shown[i] - shown[0] + SegmentWriter::origin) / 100 * 9 / 1000;
            fail_unless(std::abs(video[i].pts - expected) <= 1, "frame %zu", i);
            fail_unless_equals_int(video[i].sync(), i % 50 == 0);
        }
        // A segment's decoding times begin where its display times do, without an edit list.
        for (const mp4::Fragment &f : rig.fragments)
            fail_unless(f.tracks.at(video_id)[0].pts == int64_t(f.tracks.at(video_id)[0].dts));
        const auto sound = rig.all(audio_id);
        fail_unless(sound.size() > 460);
        assert_contiguous(sound);
        for (const mp4::Sample &s : sound)
            fail_unless_equals_int(s.duration, 1024);
        // EXTINF is the distance of the segments' first frames.
        for (size_t i = 1; i < rig.segments.size(); ++i) {
            const uint64_t begin = rig.fragments[i - 1].tracks.at(video_id)[0].dts;
            const uint64_t end = rig.fragments[i].tracks.at(video_id)[0].dts;
            fail_unless_equals_uint64((end - begin) * 100'000 / 9,
                                      uint64_t(rig.segments[i - 1].duration));
            fail_if(rig.segments[i].discontinuity);
            fail_unless_equals_int(rig.fragments[i].sequence, int(i + 1));
        }
        fail_unless(rig.fragments[0].ntp && rig.fragments[0].styp);
        fail_unless_equals_uint64(*rig.fragments[1].ntp - *rig.fragments[0].ntp, uint64_t(2) << 32);
    }
}
GST_END_TEST

// FLV rounds to milliseconds: audio times count samples instead.
GST_START_TEST(test_rounded_audio) {
    CmafRig rig;
    rig.segmenter->set_format(cmaf_audio(44'100));
    rig.segmenter->end(Kind::video);
    for (int i = 0; i < 500; ++i) {
        rig.wall += 1024 * sec / 44'100;
        rig.add(Kind::audio, audio_sample(i * 1024 * sec / 44'100 / ms * ms, 23 * ms));
    }
    rig.finish();
    const auto audio = rig.all(audio_id);
    fail_unless_equals_int(audio.size(), 500);
    assert_contiguous(audio);
    fail_unless_equals_uint64(audio.back().dts - audio.front().dts, 499 * 1024);
    fail_unless_equals_int(rig.init(0).track(audio_id).timescale, 44'100);
}
GST_END_TEST

// A gap in the audio is a gap in its times; samples in excess are dropped.
GST_START_TEST(test_audio_off_time) {
    CmafWriter writer;
    TrackSamples video, audio{cmaf_audio(), {}};
    const int64_t frame = 1024 * sec / 48'000;
    for (int i = 0; i < 10; ++i)
        audio.samples.push_back(audio_sample(i * frame + (i >= 5 ? 200 * ms : 0)));
    const Bytes with_gap = writer.write(video, audio, {});
    auto read = mp4::read_segment(with_gap)[0].tracks.at(audio_id);
    fail_unless_equals_int(read.size(), 10);
    fail_unless_equals_uint64(read[4].duration, 1024 + 9600);
    fail_unless_equals_uint64(read[5].dts, 5 * 1024 + 9600);
    // The next segment's audio is 60 ms early: frames are dropped until it is in time.
    for (int i = 0; i < 10; ++i)
        audio.samples[size_t(i)].pts = 200 * ms + (10 + i) * frame - 60 * ms;
    const Bytes early = writer.write(video, audio, {});
    const auto next = mp4::read_segment(early)[0].tracks.at(audio_id);
    fail_unless_equals_int(next.size(), 9);
    fail_unless_equals_uint64(next[0].dts, read[9].dts + 1024);
    // If nothing can be expressed there is no segment.
    for (Sample &sample : audio.samples)
        sample.pts = 0;
    fail_unless(writer.write(video, audio, {}).empty());
}
GST_END_TEST

// An open GOP: frames that follow a keyframe in decoding order are displayed before it, seemingly
// within the time of the previous segment.
GST_START_TEST(test_open_gop) {
    CmafRig rig;
    rig.segmenter->set_format(cmaf_video());
    rig.segmenter->end(Kind::audio);
    for (int i = 0; i < 150; ++i) {
        // Groups of four in decoding order 4 2 1 3; every third "4" is a keyframe.
        constexpr int places[] = {4, 2, 1, 3};
        const int pts = i == 0 ? 0 : (i - 1) / 4 * 4 + places[(i - 1) % 4];
        rig.wall += 40 * ms;
        Sample sample = video_sample(pts * 40 * ms, 0, i == 0 || i % 48 == 1, uint32_t(i));
        sample.dts.reset();
        rig.add(Kind::video, std::move(sample));
    }
    rig.finish();
    fail_unless(rig.segments.size() >= 3);
    const auto video = rig.all(video_id);
    fail_unless_equals_int(video.size(), 150);
    assert_contiguous(video);
    for (size_t i = 0; i < 144; ++i)
        fail_unless(video[i].duration == 3600, "frame %zu lasts %u, of %zu segments", i,
                    video[i].duration, rig.segments.size());
    for (int i = 1; i < 145; ++i) {
        constexpr int places[] = {4, 2, 1, 3};
        const int pts = (i - 1) / 4 * 4 + places[(i - 1) % 4];
        fail_unless_equals_int64(video[size_t(i)].pts, 900'000 + pts * 3600);
    }
}
GST_END_TEST

GST_START_TEST(test_configuration_change) {
    CmafRig rig;
    rig.segmenter->set_format(cmaf_video());
    rig.segmenter->end(Kind::audio);
    for (int i = 0; i < 200; ++i) {
        if (i == 100) rig.segmenter->set_format(cmaf_video(0x1E));
        rig.wall += 40 * ms;
        rig.add(Kind::video, video_sample(i * 40 * ms, i * 40 * ms, i % 50 == 0, uint32_t(i)));
    }
    rig.finish();
    fail_unless_equals_int(rig.segments.size(), 4);
    for (size_t i = 0; i < 4; ++i) {
        fail_unless_equals_int(rig.segments[i].discontinuity, i == 2);
        const ByteView record = mp4::read_init(rig.segments[i].init).track(video_id).config("avcC");
        fail_unless_equals_int(record[3], i < 2 ? 0x0D : 0x1E);
    }
    fail_unless(rig.segments[0].codecs == "avc1.64000d");
    // In-band parameter sets count as well: the encoder changed behind the same caps.
    const auto record = avc_record(0x28);
    std::vector<uint8_t> bytes{0, 0, 0, 25};
    bytes.insert(bytes.end(), record.begin() + 8, record.begin() + 33);
    bytes.insert(bytes.end(), {0, 0, 0, 6});
    bytes.insert(bytes.end(), record.end() - 6, record.end());
    const Bytes frame = picture(true, 9);
    bytes.insert(bytes.end(), frame.begin(), frame.end());
    FormatPtr out;
    const FormatPtr before = cmaf_video();
    fail_unless(learn(before, bytes, true, out).is_ok());
    fail_if(out->same(*before));
    fail_unless_equals_int(out->track->config[3], 0x28);
    fail_unless(learn(out, bytes, true, out).is_ok() && out->codec_string == "avc1.640028");
    // avc3: the record has no parameter sets, so the first keyframe must contain them.
    cmaf::Track bare;
    bare.in_band = true;
    bare.config = from_hex("0164000dffe000");
    FormatPtr empty;
    fail_unless(make_cmaf_format(bare, empty).is_ok() && empty->codec_string.empty());
    fail_unless(learn(empty, frame, true, out).is_error());
    fail_unless(learn(empty, bytes, true, out).is_ok());
    fail_unless(out->codec_string == "avc3.640028" && out->width > 0);
    bare.in_band = false;
    fail_unless(make_cmaf_format(bare, empty).is_error());
    bytes.resize(bytes.size() - 1);
    fail_unless(learn(before, bytes, true, out).is_error());
}
GST_END_TEST

GST_START_TEST(test_self_contained_codecs) {
    const auto unit = from_hex(
        "12000a0a0000000337fbe6d7c80232a5091400208800002100208280d7fdd7141aaa475b36c1b276d9e36ae0");
    cmaf::Track track;
    track.codec = cmaf::Codec::av1;
    FormatPtr format;
    fail_unless(make_cmaf_format(track, format).is_ok());
    fail_unless(format->codec_string.empty());
    CmafRig rig;
    rig.segmenter->set_format(format);
    track.codec = cmaf::Codec::ac3;
    fail_unless(make_cmaf_format(track, format).is_ok());
    rig.segmenter->set_format(format);
    const Bytes frame = Bytes::copy_of(unit);
    const Bytes sound = Bytes::copy_of(from_hex("0b773e71104043e106f0b01860606060"));
    int64_t audio = 0;
    for (int i = 0; i < 100; ++i) {
        rig.wall += 40 * ms;
        rig.add(Kind::video, {i * 40 * ms, std::nullopt, 40 * ms, i % 25 == 0, frame, false});
        for (; audio < (i + 1) * 40 * ms; audio += 32 * ms)
            rig.add(Kind::audio, {audio, std::nullopt, 32 * ms, true, sound, false});
    }
    rig.finish();
    fail_unless_equals_int(rig.segments.size(), 2);
    fail_unless(rig.segments[0].codecs == "av01.0.00M.08,ac-3");
    fail_unless(rig.segments[0].width == 128 && rig.segments[0].height == 96);
    const mp4::Init init = rig.init(0);
    fail_unless(init.track(video_id).entry == "av01" && init.track(audio_id).entry == "ac-3");
    const auto video = rig.all(video_id);
    fail_unless_equals_int(video.size(), 100);
    for (const mp4::Sample &s : video) // no temporal delimiters
        fail_unless(s.data.size() == unit.size() - 2 && s.data[0] == 0x0A);
    for (const mp4::Sample &s : rig.all(audio_id))
        fail_unless_equals_int(s.duration, 1536);
    assert_contiguous(video);
    // A keyframe without a sequence header can't begin the stream.
    FormatPtr out;
    track.codec = cmaf::Codec::av1;
    fail_unless(make_cmaf_format(track, format).is_ok());
    fail_unless(learn(format, ByteView(unit).subspan(14), true, out).is_error());
    track.codec = cmaf::Codec::hevc;
    fail_unless(make_cmaf_format(track, format).is_error());
    track.codec = cmaf::Codec::opus;
    fail_unless(make_cmaf_format(track, format).is_error());
}
GST_END_TEST

playlist::MediaPlaylist parsed(const Stream &stream) {
    playlist::MediaPlaylist list;
    const Bytes text = stream.playlist();
    fail_unless(
        playlist::parse({reinterpret_cast<const char *>(text.data()), text.size()}, list).is_ok());
    return list;
}

Segment segment_with(const char *init) {
    Segment segment;
    segment.data = Bytes::copy_of(std::string_view("moof"));
    segment.init = Bytes::copy_of(std::string_view(init));
    segment.duration = 2 * sec;
    segment.target_duration = 2;
    return segment;
}

GST_START_TEST(test_playlist) {
    Stream stream({.playlist_length = 3,
                   .extra = 1,
                   .uri_prefix = "index/",
                   .epoch = 35,
                   .container = cmaf_container});
    fail_unless(stream.next_init(segment_with("one")) == "init-z-0.mp4");
    stream.publish(segment_with("one"));
    fail_unless(stream.next_init(segment_with("one")).empty());
    stream.publish(segment_with("one"));
    auto list = parsed(stream);
    fail_unless(list.segments[0].map == "index/init-z-0.mp4" &&
                list.segments[1].map == list.segments[0].map);
    const Bytes text = stream.playlist();
    const std::string written(text.begin(), text.end());
    fail_unless(written.find("#EXT-X-VERSION:6\n") != written.npos);
    const size_t map = written.find("#EXT-X-MAP:URI=\"index/init-z-0.mp4\"\n");
    fail_unless(map != written.npos && written.find("#EXT-X-MAP", map + 1) == written.npos);
    fail_unless(map < written.find("#EXTINF"));

    Segment changed = segment_with("two");
    changed.discontinuity = true;
    fail_unless(stream.next_init(changed) == "init-z-2.mp4");
    std::vector<std::string> gone = stream.publish(changed);
    list = parsed(stream);
    fail_unless(list.segments[1].map == "index/init-z-0.mp4");
    fail_unless(list.segments[2].map == "index/init-z-2.mp4" && list.segments[2].discontinuity);
    Bytes data;
    fail_unless(stream.segment("init-z-0.mp4", data) && data.size() == 3 && data[0] == 'o');
    fail_unless(stream.segment("init-z-2.mp4", data) && data[0] == 't');
    fail_if(stream.segment("init-z-1.mp4", data));
    // An init segment is served as long as a segment needs it.
    for (int i = 0; i < 4; ++i)
        for (std::string &name : stream.publish(segment_with("two")))
            gone.push_back(std::move(name));
    fail_unless(gone == (std::vector<std::string>{"seg-z-0.m4s", "seg-z-1.m4s", "init-z-0.mp4",
                                                  "seg-z-2.m4s"}));
    fail_if(stream.segment("init-z-0.mp4", data));
    fail_unless(stream.segment("init-z-2.mp4", data));
    list = parsed(stream);
    fail_unless(list.segments[0].map == "index/init-z-2.mp4");
}
GST_END_TEST

GST_START_TEST(test_resumed_playlist) {
    Stream earlier({.playlist_length = 0, .epoch = 35, .container = cmaf_container});
    earlier.publish(segment_with("one"));
    earlier.publish(segment_with("two"));
    Stream stream({.playlist_length = 0, .epoch = 36, .container = cmaf_container});
    stream.resume(parsed(earlier), true);
    // The earlier init segment's bytes are not known, so the next segment gets a new one.
    fail_unless(stream.next_init(segment_with("two")) == "init-10-2.mp4");
    stream.publish(segment_with("two"));
    const auto list = parsed(stream);
    fail_unless_equals_int(list.segments.size(), 3);
    fail_unless(list.segments[0].map == "init-z-0.mp4" && list.segments[1].map == "init-z-1.mp4");
    fail_unless(list.segments[2].map == "init-10-2.mp4" && list.segments[2].discontinuity);
    uint64_t epoch = 0, number = 0;
    fail_unless(parse_init_name("init-10-2.mp4", epoch, number) && epoch == 36 && number == 2);
    fail_if(parse_init_name("init-10-02.mp4", epoch, number));
    fail_if(parse_segment_name("init-10-2.mp4", ".mp4", epoch, number));
}
GST_END_TEST

} // namespace

static Suite *hls_cmaf_suite() {
    Suite *s = suite_create("hls_cmaf");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_times);
    tcase_add_test(tc, test_rounded_audio);
    tcase_add_test(tc, test_audio_off_time);
    tcase_add_test(tc, test_open_gop);
    tcase_add_test(tc, test_configuration_change);
    tcase_add_test(tc, test_self_contained_codecs);
    tcase_add_test(tc, test_playlist);
    tcase_add_test(tc, test_resumed_playlist);
    return s;
}
GST_CHECK_MAIN(hls_cmaf)

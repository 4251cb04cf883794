// SPDX-License-Identifier: LGPL-2.1-or-later
// From units of a transport stream to FLV: keyframes, configurations, tracks, and the time.
#include "core/mpegts/flv_track.h"
#include "core/mpegts/timeline.h"
#include "unit/ts_writer.hpp"

#include "check.hpp"
#include "flv_samples.hpp"

using namespace ts_test;
using samples::from_hex;

namespace {

constexpr int64_t ms = 1'000'000, second = 1'000 * ms;

Vector set_of(const Vector &bytes) {
    Vector out{0, 0, 1};
    out.insert(out.end(), bytes.begin(), bytes.end());
    return out;
}

Vector sets(const Vector &sps = samples::sps) {
    Vector out = set_of(sps);
    const Vector pps = set_of(samples::pps);
    out.insert(out.end(), pps.begin(), pps.end());
    return out;
}

/// Of one stream of a demuxer: its units as tags.
class Tags final : public Demuxer::Handler {
public:
    explicit Tags(const PmtStream &stream, uint8_t id = 0) : demuxer_({}, *this), id_(id) {
        sender.tables({stream});
    }
    void run() {
        demuxer_.push(sender.bytes);
        demuxer_.finish();
        sender.bytes.clear();
    }
    Sender sender;
    std::vector<flv::Tag> tags;
    std::vector<bool> keyframes;
    std::unique_ptr<FlvTrack> track;

private:
    void on_program(const Program &program) override {
        track = std::make_unique<FlvTrack>(program.streams.at(0), id_);
    }
    void on_unit(const Unit &unit) override {
        const UnitFacts facts = track->examine(unit);
        keyframes.push_back(facts.keyframe);
        track->write(unit, facts, uint32_t(unit.pts.value_or(0) / 90), 40, tags);
    }
    Demuxer demuxer_;
    const uint8_t id_;
};

const PmtStream h264{0x1B, 0x100};

ByteView payload_of(const flv::Tag &tag) {
    const auto header = flv::parse_body(tag.type, tag.body_view());
    return tag.body_view().subspan(header->payload, header->payload_size);
}

bool same(ByteView a, ByteView b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end());
}

} // namespace

GST_START_TEST(test_video) {
    Tags t(h264);
    t.sender.video(picture(false, 1), 9000); // nothing can be done with it
    t.sender.video(picture(true, 2, 20, true, sets()), 12'600);
    t.sender.video(picture(false, 3), 16'200);
    t.run();
    fail_unless_equals_int(t.tags.size(), 3);
    fail_unless_equals_int(t.track->dropped(), 1);
    fail_unless(t.tags[0].kind == flv::TagKind::config);
    fail_unless(same(payload_of(t.tags[0]), samples::avc_config()));
    fail_unless(t.tags[1].kind == flv::TagKind::keyframe && t.tags[1].timestamp == 140);
    fail_unless(t.tags[2].kind == flv::TagKind::frame && t.tags[2].timestamp == 180);
    // The slice alone, behind its length: the delimiter and the sets are not in it.
    const Vector slice = picture(true, 2, 20, false);
    const ByteView payload = payload_of(t.tags[1]);
    fail_unless_equals_int(payload.size(), 4 + slice.size() - 3);
    fail_unless(same(payload.first(4), Vector{0, 0, 0, uint8_t(slice.size() - 3)}));
    fail_unless(same(payload.subspan(4), ByteView(slice).subspan(3)));
    fail_unless_equals_int(flv::parse_body(t.tags[2].type, t.tags[2].body_view())->composition_time,
                           40);

    // Another size: a configuration in front of the keyframe. The same one again: none.
    t.tags.clear();
    t.sender.video(picture(true, 4, 20, true, sets(samples::other_sps)), 20'000);
    t.sender.video(picture(true, 5, 20, true, sets(samples::other_sps)), 23'600);
    t.run();
    fail_unless_equals_int(t.tags.size(), 3);
    fail_unless(same(payload_of(t.tags[0]), samples::avc_config(samples::other_sps)));
    // After a flush it has to come again, with a keyframe.
    t.tags.clear();
    t.track->restart();
    t.sender.video(picture(false, 6), 27'200);
    t.sender.video(picture(true, 7), 30'800);
    t.run();
    fail_unless_equals_int(t.tags.size(), 2);
    fail_unless(t.tags[0].kind == flv::TagKind::config);
}
GST_END_TEST

// What a decoder can start with is in the bytes: IDR, recovery points, and intra frames where there
// is nothing else.
GST_START_TEST(test_keyframes) {
    Tags t(h264);
    const Vector recovery = set_of({0x06, 6, 1, 0x80, 0x80});
    t.sender.video(picture(true, 1, 20, true, sets()), 9000);
    Vector point = recovery;
    const Vector slice = picture(false, 2, 20, false);
    point.insert(point.end(), slice.begin(), slice.end());
    t.sender.video(point, 12'600);
    // Slices of type 7, which is I: first_mb 0, then 0001000.
    const Vector intra{0, 0, 1, 0x41, 0x88, 0x80, 0x11};
    t.sender.video(intra, 16'200);
    t.sender.video(intra, 16'200 + 11 * 90'000);
    t.run();
    fail_unless(t.keyframes == std::vector<bool>({true, true, false, true}));
}
GST_END_TEST

GST_START_TEST(test_audio) {
    Vector adts{0xFF, 0xF1, 0x50, 0x80, 0x01, 0x7F, 0xFC, 0x21, 0x10, 0x05, 0x20};
    Tags aac({0x0F, 0x101});
    aac.sender.audio(adts, 9000);
    aac.sender.audio(adts, 18'000);
    aac.run();
    fail_unless_equals_int(aac.tags.size(), 3);
    fail_unless(same(aac.tags[0].body_view(), from_hex("af001210")));
    fail_unless(same(aac.tags[2].body_view(), from_hex("af0121100520")));
    fail_unless_equals_int(aac.tags[2].timestamp, 200);
    // A further track.
    Tags second({0x0F, 0x101}, 1);
    second.sender.audio(adts, 9000);
    second.run();
    const auto header = flv::parse_body(second.tags.at(1).type, second.tags[1].body_view());
    fail_unless(header->multitrack && header->track == 1 && header->codec == flv::fourcc("mp4a"));
    // MP3 has a place in FLV, layer 2 has none.
    Vector mp3 = from_hex("fffbb4c4"), mp2 = from_hex("fffda404");
    mp3.resize(576);
    mp2.resize(576);
    Tags mpeg({0x03, 0x101});
    mpeg.sender.audio(mp3, 9000);
    mpeg.run();
    fail_unless_equals_int(mpeg.tags.size(), 1);
    fail_unless(mpeg.tags[0].body_view()[0] == 0x2F && mpeg.track->obstacle().empty());
    mpeg.sender.audio(mp2, 18'000);
    mpeg.run();
    fail_unless(mpeg.tags.size() == 1 && !mpeg.track->obstacle().empty());
}
GST_END_TEST

// --- time ---------------------------------------------------------------------------------

namespace {

/// A timeline with a track of video and one of audio.
struct Clocked {
    Timeline timeline;
    const size_t video = timeline.add_track(timing::Media::video);
    const size_t audio = timeline.add_track(timing::Media::audio);
    Timeline::Times at(size_t track, int64_t dts, std::optional<int64_t> arrival,
                       int64_t composition = 0, bool key = false) {
        Timeline::Given given;
        given.pts = dts + composition;
        if (track == video) given.dts = dts;
        given.arrival = arrival;
        given.is_key = key;
        const auto times = timeline.place(track, given);
        fail_unless(times.has_value());
        return *times;
    }
};

constexpr int64_t frame = 3600; // 40 ms at 90 kHz

} // namespace

// A live stream begins when it arrives, a file with its clock reference.
GST_START_TEST(test_begin) {
    Clocked live;
    const auto first = live.at(live.video, 5'000'000, 7 * second, frame);
    fail_unless(first.dts == 7 * second && first.pts == 7 * second + 40 * ms);
    fail_unless(live.at(live.audio, 5'000'000 + 900, 7 * second + 30 * ms).pts ==
                7 * second + 10 * ms);

    Clocked file;
    Timeline::Given given;
    given.dts = 5'000'000;
    given.pts = 5'000'000 + frame;
    given.reference = 5'000'000 - 9000;
    fail_unless(file.timeline.place(file.video, given)->dts == 100 * ms);
    // Before the reference there is no time.
    Timeline::Given early;
    early.pts = 5'000'000 - 18'000;
    fail_unless(!file.timeline.place(file.audio, early));
}
GST_END_TEST

// Frames from long ago in front of those of now: the time is that of the arrival.
GST_START_TEST(test_stale_head) {
    for (const int64_t age : {1500 * ms, 5 * second, 3600 * second}) {
        Clocked t;
        int64_t now = second, last = 0;
        const int64_t stale = 90'000'000, fresh = stale + age / 100'000 * 9;
        for (int i = 0; i < 3; ++i)
            last = t.at(t.video, stale + i * frame, now += ms, 0, i == 0).dts;
        for (int i = 0; i < 200; ++i, now += 40 * ms) {
            const int64_t dts = t.at(t.video, fresh + i * frame, now, 0, i % 25 == 0).dts;
            fail_unless(dts > last);
            last = dts;
            t.at(t.audio, fresh + i * frame, now + 5 * ms);
        }
        fail_unless(std::abs(last - now) < 600 * ms, "%lld ms away",
                    (long long)((last - now) / ms));
    }
}
GST_END_TEST

// A sender's clock that jumps, in both directions: time goes on, and streams stay together.
GST_START_TEST(test_jumps) {
    for (const int64_t jump : {-4'500'000L, 4'500'000L, 7'776'000'000L}) {
        Clocked t;
        int64_t now = second;
        Timeline::Times last_video, last_audio;
        bool told = false;
        for (int i = 0; i < 100; ++i, now += 40 * ms) {
            const int64_t time = 900'000'000 + i * frame + (i >= 50 ? jump : 0);
            const auto video = t.at(t.video, time, now, 0, i % 10 == 0);
            const auto audio = t.at(t.audio, time, now + 10 * ms);
            told = told || (i == 50 && video.discontinuity);
            if (i > 0) {
                fail_unless(video.dts > last_video.dts && video.dts - last_video.dts < 300 * ms);
                fail_unless(audio.pts > last_audio.pts && audio.pts - last_audio.pts < 300 * ms);
            }
            fail_unless(std::abs(video.dts - audio.pts) < 100 * ms);
            last_video = video;
            last_audio = audio;
        }
        fail_unless(told && t.timeline.jumps() >= 1);
    }
}
GST_END_TEST

// A sender whose clock is too slow or too fast is followed, without the time going back.
GST_START_TEST(test_drift) {
    for (const int64_t off : {-20, 20}) { // of 1000
        Clocked t;
        int64_t last = 0, now = second;
        for (int i = 0; i < 60 * 25; ++i, now += 40 * ms) {
            const int64_t dts =
                t.at(t.video, 90'000 + i * frame * (1000 + off) / 1000, now, 0, true).dts;
            fail_unless(dts > last);
            last = dts;
            fail_unless(std::abs(dts - now) < 1200 * ms);
        }
    }
}
GST_END_TEST

// Video with B-frames and PTS only: DTS are made, in order and never behind the PTS.
GST_START_TEST(test_decode_times) {
    Clocked t;
    t.timeline.set_reorder(t.video, 2);
    int64_t last = -1, now = 5 * second;
    const int shown[] = {0, 4, 2, 1, 3}; // I P B b b
    for (int i = 0; i < 50; ++i, now += 40 * ms) {
        Timeline::Given given;
        given.pts = 900'000 + (i / 5 * 5 + shown[i % 5]) * frame;
        given.arrival = now;
        given.is_key = i % 5 == 0;
        const auto times = t.timeline.place(t.video, given);
        fail_unless(times && times->dts > last && times->pts >= times->dts);
        last = times->dts;
    }
}
GST_END_TEST

// A section has no time: it is for now.
GST_START_TEST(test_sections) {
    Clocked t;
    const size_t data = t.timeline.add_track(timing::Media::sparse);
    fail_unless(!t.timeline.place(data, {}));
    const auto video = t.at(t.video, 900'000, 3 * second);
    fail_unless(t.timeline.place(data, {})->pts == video.dts);
    t.timeline.reset(0);
    fail_unless(!t.timeline.place(data, {}));
}
GST_END_TEST

static Suite *mpegts_flv_suite() {
    Suite *s = suite_create("mpegts_flv");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_video);
    tcase_add_test(tc, test_keyframes);
    tcase_add_test(tc, test_audio);
    tcase_add_test(tc, test_begin);
    tcase_add_test(tc, test_stale_head);
    tcase_add_test(tc, test_jumps);
    tcase_add_test(tc, test_drift);
    tcase_add_test(tc, test_decode_times);
    tcase_add_test(tc, test_sections);
    return s;
}
GST_CHECK_MAIN(mpegts_flv)

// SPDX-License-Identifier: LGPL-2.1-or-later
// A transport stream from the network: its packets however it is cut, where viewers may join, and
// FLV made into one.
#include "core/fanout/ts_feed.h"
#include "core/mpegts/aligner.h"
#include "core/mpegts/flv_muxer.h"
#include "core/mpegts/joins.h"

#include "flv_samples.hpp"
#include "unit/ts_reader.hpp"

#include <algorithm>

#include "check.hpp"

using namespace penstock;
using namespace penstock::mpegts;

namespace {

/// A stream with video and audio: two GOPs of five frames.
std::vector<uint8_t> make_stream(std::vector<FlvMuxer::Unit> *units = nullptr) {
    FlvMuxer muxer;
    std::vector<uint8_t> out;
    muxer.take(samples::video_config(), 0, out);
    muxer.take(samples::audio_config(), 0, out);
    fail_unless(out.empty());
    for (int i = 0; i < 10; ++i) {
        const auto time = static_cast<uint32_t>(i * 40);
        const auto video = muxer.take(samples::video_frame(time, i % 5 == 0, 1), time, out);
        const auto audio = muxer.take(samples::audio_frame(time, 1), time, out);
        fail_unless(video && audio);
        if (units) units->insert(units->end(), {*video, *audio});
    }
    return out;
}

/// The packets at which a viewer may join, as indices.
std::vector<size_t> joins_of(JoinFinder &finder, ByteView packets) {
    std::vector<size_t> out;
    for (size_t at = 0; at + packet_size <= packets.size(); at += packet_size)
        if (finder.take(packets.subspan(at, packet_size))) out.push_back(at / packet_size);
    return out;
}

} // namespace

GST_START_TEST(test_flv) {
    std::vector<FlvMuxer::Unit> units;
    const auto stream = make_stream(&units);
    std::map<uint16_t, uint8_t> counters;
    const ts::Stream read = ts::read(stream, counters);
    fail_unless_equals_int(int(read.types.size()), 2);
    const auto video = read.of(0x100), audio = read.of(0x101);
    fail_unless_equals_int(int(video.size()), 10);
    fail_unless_equals_int(int(audio.size()), 10);
    for (size_t i = 0; i < video.size(); ++i) {
        fail_unless(video[i].random_access == (i % 5 == 0));
        fail_unless_equals_uint64(video[i].dts - video[0].dts, i * 3600);
        fail_unless(units[2 * i].joinable == (i % 5 == 0) && units[2 * i].awaited);
        fail_unless(!units[2 * i + 1].joinable && !units[2 * i + 1].awaited);
        // The parameter sets are in front of keyframes.
        const std::vector<uint8_t> sps{0, 0, 0, 1, 0x67};
        const auto &payload = video[i].payload;
        const bool has_sps =
            std::search(payload.begin(), payload.end(), sps.begin(), sps.end()) != payload.end();
        fail_unless(has_sps == (i % 5 == 0));
    }
    fail_unless(audio[0].payload[0] == 0xFF && (audio[0].payload[1] & 0xF0) == 0xF0);
}
GST_END_TEST

GST_START_TEST(test_flv_alone) {
    FlvMuxer muxer;
    std::vector<uint8_t> out;
    // Frames before a keyframe, or without a configuration, are left out.
    fail_unless(!muxer.take(samples::video_frame(0, false, 1), 0, out));
    fail_unless(!muxer.take(samples::video_frame(0, true, 1), 0, out) && out.empty());
    muxer.reset();
    muxer.take(samples::audio_config(), 0, out);
    const auto unit = muxer.take(samples::audio_frame(20, 1), 20, out);
    fail_unless(unit && unit->joinable && unit->awaited && !muxer.has_video());
    // What MPEG-TS does not carry is told of once.
    const std::vector<uint8_t> vp9{0x80 | 0x10 | 1, 'v', 'p', '0', '9', 1, 2, 3};
    const flv::Tag tag = flv::make_tag(flv::TagType::video, 0, vp9);
    fail_unless(!muxer.take(tag, 0, out));
    fail_unless(muxer.take_complaint().find("video") != std::string::npos);
    fail_unless(!muxer.take(tag, 0, out) && muxer.take_complaint().empty());
}
GST_END_TEST

GST_START_TEST(test_aligner) {
    const auto stream = make_stream();
    for (const size_t cut : {1, 7, 187, 188, 189, 1316, 100'000}) {
        Aligner aligner;
        std::vector<uint8_t> out;
        for (size_t at = 0; at < stream.size(); at += cut)
            aligner.push(ByteView(stream).subspan(at, std::min(cut, stream.size() - at)), out);
        fail_unless(out == stream && aligner.skipped() == 0, "cut at %zu", cut);
    }
    // Garbage in front, and between packets; sync bytes in it do not count.
    Aligner aligner;
    std::vector<uint8_t> dirty(300, 0x47), out;
    std::fill(dirty.begin() + 100, dirty.end(), uint8_t(0));
    dirty.insert(dirty.end(), stream.begin(), stream.begin() + 10 * 188);
    dirty.insert(dirty.end(), 55, 0x11);
    dirty.insert(dirty.end(), stream.begin() + 10 * 188, stream.end());
    aligner.push(dirty, out);
    fail_unless(out.size() % 188 == 0 && out.size() >= stream.size() - 2 * 188);
    fail_unless(std::equal(out.end() - 188, out.end(), stream.end() - 188));
    fail_unless(aligner.skipped() > 0);
    // Nothing but garbage keeps nothing.
    Aligner none;
    out.clear();
    for (int i = 0; i < 1000; ++i)
        none.push(std::vector<uint8_t>(1316, uint8_t(i)), out);
    fail_unless(none.skipped() > 1'000'000);
}
GST_END_TEST

GST_START_TEST(test_joins) {
    const auto stream = make_stream();
    JoinFinder finder;
    const auto joins = joins_of(finder, stream);
    fail_unless_equals_int(int(joins.size()), 2);
    fail_unless(finder.has_video() && finder.version() == 1);
    fail_unless_equals_int(int(finder.tables().size()), 2 * 188);
    // Without the random access indicator, parameter sets tell.
    auto plain = stream;
    for (size_t at = 0; at < plain.size(); at += 188)
        if (plain[at + 3] & 0x20 && plain[at + 4] > 0) plain[at + 5] &= 0xBF;
    JoinFinder by_sets;
    fail_unless(joins_of(by_sets, plain) == joins);
    // Before the tables nobody can join.
    JoinFinder late;
    fail_unless(!late.take(ByteView(stream).subspan(joins[1] * 188, 188)));
    // Tables whose checksum is wrong are not believed.
    auto broken = stream;
    for (size_t at = 0; at < broken.size(); at += 188)
        if (!(broken[at + 1] & 0x1F) && !broken[at + 2]) broken[at + 12] ^= 1;
    JoinFinder careful;
    fail_unless(joins_of(careful, broken).empty() && careful.tables().empty());
}
GST_END_TEST

GST_START_TEST(test_joins_of_anything) {
    // Bytes of every kind are taken, and little is kept of them.
    JoinFinder finder;
    uint32_t random = 1;
    std::vector<uint8_t> packet(188);
    for (int i = 0; i < 20'000; ++i) {
        for (uint8_t &byte : packet)
            byte = uint8_t((random = random * 1664525 + 1013904223) >> 24);
        packet[0] = 0x47;
        if (i % 2) packet[1] = 0x40, packet[2] = 0;
        finder.take(packet);
    }
    fail_unless(finder.tables().size() <= 16 * 188);
    fail_unless(!finder.take(ByteView(packet).first(100)));
}
GST_END_TEST

namespace {

/// All messages that a viewer gets that joins now.
std::vector<size_t> messages(fanout::Ring &ring, std::vector<uint8_t> &bytes) {
    fanout::Cursor cursor;
    std::vector<fanout::PacketPtr> packets;
    std::vector<size_t> sizes;
    if (ring.settle(cursor, fanout::Join::burst, fanout::Slow::skip, packets) ==
        fanout::Ring::Place::behind) {
        fanout::Batch batch;
        ring.read(cursor, 1000, 1 << 20, batch);
        packets.insert(packets.end(), batch.packets.begin(), batch.packets.end());
    }
    for (const auto &packet : packets)
        for (const ByteView piece : packet->pieces) {
            sizes.push_back(piece.size());
            bytes.insert(bytes.end(), piece.begin(), piece.end());
        }
    return sizes;
}

} // namespace

// A feed of FLV and a feed of the same as MPEG-TS let viewers join at the same place, with tables
// in front, in messages of whole packets.
GST_START_TEST(test_feed) {
    for (const bool is_flv : {true, false}) {
        fanout::Ring ring;
        fanout::TsFeed feed(ring, 7 * 188);
        feed.restart({});
        uint64_t now = 1'000'000'000;
        if (is_flv) {
            feed.append(samples::video_config(), now);
            feed.append(samples::audio_config(), now);
            for (int i = 0; i < 10; ++i, now += 40'000'000) {
                const auto time = static_cast<uint32_t>(i * 40);
                fail_unless(feed.append(samples::video_frame(time, i % 5 == 0, 1), now));
                feed.append(samples::audio_frame(time, 1), now);
            }
        } else {
            const auto stream = make_stream();
            for (size_t at = 0; at < stream.size(); at += 777, now += 10'000'000)
                feed.append(ByteView(stream).subspan(at, std::min<size_t>(777, stream.size() - at)),
                            now);
        }
        fail_unless(feed.has_begun());
        std::vector<uint8_t> bytes;
        for (const size_t size : messages(ring, bytes))
            fail_unless(size % 188 == 0 && size > 0 && size <= 7 * 188, "%zu", size);
        JoinFinder finder;
        const auto joins = joins_of(finder, bytes);
        fail_unless(joins.size() == 1 && joins[0] <= 2, "%s: %zu", is_flv ? "flv" : "ts",
                    joins.empty() ? 999 : joins[0]);
    }
}
GST_END_TEST

static Suite *mpegts_joins_suite() {
    Suite *s = suite_create("mpegts_joins");
    TCase *tc = tcase_create("streams");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_flv);
    tcase_add_test(tc, test_flv_alone);
    tcase_add_test(tc, test_aligner);
    tcase_add_test(tc, test_joins);
    tcase_add_test(tc, test_joins_of_anything);
    tcase_add_test(tc, test_feed);
    return s;
}
GST_CHECK_MAIN(mpegts_joins)

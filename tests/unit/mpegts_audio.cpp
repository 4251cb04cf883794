// SPDX-License-Identifier: LGPL-2.1-or-later
// Audio in transport streams: frames of each codec, their times, and what is broken.
#include "core/codec/aac.h"
#include "core/codec/bits.h"
#include "core/mpegts/audio_headers.h"
#include "core/mpegts/flv_muxer.h"
#include "unit/ts_writer.hpp"

#include "check.hpp"
#include "flv_samples.hpp"

using namespace ts_test;
using samples::from_hex;

namespace {

constexpr uint16_t pid = 0x101;

Vector operator+(Vector a, const Vector &b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
}

/// A frame of `size` bytes that begins with `head`.
Vector frame(const char *head, size_t size, uint8_t mark) {
    Vector bytes = from_hex(head);
    bytes.resize(size, mark);
    return bytes;
}

Vector adts(size_t size, uint8_t mark, uint8_t rate_and_channels = 0x50) {
    Vector bytes{0xFF,
                 0xF1,
                 rate_and_channels,
                 uint8_t(0x80 | size >> 11),
                 uint8_t(size >> 3),
                 uint8_t((size & 7) << 5 | 0x1F),
                 0xFC};
    bytes.resize(size, mark);
    return bytes;
}

/// LOAS with the configuration, or as before; LC, 48 kHz, mono.
Vector loas(const Vector &payload, bool with_config) {
    codec::BitWriter w;
    w.u(1, !with_config);
    if (with_config) {
        w.u(1, 0).u(1, 1).u(6, 0).u(4, 0).u(3, 0); // version, same framing, one of each
        w.u(5, 2).u(4, 3).u(4, 1).u(3, 0);         // AudioSpecificConfig
        w.u(3, 0).u(8, 0xFF).u(1, 0).u(1, 0);      // frame length type, fullness, no more
    }
    size_t length = payload.size();
    for (; length >= 255; length -= 255)
        w.u(8, 255);
    w.u(8, uint32_t(length));
    for (const uint8_t byte : payload)
        w.u(8, byte);
    const Vector element = w.take();
    Vector bytes{0x56, uint8_t(0xE0 | element.size() >> 8), uint8_t(element.size())};
    return bytes + element;
}

Vector opus(const Vector &packet) {
    Vector bytes{0x7F, 0xE0};
    size_t length = packet.size();
    for (; length >= 255; length -= 255)
        bytes.push_back(255);
    bytes.push_back(uint8_t(length));
    return bytes + packet;
}

Sender begin(const PmtStream &stream) {
    Sender s;
    s.tables({stream});
    return s;
}

const PmtStream adts_stream{0x0F, pid};

} // namespace

// Frames that are cut anywhere, by packets of both kinds; times are counted between those told.
GST_START_TEST(test_adts) {
    Vector all;
    for (uint8_t i = 0; i < 20; ++i)
        all = all + adts(100 + i, i);
    Sender s = begin(adts_stream);
    // The first in the third packet begins in the second.
    s.audio(ByteView(all).first(500), 9000);
    s.audio(ByteView(all).subspan(500, 700), 9000 + 10449);
    s.audio(ByteView(all).subspan(1200), {});
    const Rig rig(s.bytes);
    fail_unless_equals_int(rig.sink.units.size(), 20);
    const AudioFormat want{44'100, 2, 0, 0, from_hex("1210")};
    for (size_t i = 0; i < 20; ++i) {
        const Sink::Kept &unit = rig.sink.units[i];
        fail_unless(unit.data == Vector(93 + i, uint8_t(i)), "frame %zu", i);
        fail_unless(unit.format == want && unit.samples == 1024);
        // 2089.8 ticks a frame; five begin in the first packet.
        const int64_t time = i < 5 ? 9000 + int64_t(i) * 1024 * 90'000 / 44'100
                                   : 19'449 + int64_t(i - 5) * 1024 * 90'000 / 44'100;
        fail_unless(unit.pts == time, "frame %zu at %lld", i, (long long)unit.pts.value_or(-1));
    }
}
GST_END_TEST

// What is no frame is left out; frames of another kind announce themselves.
GST_START_TEST(test_adts_faults) {
    Sender s = begin(adts_stream);
    // A header in a frame's data; garbage between frames; one that is cut short.
    Vector tricky = adts(120, 1);
    const Vector inner = adts(60, 9);
    std::copy(inner.begin(), inner.begin() + 7, tricky.begin() + 20);
    const Vector cut(tricky.begin() + 10, tricky.end());
    s.audio(cut + adts(80, 5) + adts(80, 2) + Vector(33, 0xFF) + adts(80, 3), 9000);
    s.audio(tricky + adts(80, 4, 0x4C), 18000);
    const Rig rig(s.bytes);
    std::vector<int> marks;
    for (const Sink::Kept &unit : rig.sink.units)
        marks.push_back(unit.data.back());
    fail_unless(marks == std::vector<int>({5, 2, 3, 1, 4}), "%zu frames", marks.size());
    fail_unless_equals_int(rig.sink.units[3].data.size(), 113);
    fail_unless_equals_int(rig.sink.units[3].format.rate, 44'100);
    fail_unless_equals_int(rig.sink.units[4].format.rate, 48'000);
    fail_unless(rig.demuxer.stats().damaged >= 1);
}
GST_END_TEST

// A frame that misses a packet never comes out; the next PES packet is whole again.
GST_START_TEST(test_lost) {
    Sender s = begin(adts_stream);
    std::vector<size_t> begins;
    for (uint8_t i = 0; i < 4; ++i) {
        begins.push_back(s.bytes.size());
        s.audio(adts(150, uint8_t(2 * i)) + adts(150, uint8_t(2 * i + 1)), 9000 + i * 4180);
    }
    for (size_t lost = begins[1]; lost < begins[2]; lost += packet_size) {
        Vector input = s.bytes;
        input.erase(input.begin() + ptrdiff_t(lost), input.begin() + ptrdiff_t(lost + packet_size));
        const Rig rig(input);
        for (const Sink::Kept &unit : rig.sink.units)
            fail_unless(unit.data == Vector(143, unit.data.back()));
        const auto &last = rig.sink.units.back();
        fail_unless(last.data.back() == 7 && rig.sink.units.size() >= 6);
        fail_unless(last.pts == 9000 + 3 * 4180 + 2089);
    }
}
GST_END_TEST

GST_START_TEST(test_latm) {
    Sender s = begin({0x11, pid});
    const Vector large(700, 4);
    // Before the first configuration nothing can be used.
    s.audio(loas(Vector(50, 1), false) + loas(Vector(60, 2), true) + loas(Vector(70, 3), false),
            9000);
    s.audio(loas(large, false), 15'000);
    const Rig rig(s.bytes);
    fail_unless_equals_int(rig.sink.units.size(), 3);
    fail_unless(rig.sink.units[0].data == Vector(60, 2) && rig.sink.units[1].data == Vector(70, 3));
    fail_unless(rig.sink.units[2].data == large && rig.sink.units[2].pts == 15'000);
    const AudioFormat want{48'000, 1, 0, 0, from_hex("1188")};
    for (const Sink::Kept &unit : rig.sink.units)
        fail_unless(unit.format == want && unit.samples == 1024);
    fail_unless(*rig.sink.units[1].pts - *rig.sink.units[0].pts == 1920);
}
GST_END_TEST

GST_START_TEST(test_mpeg_audio) {
    Sender s = begin({0x03, pid});
    s.audio(frame("fffbb4c4", 576, 1) + frame("fffbb4c4", 576, 2), 9000);
    s.audio(frame("fffda404", 576, 3), 13'320);
    const Rig rig(s.bytes);
    fail_unless_equals_int(rig.sink.units.size(), 3);
    fail_unless(rig.sink.units[0].format == (AudioFormat{48'000, 1, 1, 3, {}}));
    fail_unless(rig.sink.units[2].format == (AudioFormat{48'000, 2, 1, 2, {}}));
    fail_unless(rig.sink.units[1].pts == 9000 + 2160 && rig.sink.units[1].data.size() == 576);
}
GST_END_TEST

// AC-3 at 48 kHz and 192 kbit/s; E-AC-3 with more channels in frames that depend on others.
GST_START_TEST(test_dolby) {
    Sender s = begin({0x81, pid});
    s.audio(frame("0b770000144043e1", 768, 1) + frame("0b770000144043e1", 768, 2), 9000);
    const Rig ac3(s.bytes);
    fail_unless_equals_int(ac3.sink.units.size(), 2);
    fail_unless_equals_int(ac3.sink.units[1].data.size(), 768);
    fail_unless(ac3.sink.units[1].format == (AudioFormat{48'000, 2, 0, 0, {}}));
    fail_unless(*ac3.sink.units[1].pts == 9000 + 2880);

    // frmsiz 0x7F: 256 bytes; six blocks, stereo, version 16; then the dependent substream.
    const char *main = "0b77007f34800000", *more = "0b77403f34800000";
    Sender t = begin({0x06, pid, {0x7A, 1, 0}});
    t.audio(frame(main, 256, 1) + frame(more, 128, 1) + frame(main, 256, 2) + frame(more, 128, 2),
            9000);
    t.audio(frame(main, 256, 3), 14'760);
    const Rig eac3(t.bytes);
    fail_unless_equals_int(eac3.sink.units.size(), 3);
    fail_unless_equals_int(eac3.sink.units[0].data.size(), 384);
    fail_unless_equals_int(eac3.sink.units[2].data.size(), 256);
    fail_unless(eac3.sink.units[1].pts == 9000 + 2880);
}
GST_END_TEST

GST_START_TEST(test_opus) {
    Sender s = begin({0x06, pid, from_hex("05044f7075737f028002")});
    // CELT, 20 ms, stereo.
    const Vector small = frame("fc", 200, 1), large = frame("fc", 600, 2);
    s.audio(opus(small) + opus(large), 9000);
    // With trims and an extension in the control header.
    s.audio(from_hex("7ffc0a0010002002aabb") + frame("fc", 10, 3), 12'600);
    const Rig rig(s.bytes);
    fail_unless_equals_int(rig.sink.units.size(), 3);
    fail_unless(rig.sink.units[0].data == small && rig.sink.units[1].data == large);
    fail_unless(rig.sink.units[2].data == frame("fc", 10, 3));
    fail_unless(*rig.sink.units[1].pts == 9000 + 1800 && rig.sink.units[1].samples == 960);
    fail_unless(rig.sink.units[0].format.config == from_hex("4f7075734865616401020000"
                                                            "80bb0000000000"));
}
GST_END_TEST

// What is written from FLV is read again: with a configuration and without one.
GST_START_TEST(test_opus_from_flv) {
    const auto tag = [](uint8_t kind, const Vector &data) {
        return flv::make_tag(flv::TagType::audio, 0, Vector{kind, 'O', 'p', 'u', 's'} + data);
    };
    const Vector mono = frame("78", 20, 1), stereo = frame("fc", 255, 2),
                 large = frame("fc", 1275, 3);
    for (const unsigned channels : {0u, 2u, 6u}) {
        FlvMuxer muxer;
        Vector out;
        if (channels) muxer.take(tag(0x90, opus_head(channels)), 0, out);
        int64_t time = 0;
        for (const Vector *packet : {&stereo, &large, &mono})
            fail_unless(muxer.take(tag(0x91, *packet), time += 20, out).has_value());
        fail_unless(muxer.take_complaint().empty());
        const Rig rig(out);
        fail_unless_equals_int(rig.sink.units.size(), 3);
        fail_unless_equals_int(rig.sink.programs.size(), 1);
        fail_unless(rig.sink.units[0].data == stereo && rig.sink.units[1].data == large);
        fail_unless(rig.sink.units[2].data == mono);
        fail_unless(rig.sink.units[2].format.config == opus_head(channels ? channels : 2));
    }
    // A layout that has no number is not carried, which is said.
    FlvMuxer muxer;
    Vector out, head = opus_head(4);
    head[19] = 4;
    muxer.take(tag(0x90, head), 0, out);
    fail_unless(!muxer.take(tag(0x91, stereo), 20, out) && out.empty());
    fail_unless(muxer.take_complaint().find("layout") != std::string::npos);
}
GST_END_TEST

static Suite *mpegts_audio_suite() {
    Suite *s = suite_create("mpegts_audio");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_adts);
    tcase_add_test(tc, test_adts_faults);
    tcase_add_test(tc, test_lost);
    tcase_add_test(tc, test_latm);
    tcase_add_test(tc, test_mpeg_audio);
    tcase_add_test(tc, test_dolby);
    tcase_add_test(tc, test_opus);
    tcase_add_test(tc, test_opus_from_flv);
    return s;
}
GST_CHECK_MAIN(mpegts_audio)

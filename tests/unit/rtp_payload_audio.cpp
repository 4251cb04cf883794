// SPDX-License-Identifier: LGPL-2.1-or-later
// Opus, G.711 and AAC (MPEG-4 Generic and LATM) over RTP: payloads as the RFCs describe them,
// frames of every size, several in a payload, losses.
#include "core/codec/aac.h"
#include "core/codec/bits.h"
#include "core/rtp/payload/aac.h"
#include "core/rtp/payload/audio.h"
#include "core/rtp/payload/latm.h"

#include "unit/rtp_payload_rig.hpp"

using namespace rtp_test;

namespace {

std::vector<Frame> frames_of(Depacketizer &depacketizer, const char *payload, uint32_t timestamp,
                             bool marker = true, bool lost_before = false) {
    std::vector<Frame> frames;
    const Result result =
        depacketizer.push({from_hex(payload), timestamp, marker, lost_before}, frames);
    fail_unless(result.is_ok(), "%s: %s", payload, result.reason().c_str());
    return frames;
}
void check_error(Depacketizer &depacketizer, const char *payload) {
    std::vector<Frame> frames;
    fail_unless(depacketizer.push({from_hex(payload), 0, true, false}, frames).is_error(), "%s",
                payload);
}

/// A StreamMuxConfig for AAC-LC, 44100 Hz, stereo, as fmtp lines have it.
const Unit latm_config = from_hex("400024203fc0");

/// An element: a configuration in front if there is one, lengths, frames.
Unit element(const std::optional<Unit> &config, unsigned config_bits,
             const std::vector<Unit> &frames) {
    codec::BitWriter w;
    if (config) {
        w.u(1, 0);
        codec::BitReader r(*config);
        for (unsigned i = 0; i < config_bits; ++i)
            w.u(1, r.u(1));
    }
    for (const Unit &frame : frames) {
        size_t size = frame.size();
        for (; size >= 255; size -= 255)
            w.u(8, 255);
        w.u(8, uint32_t(size));
        for (const uint8_t byte : frame)
            w.u(8, byte);
    }
    return w.take();
}

} // namespace

GST_START_TEST(test_opus) {
    OpusPacketizer packetizer;
    PlainAudioDepacketizer depacketizer;
    for (size_t size = 1; size <= default_budget; size += step(size)) {
        const Unit frame = pattern({0xFC}, size);
        const Frame got = pass(packetizer, depacketizer, frame, true);
        check_bytes(got.bytes, frame);
        fail_unless(got.keyframe && !got.config_changed);
    }
    Payloads payloads;
    fail_unless(
        packetizer.packetize(pattern({0xFC}, default_budget + 1), true, payloads).is_error());
    fail_unless(packetizer.packetize({}, true, payloads).is_error());
    fail_unless(packetizer.packetize(from_hex("ff"), true, payloads).is_error());
    // Silence is left out by the sender: that is no gap. Padding passes unnoticed.
    std::vector<Frame> frames = frames_of(depacketizer, "fc 01", 960);
    fail_if(frames.at(0).after_gap);
    fail_unless(frames_of(depacketizer, "", 960, false, true).empty());
    frames = frames_of(depacketizer, "fc 02", 96'000);
    fail_unless(frames.at(0).after_gap && !frames[0].damaged && frames[0].timestamp == 96'000);
    check_bytes(frames[0].bytes, from_hex("fc 02"));
}
GST_END_TEST

GST_START_TEST(test_g711) {
    for (const unsigned channels : {1, 2, 6}) {
        G711Packetizer packetizer(channels);
        PlainAudioDepacketizer depacketizer;
        for (size_t samples = 1; samples <= 5000 / channels; samples += step(samples)) {
            const Unit frame = pattern({}, samples * channels);
            std::vector<Sent> sent;
            fail_unless_equals_int(send(packetizer, frame, true, 0xFFFFFF00, sent), 1);
            Unit all;
            for (const Sent &one : sent) {
                fail_unless_equals_int(one.timestamp, uint32_t(0xFFFFFF00 + all.size() / channels));
                fail_unless_equals_int(one.payload.size() % channels, 0);
                all.insert(all.end(), one.payload.begin(), one.payload.end());
            }
            check_bytes(all, frame);
            fail_unless_equals_int(receive(depacketizer, sent).size(), sent.size());
        }
        Payloads payloads;
        fail_unless(packetizer.packetize({}, true, payloads).is_error());
        fail_unless(channels == 1 ||
                    packetizer.packetize(pattern({}, 13), true, payloads).is_error());
    }
}
GST_END_TEST

// RFC 3640 3.2 and 3.3.6.
GST_START_TEST(test_aac) {
    AacPacketizer packetizer;
    AacDepacketizer depacketizer({}, from_hex("1210"));
    check_bytes(depacketizer.config(), from_hex("1210"));
    std::vector<Sent> sent;
    send(packetizer, from_hex("aabbcc"), true, 0, sent);
    check_bytes(sent.at(0).payload, from_hex("0010 0018 aabbcc"));
    fail_unless(sent[0].marker);
    for (size_t size = 1; size <= 8191; size += step(size)) {
        const Unit frame = pattern({}, size);
        check_bytes(pass(packetizer, depacketizer, frame, true).bytes, frame);
    }
    // Fragments tell the size of the whole: 0x7D0 << 3.
    sent.clear();
    send(packetizer, pattern({}, 2000), true, 0, sent);
    fail_unless_equals_int(sent.size(), 2);
    for (const Sent &one : sent)
        check_bytes(ByteView(one.payload).first(4), from_hex("0010 3e80"));
    fail_unless(!sent[0].marker && sent[1].marker);
    Payloads payloads;
    fail_unless(packetizer.packetize({}, true, payloads).is_error());
    fail_unless(packetizer.packetize(pattern({}, 8192), true, payloads).is_error());

    // Three frames in a payload, one of them empty.
    std::vector<Frame> frames =
        frames_of(depacketizer, "0030 0018 0000 0010 aabbcc ddee", 0xFFFFFFFF);
    fail_unless_equals_int(frames.size(), 2);
    check_bytes(frames[0].bytes, from_hex("aabbcc"));
    check_bytes(frames[1].bytes, from_hex("ddee"));
    fail_unless(frames[0].timestamp == 0xFFFFFFFF && frames[1].timestamp == 2047);
    // AAC-lbr, and all that a header may have: CTS, DTS, random access, state, auxiliary data.
    AacFormat low;
    low.size_length = 6;
    low.index_length = low.index_delta_length = 2;
    low.frame_ticks = 960;
    AacDepacketizer lbr(low);
    frames = frames_of(lbr, "0010 0c08 aabbcc ddee", 0);
    fail_unless(frames.size() == 2 && frames[1].timestamp == 960);
    AacFormat full;
    full.cts_delta_length = full.dts_delta_length = 5;
    full.random_access_indication = true;
    full.stream_state_indication = 4;
    full.auxiliary_data_size_length = 8;
    AacDepacketizer all(full);
    codec::BitWriter w;
    w.u(16, 28).u(13, 2).u(3, 0).u(1, 1).u(5, 3).u(1, 0).u(1, 1).u(4, 9).u(4, 0);
    w.u(8, 5).u(5, 21).u(3, 0).u(16, 0xAABB);
    frames.clear();
    fail_unless(all.push({w.take(), 0, true, false}, frames).is_ok());
    check_bytes(frames.at(0).bytes, from_hex("aabb"));

    check_error(depacketizer, "00");
    check_error(depacketizer, "0000");
    check_error(depacketizer, "0010 00");
    check_error(depacketizer, "000f 0018 aabbcc");
    check_error(depacketizer, "0010 0018");
    check_error(depacketizer, "0020 0018 0018 aabbcc dd");
    check_error(depacketizer, "0010 0019 aabbcc");
    check_error(depacketizer, "0020 0008 0009 aabb"); // interleaved
    // Whatever was wrong with a payload, the next frame is after a gap.
    for (const char *broken : {"00", "0010 00", "0020 0008 0009 aabb", "0010 0019 aabbcc"}) {
        frames = frames_of(depacketizer, "0010 0008 aa", 7);
        frames = frames_of(depacketizer, "0010 0008 aa", 7);
        fail_unless(frames.size() == 1 && !frames[0].after_gap);
        std::vector<Frame> none;
        (void)depacketizer.push({from_hex(broken), 8, true, false}, none);
        frames = frames_of(depacketizer, "0010 0008 aa", 9);
        fail_unless(frames.size() == 1 && frames[0].after_gap, "%s", broken);
    }
}
GST_END_TEST

GST_START_TEST(test_aac_losses) {
    AacPacketizer packetizer(200);
    std::vector<Sample> samples;
    std::vector<Sent> sent;
    std::vector<size_t> frame_of; ///< of each packet
    for (unsigned i = 0; i < 8; ++i) {
        samples.push_back({pattern({}, 100 + 150 * i, i), true, {}});
        send(packetizer, samples.back().in, true, 1024 * i, sent, 200);
        frame_of.resize(sent.size(), i);
    }
    for (size_t lost = 0; lost + 1 < sent.size(); ++lost) {
        AacDepacketizer depacketizer;
        const std::vector<Frame> frames = receive(depacketizer, sent, {lost});
        fail_unless_equals_int(frames.size(), 7);
        for (const Frame &frame : frames) {
            const size_t i = frame.timestamp / 1024;
            fail_unless(i != frame_of[lost]);
            check_bytes(frame.bytes, samples[i].in);
            fail_unless(frame.after_gap == (i == frame_of[lost] + 1));
        }
    }
    sent.resize(6);
    check_cuts([] { return new AacDepacketizer; }, sent, 0);
    // Fragments of another size than the first told; a size that no frame has.
    AacDepacketizer depacketizer;
    fail_unless(frames_of(depacketizer, "0010 0028 aabb", 0, false).empty());
    check_error(depacketizer, "0010 0020 aabb");
    AacFormat wide;
    wide.size_length = 32;
    wide.index_length = 0;
    AacDepacketizer huge(wide);
    check_error(huge, "0020 ffffffff aabb");
}
GST_END_TEST

// RFC 6416 5 with ISO/IEC 14496-3 1.7.3.
GST_START_TEST(test_latm) {
    LatmDepacketizer depacketizer;
    fail_unless(frames_of(depacketizer, "03 aabbcc", 0).empty()); // not yet configured
    fail_unless(depacketizer.configure(latm_config).is_ok());
    check_bytes(depacketizer.config(), from_hex("1210"));
    std::vector<Frame> frames = frames_of(depacketizer, "03 aabbcc", 1024);
    fail_unless(frames.size() == 1 && frames[0].config_changed && frames[0].keyframe);
    check_bytes(frames[0].bytes, from_hex("aabbcc"));
    for (size_t size = 2; size <= 3000; size += step(size)) {
        const Unit frame = pattern({}, size), whole = element({}, 0, {frame});
        frames.clear();
        for (const ByteView part :
             {ByteView(whole).first(size / 2), ByteView(whole).subspan(size / 2)})
            fail_unless(
                depacketizer
                    .push({part, uint32_t(size), part.data() != whole.data(), false}, frames)
                    .is_ok());
        fail_unless_equals_int(frames.size(), 1);
        check_bytes(frames[0].bytes, frame);
    }
    // Without markers: the timestamp tells.
    frames.clear();
    for (uint32_t i = 10'000; i < 10'003; ++i)
        fail_unless(depacketizer.push({from_hex("01 aa"), i, false, false}, frames).is_ok());
    fail_unless_equals_int(frames.size(), 2);
    depacketizer.flush(frames);
    fail_unless(frames.size() == 3 && frames[2].timestamp == 10'002);
    check_error(depacketizer, "04 aabbcc");
    check_error(depacketizer, "ff");

    // Several frames in an element; the explicit signalling of HE-AAC.
    codec::BitWriter w;
    w.u(1, 0).u(1, 1).u(6, 1).u(4, 0).u(3, 0);
    w.u(5, 5).u(4, 7).u(4, 2).u(4, 4).u(5, 2).u(3, 0).u(3, 0).u(8, 255).u(2, 0);
    LatmDepacketizer two(false, 2048);
    fail_unless(two.configure(w.take()).is_ok());
    codec::AacConfig audio;
    fail_unless(codec::parse_aac_config(two.config(), audio).is_ok());
    fail_unless(audio.sbr && audio.rate == 22050 && audio.output_rate == 44100);
    frames = frames_of(two, "02 aabb 01 cc", 0);
    fail_unless(frames.size() == 2 && frames[1].timestamp == 2048);
    check_bytes(frames[1].bytes, from_hex("cc"));
}
GST_END_TEST

GST_START_TEST(test_latm_in_band) {
    LatmDepacketizer depacketizer(true);
    // Not before the first configuration; then bit by bit, as nothing is aligned.
    fail_unless(frames_of(depacketizer, "81 d5", 0).empty());
    const Unit frame = pattern({}, 700);
    std::vector<Frame> frames;
    fail_unless(
        depacketizer.push({element(latm_config, 44, {frame}), 1, true, false}, frames).is_ok());
    fail_unless(frames.size() == 1 && frames[0].config_changed && frames[0].after_gap);
    check_bytes(frames[0].bytes, frame);
    check_bytes(depacketizer.config(), from_hex("1210"));
    frames = frames_of(depacketizer, "81 55 00 00", 2); // useSameStreamMux, two bytes
    fail_unless(frames.size() == 1 && !frames[0].config_changed && !frames[0].after_gap);
    check_bytes(frames[0].bytes, from_hex("aa00"));
    // Version 1 tells the configuration's length; other data follow.
    codec::BitWriter w;
    w.u(1, 1).u(1, 0).u(2, 0).u(8, 0).u(1, 1).u(6, 0).u(4, 0).u(3, 0);
    w.u(2, 0).u(8, 16).u(16, 0x1190).u(3, 0).u(8, 255).u(1, 1).u(2, 0).u(8, 16).u(1, 1).u(8, 0);
    frames.clear();
    fail_unless(
        depacketizer.push({element(w.take(), 83, {frame}), 3, true, false}, frames).is_ok());
    fail_unless(frames.size() == 1 && frames[0].config_changed);
    check_bytes(frames[0].bytes, frame);
    check_bytes(depacketizer.config(), from_hex("1190"));

    // Configurations that are refused, and all that are cut short.
    const auto refused = [](const Unit &config) {
        LatmDepacketizer other;
        return other.configure(config).is_error();
    };
    for (const char *config : {"c00024203fc0", "000024203fc0", "400824203fc0", "400224203fc0",
                               "4000fc203fc0", "400024003fc0", "400024203fe0", "400024223fc0"})
        fail_unless(refused(from_hex(config)), "%s", config);
    // It may end behind the audio's configuration.
    for (size_t cut = 0; cut < latm_config.size(); ++cut)
        fail_unless(refused(bytes_of(ByteView(latm_config).first(cut))) == (cut < 4));
    // An extension for HE-AAC in it, as rtpmp4apay writes it.
    LatmDepacketizer extended;
    fail_unless(extended.configure(from_hex("40002320adca00")).is_ok());
    check_bytes(extended.config(), from_hex("119056e500"));
    fail_unless(extended.configure(from_hex("40002320adcb30")).is_ok());
    codec::AacConfig audio;
    fail_unless(codec::parse_aac_config(extended.config(), audio).is_ok());
    fail_unless(audio.sbr);
}
GST_END_TEST

GST_START_TEST(test_latm_losses) {
    std::vector<Sent> sent;
    std::vector<Unit> units;
    for (uint32_t i = 0; i < 6; ++i) {
        units.push_back(pattern({}, 40 + 90 * i, i));
        const Unit whole = element({}, 0, {units.back()});
        for (size_t at = 0; at < whole.size(); at += 100)
            sent.push_back(
                {bytes_of(ByteView(whole).subspan(at, std::min<size_t>(100, whole.size() - at))),
                 1024 * (i + 1), at + 100 >= whole.size()});
    }
    const auto make = [] {
        auto *made = new LatmDepacketizer;
        fail_unless(made->configure(latm_config).is_ok());
        return made;
    };
    for (size_t lost = 0; lost + 1 < sent.size(); ++lost) {
        const std::unique_ptr<Depacketizer> depacketizer(make());
        const std::vector<Frame> frames = receive(*depacketizer, sent, {lost});
        fail_unless_equals_int(frames.size(), 5);
        for (const Frame &frame : frames) {
            fail_unless(frame.timestamp != sent[lost].timestamp);
            check_bytes(frame.bytes, units[frame.timestamp / 1024 - 1]);
            fail_unless(frame.after_gap == (frame.timestamp == sent[lost].timestamp + 1024));
        }
    }
    check_cuts(make, sent, 0);
    // An element without end.
    const std::unique_ptr<Depacketizer> depacketizer(make());
    std::vector<Frame> frames;
    unsigned refused = 0;
    const Unit part = pattern({}, 1200);
    for (unsigned i = 0; i < 100; ++i)
        refused += depacketizer->push({part, 1, false, false}, frames).is_error();
    fail_unless(refused >= 1 && frames.empty());
}
GST_END_TEST

static Suite *rtp_payload_audio_suite() {
    Suite *s = suite_create("rtp_payload_audio");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_opus);
    tcase_add_test(tc, test_g711);
    tcase_add_test(tc, test_aac);
    tcase_add_test(tc, test_aac_losses);
    tcase_add_test(tc, test_latm);
    tcase_add_test(tc, test_latm_in_band);
    tcase_add_test(tc, test_latm_losses);
    return s;
}
GST_CHECK_MAIN(rtp_payload_audio)

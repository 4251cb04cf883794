// SPDX-License-Identifier: LGPL-2.1-or-later
// CMAF init segments, fragments and codec configurations. The expected configurations are what
// ffmpeg wrote for the same frames.
#include "core/cmaf/codec_config.h"
#include "core/cmaf/fragment.h"
#include "core/codec/av1.h"

#include "unit/hls_rig.hpp"
#include "unit/mp4_reader.hpp"

#include "check.hpp"
#include "flv_samples.hpp"

using namespace penstock;
using namespace penstock::cmaf;
using samples::from_hex;

static Track video_track() {
    Track track;
    track.config = rig::avc_record();
    track.width = 320;
    track.height = 240;
    return track;
}

static Track audio_track(unsigned rate = 48'000) {
    Track track;
    track.id = 2;
    fail_unless(configure_aac(codec::build_aac_config(2, rate, 2), track).is_ok());
    return track;
}

static const std::vector<uint8_t> av1_unit = from_hex(
    "12000a0a0000000337fbe6d7c80232a5091400208800002100208280d7fdd7141aaa475b36c1b276d9e36ae0");
static const std::vector<uint8_t> vp9_frame = from_hex("824983420007f005f60638241c184a00");
static const std::vector<uint8_t> ac3_frame = from_hex("0b773e71104043e106f0b01860606060");
static const std::vector<uint8_t> eac3_frame = from_hex("0b7700ff3487c000208421083100");
static const std::vector<uint8_t> hevc_record =
    from_hex("0101600000009000000000001ef000fcfdf8f800000f03200001001840010c01ffff016000000300"
             "90000003000003001e959809210001002942010101600000030090000003000003001ea010206165"
             "959a4932bc05a0200000030020000003032122000100074401c172b42240");
static const std::vector<uint8_t> stream_info =
    from_hex("1000100000000d0000200bb802f000003840ffffffffffffffffffffffffffffffff");

GST_START_TEST(test_init_segment) {
    const std::vector<Track> tracks{video_track(), audio_track()};
    for (const Track &track : tracks)
        fail_unless(check(track).is_ok());
    const auto bytes = write_init_segment(tracks);
    const mp4::Init init = mp4::read_init(bytes);
    fail_unless_equals_int(init.tracks.size(), 2);
    const mp4::Track &video = init.track(1), &audio = init.track(2);
    fail_unless(video.entry == "avc1" && video.handler == "vide" && video.timescale == 90'000);
    fail_unless(video.width == 320 && video.height == 240 && video.language == "und");
    const ByteView avcc = video.config("avcC");
    fail_unless(std::vector<uint8_t>(avcc.begin(), avcc.end()) == rig::avc_record());
    fail_unless(audio.entry == "mp4a" && audio.handler == "soun" && audio.timescale == 48'000);
    fail_unless(audio.channels == 2 && audio.rate == 48'000);
    // The AudioSpecificConfig is in the descriptor of tag 5.
    const ByteView esds = audio.config("esds");
    const auto specific = from_hex("0580808002"), config = codec::build_aac_config(2, 48'000, 2);
    const auto at = std::search(esds.begin(), esds.end(), specific.begin(), specific.end());
    fail_unless(at != esds.end() &&
                std::equal(config.begin(), config.end(), at + std::ptrdiff_t(specific.size())));
    fail_unless_equals_int(esds[5] + 0, 0x80);
    fail_unless_equals_int(esds[8] + 9, int(esds.size())); // the outer descriptor has all
    const ByteView brand = mp4::one(bytes, "ftyp").content;
    fail_unless(std::string(brand.begin(), brand.begin() + 4) == "cmfc");
}
GST_END_TEST

GST_START_TEST(test_properties_of_tracks) {
    Track track = video_track();
    track.in_band = true;
    track.par_num = 4;
    track.par_den = 3;
    track.language = "deu";
    const auto bytes = write_init_segment(std::vector<Track>{track});
    const mp4::Track read = mp4::read_init(bytes).tracks[0];
    fail_unless(read.entry == "avc3" && read.language == "deu");
    Reader aspect(read.config("pasp"));
    fail_unless(aspect.u32() == 4 && aspect.u32() == 3);
    Reader header(mp4::in(bytes, {"moov", "trak", "tkhd"}));
    header.skip(76);
    fail_unless_equals_int(header.u32() >> 16, 426); // square pixels
    // A sample rate beyond 16 bits is only in the codec's configuration.
    const auto high = write_init_segment(std::vector<Track>{audio_track(96'000)});
    const mp4::Track audio = mp4::read_init(high).tracks[0];
    fail_unless(audio.rate == 0 && audio.timescale == 96'000);
}
GST_END_TEST

GST_START_TEST(test_checks) {
    Track track;
    fail_unless(check(track).is_error()); // no configuration
    track = video_track();
    track.width = 70'000;
    fail_unless(check(track).is_error());
    track = video_track();
    track.timescale = 0;
    fail_unless(check(track).is_error());
    track = audio_track();
    track.rate = 0;
    fail_unless(check(track).is_error());
    track = audio_track();
    track.config.assign(100, 0);
    fail_unless(check(track).is_error());
}
GST_END_TEST

/// The configuration box of the track's sample entry.
static std::vector<uint8_t> box_of(const Track &track, const char *entry, const char *type) {
    fail_unless(check(track).is_ok(), "%s", check(track).reason().c_str());
    const auto bytes = write_init_segment(std::vector<Track>{track});
    const mp4::Track read = mp4::read_init(bytes).tracks[0];
    fail_unless_equals_string(read.entry.c_str(), entry);
    const ByteView config = read.config(type);
    return {config.begin(), config.end()};
}

GST_START_TEST(test_video_configurations) {
    Track track;
    fail_unless(configure_av1(av1_unit, track).is_ok());
    fail_unless(track.width == 128 && track.height == 96);
    fail_unless(box_of(track, "av01", "av1C") == from_hex("81000c000a0a0000000337fbe6d7c802"));
    fail_unless_equals_string(codec_string(track).c_str(), "av01.0.00M.08");
    const ByteView stripped = codec::without_temporal_delimiters(av1_unit);
    fail_unless(stripped.size() == av1_unit.size() - 2 && stripped[0] == 0x0A);
    fail_unless_equals_int(codec::without_temporal_delimiters(stripped).size(), stripped.size());
    // The sequence header in the record gives the same track.
    Track again;
    fail_unless(configure_av1(ByteView(track.config).subspan(4), again).is_ok());
    fail_unless(again == track);

    fail_unless(configure_vp9(vp9_frame, track).is_ok());
    fail_unless(track.width == 128 && track.height == 96);
    fail_unless(box_of(track, "vp09", "vpcC") == from_hex("01000000000a820202020000"));
    fail_unless_equals_string(codec_string(track).c_str(), "vp09.00.10.08");
    auto inter = vp9_frame;
    inter[0] |= 4;
    fail_unless(configure_vp9(inter, track).is_error());

    track = video_track();
    track.codec = Codec::hevc;
    track.config = hevc_record;
    fail_unless(box_of(track, "hvc1", "hvcC") == hevc_record);
    fail_unless_equals_string(codec_string(track).c_str(), "hvc1.1.6.L30.90");
    fail_unless_equals_string(codec_string(video_track()).c_str(), "avc1.64000d");
}
GST_END_TEST

GST_START_TEST(test_audio_configurations) {
    Track track;
    fail_unless(configure_ac3(ac3_frame, track).is_ok());
    fail_unless(track.rate == 48'000 && track.channels == 2);
    fail_unless(box_of(track, "ac-3", "dac3") == from_hex("101100"));
    fail_unless_equals_int(sample_length(track, ac3_frame), 1536);

    fail_unless(configure_eac3(eac3_frame, track).is_ok());
    fail_unless(track.rate == 48'000 && track.channels == 2);
    fail_unless(box_of(track, "ec-3", "dec3") == from_hex("0400200400"));
    fail_unless_equals_int(sample_length(track, eac3_frame), 1536);

    // dOps is big-endian, the OpusHead little-endian.
    const auto head = from_hex("4f707573486561640102380180bb0000000000");
    fail_unless(configure_opus(head, track).is_ok());
    fail_unless(box_of(track, "Opus", "dOps") == from_hex("000201380000bb80000000"));
    fail_unless(track.channels == 2 && track.timescale == 48'000);
    fail_unless_equals_int(sample_length(track, from_hex("fc00")), 960);
    fail_unless_equals_int(sample_length(track, from_hex("fd00")), 1920);
    fail_unless_equals_int(sample_length(track, from_hex("0303")), 1440); // three of 10 ms
    fail_unless_equals_int(sample_length(track, from_hex("1b3f")), 0);    // beyond 120 ms
    fail_unless(configure_opus(ByteView(head).first(18), track).is_error());
    const auto bytes = write_init_segment(std::vector<Track>{track});
    const ByteView group = mp4::in(bytes, {"moov", "trak", "mdia", "minf", "stbl", "sgpd"});
    fail_unless(std::vector<uint8_t>(group.end() - 2, group.end()) == from_hex("fffc"));

    for (const char *before : {"", "80000022", "664c614380000022",
                               "7f464c4143010000"
                               "01664c614300000022"}) {
        auto header = from_hex(before);
        header.insert(header.end(), stream_info.begin(), stream_info.end());
        Track flac;
        fail_unless(configure_flac(header, flac).is_ok(), "%s", before);
        fail_unless(flac.rate == 48'000 && flac.channels == 2);
        auto expected = from_hex("0000000080000022");
        expected.insert(expected.end(), stream_info.begin(), stream_info.end());
        fail_unless(box_of(flac, "fLaC", "dfLa") == expected);
        track = flac;
    }
    fail_unless_equals_int(sample_length(track, from_hex("fff85a8800374e00")), 576 << 3);
    fail_unless_equals_int(sample_length(track, from_hex("fff86a80001f4e")), 0x1F + 1);
    fail_unless_equals_int(sample_length(track, from_hex("fff87a80c2801234")), 0x1235);
    fail_unless_equals_int(sample_length(audio_track(), from_hex("2110")), 1024);
}
GST_END_TEST

GST_START_TEST(test_broken_configurations) {
    Track track;
    const Track before = track;
    const auto cut = [&](const std::vector<uint8_t> &bytes, Result (*configure)(ByteView, Track &),
                         size_t enough) {
        for (size_t size = 0; size < enough; ++size) {
            fail_unless(configure(ByteView(bytes).first(size), track).is_error(), "%zu", size);
            fail_unless(track == before);
        }
    };
    cut(av1_unit, configure_av1, 14);
    cut(vp9_frame, configure_vp9, 9);
    cut(ac3_frame, configure_ac3, 7);
    cut(eac3_frame, configure_eac3, 6);
    cut(stream_info, configure_flac, 34);
    fail_unless(configure_av1(from_hex("0affffffffffffffffff7f00"), track).is_error());
}
GST_END_TEST

static std::vector<cmaf::Sample> frames(size_t count, const Bytes &data) {
    std::vector<cmaf::Sample> list(count);
    for (size_t i = 0; i < count; ++i) {
        list[i].duration = 3600;
        list[i].sync = i == 0;
        list[i].data = data.view().first(10 + i);
    }
    return list;
}

GST_START_TEST(test_fragment) {
    const Bytes data = Bytes::copy_of(std::string(100, 'v'));
    TrackFragment video{1, 900'000, true, frames(3, data)}, audio{2, 480'000, false, {}};
    video.samples[1].composition_offset = 7200;
    video.samples[2].composition_offset = -3600;
    for (int i = 0; i < 4; ++i)
        audio.samples.push_back({1024, 0, true, data.view().first(20)});
    FragmentOptions options;
    options.sequence = 7;
    options.producer_time = ProducerTime{1, ntp_time(1'700'000'000'500'000'000), 900'000};
    Event event;
    event.scheme = "https://aomedia.org/emsg/ID3";
    event.presentation_time = 900'000;
    event.message = Bytes::copy_of(std::string_view("ID3"));
    options.events = std::span(&event, 1);
    const std::array<TrackFragment, 2> tracks{video, audio};
    Bytes out;
    fail_unless(write_fragment(options, tracks, out).is_ok());
    const auto fragments = mp4::read_segment(out);
    fail_unless_equals_int(fragments.size(), 1);
    const mp4::Fragment &f = fragments[0];
    fail_unless(f.styp && f.sequence == 7 && f.events.size() == 1);
    // 1,700,000,000 s after 1970, and half a second.
    fail_unless(f.ntp == (uint64_t(1'700'000'000 + 2'208'988'800) << 32 | 1u << 31));
    const auto &v = f.tracks.at(1);
    fail_unless_equals_int(v.size(), 3);
    fail_unless(v[0].dts == 900'000 && v[0].pts == 900'000 && v[0].sync());
    fail_unless(v[1].dts == 903'600 && v[1].pts == 910'800 && !v[1].sync());
    fail_unless(v[2].dts == 907'200 && v[2].pts == 903'600 && v[2].data.size() == 12);
    const auto &a = f.tracks.at(2);
    fail_unless(a.size() == 4 && a[3].dts == 480'000 + 3 * 1024 && a[3].sync());
    // Flags that Chromium accepts: "depends" and "does not depend" are never both set.
    fail_unless(v[0].flags == 0x02000000 && v[1].flags == 0x01010000);

    // The gather list has the same bytes, without the samples.
    Writer head;
    fail_unless(write_fragment_head(options, tracks, head).is_ok());
    fail_unless_equals_int(head.size() + 10 + 11 + 12 + 4 * 20, out.size());
    fail_unless(std::equal(head.view().begin(), head.view().end(), out.begin()));
}
GST_END_TEST

GST_START_TEST(test_compact_runs) {
    // Durations, sizes and flags that are all equal are written once.
    const Bytes data = Bytes::copy_of(std::string(100, 'a'));
    TrackFragment audio{2, 0, false, {}};
    for (int i = 0; i < 100; ++i)
        audio.samples.push_back({1024, 0, true, data.view().first(20)});
    Writer head;
    fail_unless(write_fragment_head({}, std::span(&audio, 1), head).is_ok());
    fail_unless(head.size() < 150, "%zu bytes", head.size());
    // Keyframes in the middle have their own flags.
    TrackFragment video{1, 0, true, frames(5, data)};
    video.samples[3].sync = true;
    Bytes out;
    fail_unless(write_fragment({}, std::span(&video, 1), out).is_ok());
    const auto fragments = mp4::read_segment(out);
    const auto &read = fragments[0].tracks.at(1);
    for (size_t i = 0; i < 5; ++i)
        fail_unless_equals_int(read[i].sync(), i == 0 || i == 3);
    FragmentOptions chunk;
    chunk.begins_segment = false;
    fail_unless(write_fragment(chunk, std::span(&video, 1), out).is_ok());
    fail_if(mp4::read_segment(out)[0].styp);
    const TrackFragment none;
    fail_unless(write_fragment({}, std::span(&none, 1), out).is_error());
}
GST_END_TEST

static Suite *cmaf_suite() {
    Suite *s = suite_create("cmaf");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_init_segment);
    tcase_add_test(tc, test_properties_of_tracks);
    tcase_add_test(tc, test_checks);
    tcase_add_test(tc, test_video_configurations);
    tcase_add_test(tc, test_audio_configurations);
    tcase_add_test(tc, test_broken_configurations);
    tcase_add_test(tc, test_fragment);
    tcase_add_test(tc, test_compact_runs);
    return s;
}
GST_CHECK_MAIN(cmaf)

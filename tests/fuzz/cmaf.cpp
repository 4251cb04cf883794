// SPDX-License-Identifier: LGPL-2.1-or-later
// Any samples into the CMAF writer, any bytes into the codec configurations. Laws: what is written
// is read back by an independent reader, sample by sample; a configuration that is taken makes an
// init segment that can be read; no sample is longer than its codec allows.
#include "core/cmaf/codec_config.h"
#include "core/cmaf/fragment.h"
#include "core/codec/av1.h"

#include "fuzz/law.h"
#include "unit/mp4_reader.hpp"

#include <algorithm>
#include <array>

using namespace penstock;
using namespace penstock::cmaf;

namespace {

void configure(ByteView bytes) {
    constexpr std::array<Result (*)(ByteView, Track &), 7> functions{
        configure_aac,  configure_opus, configure_flac, configure_ac3,
        configure_eac3, configure_av1,  configure_vp9};
    for (const auto function : functions) {
        Track track;
        const Track before = track;
        if (!function(bytes, track).is_ok()) {
            fuzz::law(track == before, "an error changes nothing");
            continue;
        }
        fuzz::law(sample_length(track, bytes) <= 65'536 * 64, "a frame's length is bounded");
        if (!check(track).is_ok()) continue;
        fuzz::law(!codec_string(track).empty(), "a configuration has a name");
        const mp4::Init init = mp4::read_init(write_init_segment(std::span(&track, 1)));
        fuzz::law(init.tracks.size() == 1 && init.tracks[0].timescale == track.timescale,
                  "the track is read back");
        if (!is_video(track.codec)) continue;
        Track again;
        // The sequence header in an av1C configures the same track again.
        if (track.codec == Codec::av1)
            fuzz::law(configure_av1(ByteView(track.config).subspan(4), again).is_ok() &&
                          again == track,
                      "a record is as good as its frame");
    }
    fuzz::law(codec::without_temporal_delimiters(bytes).size() <= bytes.size(),
              "stripping adds nothing");
}

void write_and_read(Reader in) {
    const ByteView data = in.rest();
    FragmentOptions options;
    options.sequence = in.u32();
    options.begins_segment = in.u8() & 1;
    std::vector<TrackFragment> tracks(in.u8() % 4);
    for (size_t t = 0; t < tracks.size(); ++t) {
        tracks[t].track_id = static_cast<uint32_t>(t + 1);
        tracks[t].decode_time = in.u64() >> 2;
        tracks[t].video = in.u8() & 1;
        tracks[t].samples.resize(in.u8());
        for (Sample &sample : tracks[t].samples) {
            const uint8_t what = in.u8();
            sample.duration = what & 1 ? in.u32() : 1024;
            sample.composition_offset = what & 2 ? static_cast<int32_t>(in.u32()) : 0;
            sample.sync = what & 4;
            sample.data = data.first(std::min<size_t>(what & 8 ? in.u16() : 5, data.size()));
        }
    }
    Event event;
    event.message = Bytes::copy_of(data.first(std::min<size_t>(data.size(), 30)));
    if (options.sequence & 1) options.events = std::span(&event, 1);
    if (options.sequence & 2)
        options.producer_time = ProducerTime{1, ntp_time(int64_t(options.sequence)), 5};
    Bytes out;
    const bool any = std::any_of(tracks.begin(), tracks.end(),
                                 [](const TrackFragment &t) { return !t.samples.empty(); });
    const Result result = write_fragment(options, tracks, out);
    fuzz::law(result.is_ok() == any, "whatever has a sample is written");
    if (!any) return;
    const auto fragments = mp4::read_segment(out);
    fuzz::law(fragments.size() == 1, "one fragment");
    const mp4::Fragment &read = fragments[0];
    fuzz::law(read.sequence == options.sequence && read.styp == options.begins_segment,
              "the options are read back");
    for (const TrackFragment &track : tracks) {
        const auto found = read.tracks.find(track.track_id);
        fuzz::law((found == read.tracks.end()) == track.samples.empty(), "every track is there");
        if (track.samples.empty()) continue;
        fuzz::law(found->second.size() == track.samples.size(), "every sample is there");
        uint64_t time = track.decode_time;
        for (size_t i = 0; i < track.samples.size(); ++i) {
            const Sample &in_ = track.samples[i];
            const mp4::Sample &out_ = found->second[i];
            fuzz::law(out_.dts == time && out_.pts == int64_t(time) + in_.composition_offset,
                      "times are read back");
            fuzz::law(out_.sync() == in_.sync, "flags are read back");
            fuzz::law(
                std::equal(out_.data.begin(), out_.data.end(), in_.data.begin(), in_.data.end()),
                "data are read back");
            time += in_.duration;
        }
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const ByteView bytes(data, size);
    try {
        configure(bytes);
        write_and_read(Reader(bytes));
    } catch (const std::exception &error) {
        fuzz::law(false, error.what());
    }
    return 0;
}

// SPDX-License-Identifier: LGPL-2.1-or-later
// Any bytes as configuration records, SPS, NAL streams, ADTS. Laws: what is written parses to the
// same; parsed values are within bounds; an error appends nothing.
#include "core/codec/aac.h"
#include "core/codec/ac3.h"
#include "core/codec/av1.h"
#include "core/codec/avc.h"
#include "core/codec/keyframe.h"
#include "core/codec/nal_config.h"
#include "core/codec/opus.h"

#include "fuzz/law.h"

#include <algorithm>

using namespace penstock;
using namespace penstock::codec;

namespace {

void check_record(ByteView data) {
    AvcConfig config;
    if (!parse_avc_config(data, config).is_ok()) return;
    const std::vector<uint8_t> written = build_avc_config(config);
    AvcConfig again;
    fuzz::law(parse_avc_config(written, again).is_ok(), "a written record can be read");
    // More than 31 SPS can't have been read.
    fuzz::law(again.sps == config.sps && again.pps == config.pps, "no parameter set is lost");
    fuzz::law(codec_string(config).size() == 11, "codec string");

    std::vector<uint8_t> out = {1};
    const Result result = append_annexb(config, data, true, out);
    fuzz::law(result.is_ok() || out.size() == 1, "an error appends nothing");
}

void check_sps(ByteView data) {
    std::vector<uint8_t> nal(data.begin(), data.end());
    nal.insert(nal.begin(), 0x67);
    AvcSps sps;
    if (!parse_avc_sps(nal, sps).is_ok()) return;
    fuzz::law(sps.width > 0 && sps.width <= 16384 && sps.height > 0 && sps.height <= 16384,
              "a picture has a size");
    fuzz::law(sps.fps_den > 0 && sps.par_den > 0, "no fraction is over zero");
    fuzz::law(sps.fps_num / sps.fps_den <= 480, "no absurd frame rate");
}

// Annex B to lengths and back gives the same NAL units.
void check_nals(ByteView data) {
    std::vector<uint8_t> avcc;
    append_avcc(data, avcc);
    AnnexBReader annexb(data);
    AvccReader lengths(avcc, 4);
    for (ByteView a, b; annexb.next(a);) {
        fuzz::law(!a.empty(), "no NAL unit is empty");
        if (avc_nal_type(a) == avc_aud) continue;
        fuzz::law(lengths.next(b) && std::equal(a.begin(), a.end(), b.begin(), b.end()),
                  "the same NAL units in both framings");
    }
    ByteView none;
    fuzz::law(!lengths.next(none) && !lengths.failed(), "no NAL unit more");
}

void check_aac(ByteView data) {
    AacConfig config;
    if (parse_aac_config(data, config).is_ok()) {
        fuzz::law(config.rate > 0 && config.output_rate > 0 && config.channels > 0 &&
                      config.frame_length > 0,
                  "sound has a rate and channels");
        std::vector<uint8_t> adts;
        if (append_adts(config, data, adts)) {
            AdtsHeader header;
            fuzz::law(parse_adts(adts, header).is_ok(), "a written header can be read");
            fuzz::law(header.frame_size == adts.size(), "a frame has its size");
        }
    }
    AdtsHeader header;
    if (parse_adts(data, header).is_ok())
        fuzz::law(header.frame_size >= header.header_size && header.config.rate > 0,
                  "an ADTS frame has room for its header");
}

void check_enhanced(ByteView data) {
    std::vector<uint8_t> record;
    if (make_av1_config(data, record).is_ok()) {
        Av1Config config;
        fuzz::law(parse_av1_config(record, config).is_ok(), "a written record can be read");
        fuzz::law(config.profile == unsigned(record[1] >> 5) && config.width > 0,
                  "a record has its sequence header");
    }
    Av1Config config;
    (void)parse_av1_config(data, config);
    const ByteView stripped = without_temporal_delimiters(data);
    fuzz::law(stripped.empty() || stripped.data() + stripped.size() == data.data() + data.size(),
              "the end stays");
    fuzz::law(without_temporal_delimiters(stripped).size() == stripped.size(), "all are gone");
    Ac3Header ac3;
    if (parse_ac3(data, ac3).is_ok())
        fuzz::law(ac3.rate >= 8'000 && ac3.channels >= 1 && ac3.channels <= 6 &&
                      ac3.frame_samples >= 256,
                  "AC-3 has a rate and channels");
    fuzz::law(opus_samples(data) <= 5760 && opus_channels(data) <= 2, "an Opus packet is bounded");
}

// Records of codecs with NAL units, and the headers' classification of a frame's units.
void check_nal_configs(ByteView data) {
    for (const NalCodec codec : {NalCodec::avc, NalCodec::hevc, NalCodec::vvc}) {
        NalConfig config;
        std::vector<uint8_t> record;
        if (parse_nal_config(codec, data, config).is_ok() &&
            build_nal_config(codec, config, record).is_ok()) {
            NalConfig again;
            fuzz::law(parse_nal_config(codec, record, again).is_ok(),
                      "a written record can be read");
            fuzz::law(again.length_size == config.length_size && !again.sps.empty(),
                      "a written record says the same");
        }
        NalConfig learnt;
        const std::vector<ByteView> units = split_annexb(data);
        merge_parameter_sets(codec, units, learnt);
        fuzz::law(!merge_parameter_sets(codec, units, learnt), "the same units bring nothing new");
        for (unsigned size = 1; size <= 4; ++size) {
            const NalScan scan = scan_nals(codec, data, size);
            fuzz::law(scan.whole <= data.size(), "units end inside the frame");
            fuzz::law(scan_nals(codec, data.first(scan.whole), size).whole == scan.whole,
                      "what is whole stays whole");
            has_recovery_point(codec, data, size);
            has_only_intra_slices(data, size);
            split_lengths(data, size);
        }
    }
    is_av1_entry(data);
    is_vp9_entry(data);
    is_vp8_entry(data);
    vp8_size(data);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const ByteView bytes(data, size);
    check_record(bytes);
    check_sps(bytes);
    check_nals(bytes);
    check_aac(bytes);
    check_enhanced(bytes);
    check_nal_configs(bytes);
    return 0;
}

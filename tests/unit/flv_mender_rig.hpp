// SPDX-License-Identifier: LGPL-2.1-or-later
// Shared by the tests of the FLV mender: tags of several codecs, and a stream that passes through
// two normalizers.
#pragma once

#include "core/flv/normalizer.h"

#include "check.hpp"
#include "flv_samples.hpp"

namespace mender_test {

using namespace penstock;
using namespace penstock::flv;
using namespace samples;

using Unit = std::vector<uint8_t>;

/// Slices of H.264: first_mb_in_slice 0 and slice_type, then arbitrary bytes.
inline const Unit idr = from_hex("65 88 84 00 11 22"), p_slice = from_hex("41 9a 21 33 44 55 66"),
                  i_slice = from_hex("41 88 80 33 44"), second_idr = from_hex("65 40 11 22"),
                  user_sei = from_hex("06 05 04 00 00 03 00 06 80"),
                  recovery_sei = from_hex("06 05 02 aa bb 06 01 c4 80"),
                  delimiter = from_hex("09 f0");
/// Parameter sets and slices of x265 for 320x180.
inline const Unit hevc_vps = from_hex("40010c01ffff01600000030090000003000003003c959809"),
                  hevc_sps =
                      from_hex("42010101600000030090000003000003003ca00a080b9f796566924caf01680800"
                               "0003000800000300c840"),
                  hevc_pps = from_hex("4401c172b46240"), hevc_idr = from_hex("2801af1d62"),
                  hevc_cra = from_hex("2a01af1d62"), hevc_p = from_hex("0201d01157"),
                  hevc_recovery = from_hex("4e01 06 01 c4 80");

inline Unit lengths(const std::vector<Unit> &units, unsigned size = 4) {
    Unit out;
    for (const Unit &unit : units) {
        for (unsigned i = size; i-- > 0;)
            out.push_back(uint8_t(unit.size() >> 8 * i));
        out.insert(out.end(), unit.begin(), unit.end());
    }
    return out;
}

inline Unit start_codes(const std::vector<Unit> &units, unsigned size = 4) {
    Unit out;
    for (const Unit &unit : units) {
        out.insert(out.end(), size - 1, 0);
        out.push_back(1);
        out.insert(out.end(), unit.begin(), unit.end());
    }
    return out;
}

inline Tag video(uint32_t ms, bool flag, const Unit &payload, uint8_t codec = 7) {
    const uint8_t head[] = {uint8_t((flag ? 0x10 : 0x20) | codec), 1, 0, 0, 0};
    return make_tag(TagType::video, ms, joined({head, payload}));
}

inline Tag extended(uint32_t ms, bool flag, const char (&codec)[5], const Unit &payload,
                    uint8_t type = 3) {
    Writer w;
    w.u8(0x80 | (flag ? 0x10 : 0x20) | type).u32(fourcc(codec)).bytes(payload);
    return make_tag(TagType::video, ms, w.view());
}

inline Tag config_of(const Unit &record, uint8_t codec = 7) {
    const uint8_t head[] = {uint8_t(0x10 | codec), 0, 0, 0, 0};
    return make_tag(TagType::video, 0, joined({head, record}));
}

inline Tag audio(uint32_t ms, const Unit &payload, uint8_t type = 1) {
    const uint8_t head[] = {0xAF, type};
    return make_tag(TagType::audio, ms, joined({head, payload}));
}

/// An ADTS frame of AAC-LC, by default 44.1 kHz and stereo.
inline Unit adts(const Unit &raw, unsigned rate = 44100, uint8_t channels = 2) {
    codec::AacConfig config;
    config.rate = rate;
    config.channel_config = channels;
    Unit out;
    fail_unless(codec::append_adts(config, raw, out));
    return out;
}

struct Stream {
    /// The normalizer's output for a tag. Each output also passes through a second normalizer,
    /// which must not change it.
    std::vector<Tag> push(const Tag &tag) {
        std::vector<Tag> out;
        normalizer.take(Tag(tag), out);
        for (std::string &note : normalizer.take_notes())
            notes.push_back(std::move(note));
        for (const Tag &each : out) {
            std::vector<Tag> again;
            fail_unless(behind.push(each.bytes, again).is_ok());
            fail_unless(again.size() == 1 && again[0].kind == each.kind);
            fail_unless(again[0].bytes.data() == each.bytes.data(), "mended twice");
        }
        return out;
    }
    /// The output for a tag that has exactly one.
    Tag one(const Tag &tag) {
        const auto out = push(tag);
        fail_unless_equals_int(out.size(), 1);
        return out.at(0);
    }
    bool noted(std::string_view text) const {
        return std::any_of(notes.begin(), notes.end(), [&](const std::string &note) {
            return note.find(text) != std::string::npos;
        });
    }
    Normalizer normalizer, behind;
    std::vector<std::string> notes;
};

inline Unit payload_of(const Tag &tag) {
    const auto header = parse_body(tag.type, tag.body());
    fail_unless(header.has_value());
    const ByteView view = tag.body_view().subspan(header->payload, header->payload_size);
    return Unit(view.begin(), view.end());
}

inline bool flag_of(const Tag &tag) {
    return parse_body(tag.type, tag.body())->keyframe;
}

inline void check(const Tag &tag, bool key, const Unit &payload) {
    fail_unless(tag.kind == (key ? TagKind::keyframe : TagKind::frame));
    fail_unless_equals_int(flag_of(tag), key);
    fail_unless(payload_of(tag) == payload);
}

} // namespace mender_test

// SPDX-License-Identifier: LGPL-2.1-or-later
// Programs and their streams, as the tables of a transport stream describe them.
#pragma once

#include "core/bytes/bytes.h"

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace penstock::mpegts {

/// The format of a stream's units.
enum class Codec : uint8_t {
    avc,  ///< H.264, annex B
    hevc, ///< H.265, annex B
    aac,  ///< in ADTS or in LATM: units are raw frames
    mpeg_audio,
    ac3,
    eac3,
    opus,
    scte35,       ///< splice information sections
    id3,          ///< ID3 tags
    klv,          ///< SMPTE 336M
    private_data, ///< PES payloads that the tables say no more about
    unknown,      ///< not taken out
};

constexpr bool is_video(Codec codec) {
    return codec <= Codec::hevc;
}
constexpr bool is_audio(Codec codec) {
    return codec >= Codec::aac && codec <= Codec::opus;
}
constexpr bool is_data(Codec codec) {
    return codec >= Codec::scte35 && codec <= Codec::private_data;
}
/// "H.264", "AAC", …
const char *name_of(Codec codec);

struct ElementaryStream {
    uint16_t pid = 0;
    uint8_t type = 0; ///< stream_type, table 2-34
    Codec codec = Codec::unknown;
    bool is_latm = false;           ///< AAC
    uint8_t opus_config = 0;        ///< channel_config_code
    std::array<char, 4> language{}; ///< ISO 639-2, with a zero behind; empty: not known
    bool operator==(const ElementaryStream &) const = default;
};

struct Program {
    uint16_t number = 0; ///< 1 to 65535
    uint16_t pmt_pid = 0;
    uint16_t pcr_pid = 0; ///< 0x1FFF: no clock
    std::vector<ElementaryStream> streams;
    bool operator==(const Program &) const = default;
};

} // namespace penstock::mpegts

// SPDX-License-Identifier: LGPL-2.1-or-later
// AAC: AudioSpecificConfig (ISO/IEC 14496-3 1.6.2.1) and ADTS headers (ISO/IEC 13818-7 6.2).
#pragma once

#include "core/bytes/bytes.h"
#include "core/bytes/result.h"

#include <array>
#include <string>
#include <vector>

namespace penstock::codec {

/// The content of an AudioSpecificConfig.
struct AacConfig {
    uint8_t object_type = 2;      ///< of the core: 1 Main, 2 LC, 3 SSR, 4 LTP, …
    unsigned rate = 0;            ///< sampling rate of the core; Hz
    uint8_t channel_config = 0;   ///< 1 to 7; 0: no standard layout
    unsigned channels = 0;        ///< channels of the core
    bool sbr = false;             ///< HE-AAC, signalled explicitly or by a sync extension
    bool ps = false;              ///< HE-AAC v2: mono carries stereo
    unsigned output_rate = 0;     ///< sampling rate after SBR, or that of the core without SBR; Hz
    unsigned output_channels = 0; ///< after parametric stereo
    /// Samples per frame of the core: 1024 or 960 (AAC-LD: 512 or 480).
    unsigned frame_length = 1024;
};

/// Parses an AudioSpecificConfig. Errors: truncated, no AAC object type, a rate of 0 or above 384
/// kHz, no channels.
Result parse_aac_config(ByteView asc, AacConfig &config);
/// Builds the two bytes (five for a non-standard rate) for plain AAC without SBR signalling.
std::vector<uint8_t> build_aac_config(uint8_t object_type, unsigned rate, uint8_t channel_config);

inline constexpr size_t adts_header_size = 7;

/// Writes the header (without CRC) for a frame of `payload_size` bytes. Returns false if ADTS can't
/// represent it: more than 8184 bytes, or an object type above 4.
bool write_adts_header(const AacConfig &config, size_t payload_size,
                       std::array<uint8_t, adts_header_size> &out);
/// Appends header and payload; returns false and appends nothing if write_adts_header() fails.
bool append_adts(const AacConfig &config, ByteView payload, std::vector<uint8_t> &out);

struct AdtsHeader {
    AacConfig config;        ///< without SBR, which ADTS does not signal
    size_t header_size = 7;  ///< 9 with a CRC
    size_t frame_size = 0;   ///< bytes, including the header
    unsigned raw_blocks = 1; ///< number of AAC frames it contains
};
/// Parses a header at the beginning of `bytes`; need_more below 7 bytes.
Result parse_adts(ByteView bytes, AdtsHeader &header);

/// RFC 6381: "mp4a.40.2", ".5" with SBR, ".29" with parametric stereo.
std::string codec_string(const AacConfig &config);

} // namespace penstock::codec

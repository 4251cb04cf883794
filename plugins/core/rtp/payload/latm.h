// SPDX-License-Identifier: LGPL-2.1-or-later
// RTP payloads of AAC in LATM (MP4A-LATM) as frames. RFC 6416 5, ISO/IEC 14496-3 1.7.3.
#pragma once

#include "core/codec/bits.h"
#include "core/rtp/payload/payload.h"

#include <optional>

namespace penstock::rtp::payload {

/// What a StreamMuxConfig says.
struct LatmConfig {
    std::vector<uint8_t> audio; ///< the AudioSpecificConfig
    unsigned frames = 1;        ///< in each element, 1 to 64
    bool other_data = false;    ///< follow the frames
    bool operator==(const LatmConfig &) const = default;
};
/// Reads a StreamMuxConfig of one program with one layer and frames of any length. Errors: it is
/// cut short, has more than that, or its audio is not AAC in a standard channel layout.
Result read_latm_config(codec::BitReader &r, LatmConfig &config);

/// Makes raw AAC frames. Packets until one with the marker, or with another timestamp, are one
/// element. An element that did not come whole is left out; the next frame is after a gap.
class LatmDepacketizer final : public Depacketizer {
public:
    /// `frame_ticks`: RTP clock ticks of a frame. Where the fmtp line has cpresent=0 the
    /// configuration is there (configure()); else it is in the stream, and `in_band` is true.
    explicit LatmDepacketizer(bool in_band = false, uint32_t frame_ticks = 1024)
        : in_band_(in_band), frame_ticks_(frame_ticks) {}

    /// Takes the StreamMuxConfig of the fmtp line. Errors as those of read_latm_config().
    Result configure(ByteView stream_mux_config);
    Result push(const Packet &packet, std::vector<Frame> &out) override;
    void flush(std::vector<Frame> &out) override;
    /// The AudioSpecificConfig.
    std::vector<uint8_t> config() const override {
        return config_ ? config_->audio : std::vector<uint8_t>();
    }

private:
    Result read_element(std::vector<Frame> &out);
    Result parse_element(std::vector<Frame> &out);

    const bool in_band_;
    const uint32_t frame_ticks_;
    std::optional<LatmConfig> config_;
    bool config_changed_ = false;
    std::vector<uint8_t> element_; ///< as far as it came
    uint32_t timestamp_ = 0;       ///< of that
    bool broken_ = false;          ///< parts of it are missing
    bool doubtful_ = false;        ///< its first packets may be missing
    bool lost_ = false;            ///< before the next frame
};

} // namespace penstock::rtp::payload

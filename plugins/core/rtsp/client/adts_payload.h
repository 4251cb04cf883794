// SPDX-License-Identifier: LGPL-2.1-or-later
// AAC of cameras that leave ADTS headers on their frames, or send nothing but ADTS, although they
// announce MPEG-4 Generic.
#pragma once

#include "core/rtp/payload/aac.h"

namespace penstock::rtsp {

/// Makes raw frames of payloads in either form. The configuration is that of the description, or
/// that of the ADTS headers where there are any.
class AdtsTolerantAac final : public rtp::payload::Depacketizer {
public:
    AdtsTolerantAac(const rtp::payload::AacFormat &format, ByteView config);

    Result push(const rtp::payload::Packet &packet, std::vector<rtp::payload::Frame> &out) override;
    std::vector<uint8_t> config() const override {
        return adts_config_.empty() ? inner_.config() : adts_config_;
    }

private:
    bool push_adts(const rtp::payload::Packet &packet, std::vector<rtp::payload::Frame> &out);
    void take_config(const std::vector<uint8_t> &config, rtp::payload::Frame &frame);

    rtp::payload::AacDepacketizer inner_;
    const uint32_t frame_ticks_;
    std::vector<uint8_t> adts_config_;
    std::vector<rtp::payload::Frame> frames_; ///< scratch
};

} // namespace penstock::rtsp

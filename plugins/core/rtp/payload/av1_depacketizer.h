// SPDX-License-Identifier: LGPL-2.1-or-later
// RTP payloads of AV1 as temporal units. RTP Payload Format For AV1 1.0 (Alliance for Open Media).
#pragma once

#include "core/rtp/payload/video_depacketizer.h"

namespace penstock::rtp::payload {

/// Makes temporal units in the low-overhead format, without temporal delimiters. All layers of a
/// scalable stream are in them. After a gap a frame is whole only if it begins a coded video
/// sequence.
class Av1Depacketizer final : public VideoDepacketizer {
public:
    /// An av1C record, made of the last sequence header.
    std::vector<uint8_t> config() const override;

private:
    Result add(ByteView payload) override;
    void lose() override;
    bool finish(Frame &frame) override;
    Result add_fragment(ByteView part, bool continues, bool ends);
    Result add_element(ByteView element);

    std::vector<uint8_t> sequence_header_; ///< the unit, with its size
    bool config_changed_ = false;
    std::vector<uint8_t> fragments_; ///< of a unit that is not complete
    bool in_fragments_ = false;
};

} // namespace penstock::rtp::payload

// SPDX-License-Identifier: LGPL-2.1-or-later
// VP9 frames as RTP payloads and back. RFC 9628.
#pragma once

#include "core/rtp/payload/video_depacketizer.h"

#include <array>

namespace penstock::rtp::payload {

/// Cuts frames (or superframes) of a single spatial layer into equal parts, in the non-flexible
/// mode, with a picture id of 15 bits. Keyframes say their size.
class Vp9Packetizer final : public Packetizer {
public:
    /// `budget`: bytes of a payload, clamped to what is valid.
    explicit Vp9Packetizer(size_t budget = default_budget, uint16_t first_picture_id = 0)
        : budget_(valid_budget(budget)), picture_id_(first_picture_id & 0x7FFF) {}

    Result packetize(ByteView frame, bool keyframe, Payloads &out) override;

private:
    const size_t budget_;
    uint16_t picture_id_; ///< of the next frame
};

/// Takes the flexible and the non-flexible mode. A picture of several spatial layers becomes a
/// superframe (VP9 bitstream specification, annex B) of those that came whole, from the lowest to
/// the last one before a gap.
class Vp9Depacketizer final : public VideoDepacketizer {
private:
    static constexpr size_t most_layers = 8;

    Result add(ByteView payload) override;
    void lose() override;
    bool begins_another(ByteView payload) override;
    bool finish(Frame &frame) override;
    void end_layer();
    void append_index();

    std::array<size_t, most_layers> layers_{}; ///< bytes of those that are complete
    size_t complete_ = 0;                      ///< how many are
    bool in_layer_ = false;                    ///< there is one that is not complete
    size_t layer_at_ = 0;                      ///< where that begins in `bytes_`
    bool broken_ = false;                      ///< nothing is to be appended until a frame begins
};

} // namespace penstock::rtp::payload

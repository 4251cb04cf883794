// SPDX-License-Identifier: LGPL-2.1-or-later
// RTP payloads of H.264 and HEVC as frames. RFC 6184 in packetization modes 0 and 1, RFC 7798
// without decoding order numbers (sprop-max-don-diff=0).
#pragma once

#include "core/codec/nal_config.h"
#include "core/rtp/payload/video_depacketizer.h"

namespace penstock::rtp::payload {

/// Makes frames of NAL units with four-byte lengths. Parameter sets in front of a frame are taken
/// out and become the configuration; those that it can't express stay in the frame. Interleaved
/// H.264 (packetization mode 2) is refused, because its units come in another order.
///
/// Keyframes are IDR (or IRAP) pictures and those with a recovery point. After a gap a frame is
/// whole if its first unit proves that nothing is missing in front.
class NalDepacketizer final : public VideoDepacketizer {
public:
    /// `codec` is avc or hevc.
    explicit NalDepacketizer(codec::NalCodec codec) : codec_(codec) {}

    /// Takes parameter sets that were told out of band (sprop-parameter-sets, sprop-vps, …).
    void learn(const std::vector<ByteView> &sets);
    const codec::NalConfig &sets() const { return config_; }
    /// An avcC or hvcC record.
    std::vector<uint8_t> config() const override;

private:
    Result add(ByteView payload) override;
    void lose() override;
    bool ends_with_marker() override;
    bool finish(Frame &frame) override;

    Result add_aggregate(ByteView units);
    Result add_fragment(ByteView payload);
    Result begin_fragments(ByteView head);
    void add_unit(ByteView unit);
    void begin_unit();
    void end_unit();
    void drop_unit();
    void note_start(ByteView unit);
    bool merge_sets();

    const codec::NalCodec codec_;
    codec::NalConfig config_;
    bool config_changed_ = false;
    codec::NalScan scan_;         ///< of the frame's units
    codec::NalConfig::Sets sets_; ///< that came since the last frame with slices
    bool keyframes_have_sets_ = false;
    /// The sender sets the marker on each slice, not on each frame's last packet.
    bool marks_slices_ = false;
    bool in_fragments_ = false; ///< there is a unit whose fragments are coming
    size_t unit_at_ = 0;        ///< where the unit being added has its length in `bytes_`
};

} // namespace penstock::rtp::payload

// SPDX-License-Identifier: LGPL-2.1-or-later
// AAC as RTP payloads and back, in the modes AAC-hbr and AAC-lbr of MPEG-4 Generic. RFC 3640 3.2
// and 3.3.
#pragma once

#include "core/rtp/payload/payload.h"

namespace penstock::rtp::payload {

/// What a stream's fmtp line says (RFC 3640 4.1). The defaults are those of AAC-hbr.
struct AacFormat {
    unsigned size_length = 13;       ///< bits of an access unit's size, 1 to 32
    unsigned index_length = 3;       ///< bits of the first access unit's index, at most 32
    unsigned index_delta_length = 3; ///< bits of the others'
    unsigned cts_delta_length = 0, dts_delta_length = 0;
    bool random_access_indication = false;
    unsigned stream_state_indication = 0; ///< bits
    unsigned auxiliary_data_size_length = 0;
    /// RTP clock ticks of an access unit: its samples, or twice as many where the clock runs at
    /// the rate after SBR.
    uint32_t frame_ticks = 1024;
};

/// One raw frame (access unit) in each payload; one that is too long is cut into equal fragments.
class AacPacketizer final : public Packetizer {
public:
    /// `budget`: bytes of a payload, clamped to what is valid.
    explicit AacPacketizer(size_t budget = default_budget) : budget_(valid_budget(budget)) {}
    /// Errors: also a frame of more than 8191 bytes.
    Result packetize(ByteView frame, bool keyframe, Payloads &out) override;

private:
    const size_t budget_;
};

/// Makes raw frames. Interleaved ones are refused, because they come in another order. A frame
/// whose fragments did not all come is left out; the next one is after a gap.
class AacDepacketizer final : public Depacketizer {
public:
    /// Lengths above 32 bits count as 32. `config`: the AudioSpecificConfig of the fmtp line.
    explicit AacDepacketizer(const AacFormat &format = {}, ByteView config = {});

    Result push(const Packet &packet, std::vector<Frame> &out) override;
    /// The AudioSpecificConfig that the constructor got.
    std::vector<uint8_t> config() const override { return config_; }

private:
    Result add(const Packet &packet, std::vector<Frame> &out);
    Result read_sizes(ByteView headers, size_t bits);
    Result add_units(ByteView data, uint32_t timestamp, std::vector<Frame> &out);
    void emit(ByteView unit, uint32_t timestamp, std::vector<Frame> &out);
    void drop_fragments();

    AacFormat format_;
    const std::vector<uint8_t> config_;
    std::vector<uint32_t> sizes_;    ///< of the access units in the payload
    std::vector<uint8_t> fragments_; ///< of an access unit that is not complete
    size_t whole_size_ = 0;          ///< of that; 0: there is none
    uint32_t fragments_time_ = 0;
    bool lost_ = false; ///< before the next frame
};

} // namespace penstock::rtp::payload

// SPDX-License-Identifier: LGPL-2.1-or-later
// AV1 temporal units as RTP payloads. RTP Payload Format For AV1 1.0 (Alliance for Open Media).
#pragma once

#include "core/rtp/payload/obu.h"
#include "core/rtp/payload/payload.h"

namespace penstock::rtp::payload {

/// Takes temporal units in the low-overhead format. Units lose their size fields; temporal
/// delimiters, tile lists and padding are left out. Before a keyframe without a sequence header
/// comes that of the configuration.
class Av1Packetizer final : public Packetizer {
public:
    /// `budget`: bytes of a payload, clamped to what is valid.
    explicit Av1Packetizer(size_t budget = default_budget) : budget_(valid_budget(budget)) {}

    /// An av1C record of at most 4096 bytes.
    Result configure(ByteView record) override;
    Result packetize(ByteView frame, bool keyframe, Payloads &out) override;

private:
    /// An open bitstream unit as it is sent.
    struct Element {
        Obu obu; ///< whose header has no size flag
        bool of_frame = true;
        size_t size() const { return obu.header_size + obu.payload.size(); }
    };
    /// A part of an element within one payload.
    struct Part {
        size_t element, at, size;
    };
    Result split(ByteView frame, bool &keyframe);
    void put(const Part &part, Payloads &out) const;

    const size_t budget_;
    std::vector<uint8_t> config_;   ///< units of the configuration
    std::vector<Element> elements_; ///< of the frame being packetized
    std::vector<Part> parts_;       ///< of the payload being made
};

} // namespace penstock::rtp::payload

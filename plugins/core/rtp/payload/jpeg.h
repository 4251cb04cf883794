// SPDX-License-Identifier: LGPL-2.1-or-later
// RTP payloads of JPEG (RFC 2435) as complete JPEG images.
#pragma once

#include "core/bytes/reader.h"
#include "core/rtp/payload/video_depacketizer.h"

#include <array>
#include <optional>

namespace penstock::rtp::payload {

/// Makes baseline JPEG images: the payloads have no headers of theirs, but say what these contain.
/// An image whose fragments did not all come is damaged. Types 0 and 1, with or without restart
/// markers, of at most 2040 x 2040 pixels.
class JpegDepacketizer final : public VideoDepacketizer {
public:
    /// The size in pixels, if it is told elsewhere: payloads tell it in multiples of 8. 0: not
    /// known.
    explicit JpegDepacketizer(unsigned width = 0, unsigned height = 0)
        : width_(width), height_(height) {}

private:
    /// The main header (3.1) of an image's first fragment, and its restart interval (3.1.7).
    struct Header {
        uint8_t type = 0;      ///< without the bit for restart markers
        unsigned width = 0;    ///< pixels
        unsigned height = 0;   ///< pixels
        uint16_t interval = 0; ///< of restart markers; 0: none
    };
    static constexpr size_t table_size = 64;
    using Tables = std::array<uint8_t, 2 * table_size>; ///< luminance and chrominance, zigzag

    Result add(ByteView payload) override;
    void lose() override {}
    bool finish(Frame &frame) override;
    Result begin_image(const Header &header, uint8_t q, Reader &r);
    std::optional<Tables> tables_of(uint8_t q, Reader &r);

    const unsigned width_, height_;
    std::array<std::optional<Tables>, 127> known_; ///< of Q 128 to 254, which are told once
    size_t head_size_ = 0;                         ///< of `bytes_`, what the payloads do not have
};

} // namespace penstock::rtp::payload

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/mpegts/latm.h"

#include "core/codec/bits.h"

#include <algorithm>

namespace penstock::mpegts {
namespace {

using codec::BitReader;
using codec::BitWriter;

enum : unsigned { aot_sbr = 5, aot_ps = 29 };

/// Copies `count` bits, at whatever place they begin.
std::vector<uint8_t> copy_bits(BitReader &r, size_t count) {
    BitWriter w;
    for (; count >= 8 && !r.failed(); count -= 8)
        w.u(8, r.u(8));
    if (count > 0) w.u(static_cast<unsigned>(count), r.u(static_cast<unsigned>(count)));
    return w.take();
}

/// LatmGetValue: a number of one to four bytes.
uint32_t read_value(BitReader &r) {
    uint32_t value = 0;
    for (unsigned more = r.u(2) + 1; more > 0; --more)
        value = value << 8 | r.u(8);
    return value;
}

void skip_rate(BitReader &r) {
    if (r.u(4) == 15) r.skip(24);
}

/// Moves behind an AudioSpecificConfig whose length is not told. Of GASpecificConfig only what
/// broadcasts have: a channel layout of its own is none of that.
bool skip_config(BitReader &r) {
    unsigned type = r.u(5);
    if (type == 31) return false;
    skip_rate(r);
    const unsigned channels = r.u(4);
    if (type == aot_sbr || type == aot_ps) {
        skip_rate(r);
        type = r.u(5);
    }
    if (type < 1 || type > 4 || channels == 0) return false;
    r.skip(1); // frameLengthFlag
    if (r.flag()) r.skip(14);
    const bool has_extension = r.flag();
    return !has_extension && !r.failed();
}

struct StreamMux {
    unsigned subframes = 1;
    std::vector<uint8_t> config;
};

Result read_stream_mux(ByteView element, BitReader &r, StreamMux &mux) {
    const bool version_1 = r.flag();
    if (version_1 && r.flag()) return Result::error("LATM of a reserved version");
    if (version_1) read_value(r); // taraBufferFullness
    if (!r.flag()) return Result::error("LATM without the same time framing for all streams");
    mux.subframes = r.u(6) + 1;
    if (r.u(4) != 0 || r.u(3) != 0) return Result::error("LATM with several programs or layers");
    const size_t told = version_1 ? read_value(r) : 0;
    const size_t from = r.position();
    if (!version_1) {
        BitReader ahead(element);
        ahead.skip(from);
        if (!skip_config(ahead)) return Result::error("LATM with a configuration that is not AAC");
        mux.config = copy_bits(r, ahead.position() - from);
    } else {
        if (told > r.remaining()) return Result::error("LATM that is cut short");
        mux.config = copy_bits(r, told);
    }
    if (r.u(3) != 0) return Result::error("LATM with frames of a fixed length");
    r.skip(8); // latmBufferFullness
    if (r.flag()) {
        // The number of other bits, which are behind the frames.
        if (version_1) {
            read_value(r);
        } else {
            for (bool more = true; more && !r.failed();) {
                more = r.flag();
                r.skip(8);
            }
        }
    }
    if (r.flag()) r.skip(8); // checksum
    return r.failed() ? Result::error("LATM that is cut short") : Result::ok();
}

} // namespace

size_t loas_size(ByteView b) {
    if (b.size() < loas_head || b[0] != 0x56 || (b[1] & 0xE0) != 0xE0) return 0;
    return loas_head + (size_t(b[1] & 0x1F) << 8 | b[2]);
}

Result LatmReader::read(ByteView element, std::vector<std::vector<uint8_t>> &frames) {
    BitReader r(element);
    const bool same_mux = r.flag();
    if (!same_mux) {
        StreamMux mux;
        if (Result result = read_stream_mux(element, r, mux); !result.is_ok()) return result;
        if (mux.config != config_) {
            codec::AacConfig aac;
            if (Result result = codec::parse_aac_config(mux.config, aac); !result.is_ok())
                return result;
            config_ = std::move(mux.config);
            aac_ = aac;
        }
        subframes_ = mux.subframes;
    }
    if (config_.empty()) return Result::error("LATM whose configuration has not come");
    for (unsigned i = 0; i < subframes_; ++i) {
        size_t length = 0;
        for (uint32_t part = 255; part == 255 && !r.failed();) {
            part = r.u(8);
            length += part;
        }
        if (r.failed() || length * 8 > r.remaining())
            return Result::error("LATM that is cut short");
        if (length > 0) frames.push_back(copy_bits(r, length * 8));
    }
    return Result::ok();
}

} // namespace penstock::mpegts

// SPDX-License-Identifier: LGPL-2.1-or-later
// Reads LATM bit by bit, since nothing in it is aligned. Lengths are checked against the element,
// which is bounded.
#include "core/rtp/payload/latm.h"

#include "core/codec/aac.h"

namespace penstock::rtp::payload {
namespace {

constexpr size_t max_element = 64 * 1024;     // bytes
constexpr unsigned max_audio_config = 64 * 8; // bits
constexpr unsigned rate_escape = 15;
constexpr size_t shortest_end = 13; // bits of a configuration behind its audio's

enum : uint8_t { aot_sbr = 5, aot_ps = 29 };

// LatmGetValue, 1.7.3.
uint32_t read_value(codec::BitReader &r) {
    return r.u((r.u(2) + 1) * 8);
}

void skip_rate(codec::BitReader &r) {
    if (r.u(4) == rate_escape) r.skip(24);
}

// Moves over an AudioSpecificConfig whose length is not told (1.6.2.1, 4.4.1); false if that would
// need more than the usual cases.
bool skip_audio_config(codec::BitReader &r) {
    unsigned type = r.u(5);
    skip_rate(r);
    const unsigned layout = r.u(4);
    if (type == aot_sbr || type == aot_ps) {
        skip_rate(r);
        type = r.u(5);
    }
    if (type == 0 || type > 4 || layout == 0) return false;
    r.skip(1);                // frameLengthFlag
    if (r.flag()) r.skip(14); // coreCoderDelay
    if (r.flag()) return false;
    // Some senders keep the extension by which a configuration of its own tells HE-AAC (1.6.2.1).
    // The other fields that may follow never begin with its mark.
    codec::BitReader ahead = r;
    if (ahead.u(11) != 0x2B7 || ahead.u(5) != aot_sbr) return !r.failed();
    r = ahead;
    if (!r.flag()) return !r.failed();
    skip_rate(r);
    ahead = r;
    if (ahead.u(11) == 0x548) r.skip(12);
    return !r.failed();
}

// Moves over the length of data that are not audio, which follow the frames of each element.
bool skip_other(codec::BitReader &r, bool version) {
    if (version) return read_value(r), true;
    for (unsigned i = 0; i < 4; ++i) {
        const bool more = r.flag(); // otherDataLenEsc
        r.skip(8);
        if (!more) return true;
    }
    return false;
}

// Copies bits; the last byte is padded with zeros.
std::vector<uint8_t> copy_bits(codec::BitReader r, size_t bits) {
    codec::BitWriter w;
    for (; bits >= 8; bits -= 8)
        w.u(8, r.u(8));
    const auto rest = static_cast<unsigned>(bits);
    w.u(rest, r.u(rest));
    return w.take();
}

} // namespace

Result read_latm_config(codec::BitReader &r, LatmConfig &config) {
    const bool version = r.flag();
    if (version && r.flag()) return Result::error("LATM of an unknown version");
    if (version) read_value(r); // taraBufferFullness
    const bool same_framing = r.flag();
    LatmConfig read;
    read.frames = r.u(6) + 1;
    const unsigned programs = r.u(4) + 1, layers = r.u(3) + 1;
    if (r.failed()) return Result::error("a LATM configuration that is cut short");
    if (!same_framing || programs > 1 || layers > 1)
        return Result::error("LATM of several programs or layers is not supported");
    size_t bits = version ? read_value(r) : 0;
    const codec::BitReader start = r;
    if (version) {
        if (bits > max_audio_config) return Result::error("a LATM configuration that is too long");
        r.skip(bits);
    } else {
        if (!skip_audio_config(r) && !r.failed())
            return Result::error("LATM of an unusual kind of audio is not supported");
        bits = r.position() - start.position();
    }
    if (r.failed()) return Result::error("a LATM configuration that is cut short");
    read.audio = copy_bits(start, bits);
    codec::AacConfig audio;
    if (Result result = codec::parse_aac_config(read.audio, audio); !result.is_ok()) return result;
    // Some senders end here: frames of any length, and nothing else.
    if (r.remaining() < shortest_end) {
        config = std::move(read);
        return Result::ok();
    }
    if (r.u(3) != 0) return Result::error("LATM with frames of fixed length is not supported");
    r.skip(8); // latmBufferFullness
    read.other_data = r.flag();
    if (read.other_data && !skip_other(r, version))
        return Result::error("a LATM configuration with too many other data");
    if (r.flag()) r.skip(8); // crcCheckSum
    if (r.failed()) return Result::error("a LATM configuration that is cut short");
    config = std::move(read);
    return Result::ok();
}

Result LatmDepacketizer::configure(ByteView stream_mux_config) {
    codec::BitReader r(stream_mux_config);
    LatmConfig config;
    if (Result result = read_latm_config(r, config); !result.is_ok()) return result;
    config_changed_ = config_changed_ || config_ != config;
    config_ = std::move(config);
    return Result::ok();
}

Result LatmDepacketizer::push(const Packet &packet, std::vector<Frame> &out) {
    const bool other_time = packet.timestamp != timestamp_;
    Result result = Result::ok();
    if (packet.lost_before) {
        element_.clear();
        lost_ = true;
        broken_ = !other_time;
        doubtful_ = true;
    } else if (other_time) {
        result = read_element(out);
        broken_ = false;
    }
    if (packet.payload.empty()) return result;
    timestamp_ = packet.timestamp;
    if (element_.size() + packet.payload.size() > max_element) {
        element_.clear();
        broken_ = lost_ = true;
        return Result::error("a LATM element that is too long");
    }
    if (!broken_) element_.insert(element_.end(), packet.payload.begin(), packet.payload.end());
    if (!packet.marker) return result;
    broken_ = false;
    Result last = read_element(out);
    return last.is_error() ? last : result;
}

void LatmDepacketizer::flush(std::vector<Frame> &out) {
    (void)read_element(out);
}

Result LatmDepacketizer::read_element(std::vector<Frame> &out) {
    if (element_.empty()) return Result::ok();
    Result result = parse_element(out);
    if (result.is_error()) lost_ = true;
    element_.clear();
    // Of an element whose beginning was lost nothing else can be expected.
    return std::exchange(doubtful_, false) ? Result::ok() : result;
}

// AudioMuxElement and PayloadMux, 1.7.3.
Result LatmDepacketizer::parse_element(std::vector<Frame> &out) {
    codec::BitReader r(element_);
    if (in_band_ && !r.flag()) { // useSameStreamMux
        LatmConfig config;
        if (Result result = read_latm_config(r, config); !result.is_ok()) return result;
        config_changed_ = config_changed_ || config_ != config;
        config_ = std::move(config);
    }
    if (!config_) {
        lost_ = true; // the configuration is still to come
        return Result::ok();
    }
    std::vector<Frame> frames;
    for (unsigned i = 0; i < config_->frames; ++i) {
        size_t size = 0;
        for (uint32_t byte = 255; byte == 255;)
            size += byte = r.u(8);
        if (r.failed() || size * 8 > r.remaining())
            return Result::error("a LATM element that is cut short");
        Frame frame;
        frame.bytes = Bytes::adopt(copy_bits(r, size * 8));
        r.skip(size * 8);
        frame.timestamp = timestamp_ + i * frame_ticks_;
        frame.keyframe = true;
        if (frame.bytes.empty()) continue;
        frames.push_back(std::move(frame));
    }
    // The rest of an element whose beginning was lost seldom ends where it seems to.
    if (doubtful_ && !config_->other_data && r.remaining() >= 8)
        return Result::error("a part of a LATM element");
    for (Frame &frame : frames) {
        frame.after_gap = std::exchange(lost_, false);
        frame.config_changed = std::exchange(config_changed_, false);
        out.push_back(std::move(frame));
    }
    return Result::ok();
}

} // namespace penstock::rtp::payload

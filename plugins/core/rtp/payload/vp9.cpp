// SPDX-License-Identifier: LGPL-2.1-or-later
// Writes and reads VP9's payload descriptors; makes superframes of layers.
#include "core/rtp/payload/vp9.h"

#include "core/bytes/reader.h"
#include "core/codec/bits.h"
#include "core/codec/keyframe.h"

namespace penstock::rtp::payload {
namespace {

// RFC 9628 4.2.
enum : uint8_t {
    has_picture_id = 0x80,
    is_inter_predicted = 0x40,
    has_layers = 0x20,
    is_flexible = 0x10,
    begins_layer = 0x08,
    ends_layer = 0x04,
    has_structure = 0x02,
};
constexpr size_t descriptor_size = 3, structure_size = 5; // of ours
constexpr unsigned most_references = 3;

struct Descriptor {
    bool begins = false, ends = false;
    unsigned layer = 0; ///< spatial
};

// Reads up to the frame's bytes; false if the descriptor is cut short or impossible.
bool read_descriptor(Reader &r, Descriptor &out) {
    const uint8_t head = r.u8();
    out.begins = head & begins_layer;
    out.ends = head & ends_layer;
    if ((head & has_picture_id) && (r.u8() & 0x80)) r.skip(1);
    if (head & has_layers) {
        out.layer = r.u8() >> 1 & 7;
        if (!(head & is_flexible)) r.skip(1); // TL0PICIDX
    }
    if ((head & is_flexible) && (head & is_inter_predicted)) {
        unsigned references = 1;
        while ((r.u8() & 1) && !r.failed())
            if (++references > most_references) return false;
    }
    if (head & has_structure) {
        const uint8_t structure = r.u8();
        if (structure & 0x10) r.skip(4 * size_t((structure >> 5) + 1)); // sizes
        if (structure & 0x08)
            for (unsigned frames = r.u8(); frames > 0 && !r.failed(); --frames)
                r.skip(r.u8() >> 2 & 3);
    }
    return !r.failed();
}

struct Size {
    unsigned width = 0, height = 0; ///< pixels, up to 65536; 0: unknown
};

// The size of a keyframe. VP9 bitstream specification 6.2, 6.2.2 and 6.2.3.
Size size_of(ByteView frame) {
    codec::BitReader r(frame);
    r.skip(2); // frame_marker
    const bool low = r.flag(), high = r.flag();
    const unsigned profile = unsigned(high) << 1 | low;
    r.skip(profile == 3 ? 5 : 4); // up to error_resilient_mode
    if (r.u(24) != 0x498342) return {};
    if (profile >= 2) r.skip(1); // bit depth
    constexpr unsigned rgb = 7;
    const bool is_rgb = r.u(3) == rgb;
    if (!is_rgb) r.skip(1); // range
    if (profile & 1) r.skip(is_rgb ? 1 : 3);
    const unsigned width = r.u(16) + 1, height = r.u(16) + 1;
    return r.failed() ? Size() : Size{width, height};
}

} // namespace

Result Vp9Packetizer::packetize(ByteView frame, bool keyframe, Payloads &out) {
    out.clear();
    if (frame.empty()) return Result::error("an empty VP9 frame");
    if (frame.size() > max_frame) return Result::error("a frame that is too long for RTP");
    keyframe = codec::is_vp9_entry(frame).value_or(keyframe);
    const Size size = keyframe ? size_of(frame) : Size();
    // The first payload has as many bytes as the others, in spite of its longer descriptor.
    const size_t longer = size.width > 0 ? structure_size : 0;
    const EqualParts parts = equal_parts(frame.size() + longer, budget_ - descriptor_size);
    const uint8_t common = has_picture_id | (keyframe ? 0 : is_inter_predicted);
    for (size_t at = 0; at < frame.size();) {
        const size_t most = at == 0 && parts.size > longer ? parts.size - longer : parts.size;
        const ByteView part = frame.subspan(at, std::min(most, frame.size() - at));
        const bool begins = at == 0, ends = at + part.size() == frame.size();
        const bool with_size = begins && size.width > 0;
        out.start();
        out.own({static_cast<uint8_t>(common | (begins ? begins_layer : 0) |
                                      (ends ? ends_layer : 0) | (with_size ? has_structure : 0)),
                 static_cast<uint8_t>(0x80 | picture_id_ >> 8), static_cast<uint8_t>(picture_id_)});
        if (with_size) // of one layer; no description of a group of pictures
            out.own({0x10, static_cast<uint8_t>(size.width >> 8), static_cast<uint8_t>(size.width),
                     static_cast<uint8_t>(size.height >> 8), static_cast<uint8_t>(size.height)});
        out.refer(part);
        at += part.size();
    }
    out.mark();
    picture_id_ = (picture_id_ + 1) & 0x7FFF;
    return Result::ok();
}

Result Vp9Depacketizer::add(ByteView payload) {
    Reader r(payload);
    Descriptor descriptor;
    if (!read_descriptor(r, descriptor) || r.remaining() == 0) {
        lose();
        return Result::error("a VP9 payload that is cut short");
    }
    if (descriptor.begins) {
        if (in_layer_) end_layer(); // the sender does not tell ends
        if (complete_ == 0 && (descriptor.layer == 0 || (begin_seen_ && !damaged_))) {
            broken_ = false;
            begin_seen_ = true;
        }
        if (complete_ == most_layers) {
            broken_ = true;
            return Result::error("a VP9 picture of more than eight layers");
        }
        layer_at_ = bytes_.size();
        in_layer_ = !broken_;
    } else if (!in_layer_ && !broken_) {
        broken_ = true;
        if (begin_seen_ && !damaged_) return Result::error("a VP9 frame without its beginning");
    }
    if (broken_) {
        damaged_ = true;
        return Result::ok();
    }
    if (!append(r.rest())) {
        lose();
        return Result::error("a frame that is too long");
    }
    if (descriptor.ends) end_layer();
    return Result::ok();
}

// Gives up the layer that is not complete, and those above it, which depend on it.
void Vp9Depacketizer::lose() {
    if (in_layer_) bytes_.resize(layer_at_);
    in_layer_ = false;
    broken_ = true;
}

void Vp9Depacketizer::end_layer() {
    layers_[complete_++] = bytes_.size() - layer_at_;
    in_layer_ = false;
}

bool Vp9Depacketizer::begins_another(ByteView payload) {
    Reader r(payload);
    Descriptor descriptor;
    return (in_layer_ || complete_ > 0) && read_descriptor(r, descriptor) && descriptor.begins &&
           descriptor.layer == 0;
}

// Tells a decoder where the frames of a superframe are (annex B.2).
void Vp9Depacketizer::append_index() {
    const size_t largest = *std::max_element(layers_.begin(), layers_.begin() + complete_);
    unsigned bytes = 1;
    while (largest >> 8 * bytes)
        ++bytes;
    const auto marker = static_cast<uint8_t>(0xC0 | (bytes - 1) << 3 | (complete_ - 1));
    bytes_.push_back(marker);
    for (size_t i = 0; i < complete_; ++i)
        for (unsigned shift = 0; shift < 8 * bytes; shift += 8)
            bytes_.push_back(static_cast<uint8_t>(layers_[i] >> shift));
    bytes_.push_back(marker);
}

bool Vp9Depacketizer::finish(Frame &frame) {
    if (in_layer_ && frame.damaged)
        lose();
    else if (in_layer_)
        end_layer();
    if (complete_ > 1) append_index();
    complete_ = 0;
    broken_ = false;
    if (bytes_.empty()) return frame.damaged;
    frame.keyframe = codec::is_vp9_entry(bytes_).value_or(false);
    return true;
}

} // namespace penstock::rtp::payload

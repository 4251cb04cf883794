// SPDX-License-Identifier: LGPL-2.1-or-later
// Writes and reads the access unit headers of MPEG-4 Generic. Their number and the sizes that they
// tell are checked against the payload.
#include "core/rtp/payload/aac.h"

#include "core/bytes/reader.h"
#include "core/codec/bits.h"

namespace penstock::rtp::payload {
namespace {

constexpr size_t largest_unit = 8191; // 13 bits
constexpr size_t headers_size = 4;    // of ours: AU-headers-length, one header
constexpr size_t most_units = 256;    // in a payload

} // namespace

Result AacPacketizer::packetize(ByteView frame, bool, Payloads &out) {
    out.clear();
    if (frame.empty()) return Result::error("an empty AAC frame");
    if (frame.size() > largest_unit) return Result::error("an AAC frame that is too long for RTP");
    const EqualParts parts = equal_parts(frame.size(), budget_ - headers_size);
    for (size_t at = 0; at < frame.size(); at += parts.size) {
        out.start();
        // A fragment tells the size of the whole (3.2.1.1).
        out.own({0, 16, static_cast<uint8_t>(frame.size() >> 5),
                 static_cast<uint8_t>(frame.size() << 3)});
        out.refer(frame.subspan(at, std::min(parts.size, frame.size() - at)));
    }
    out.mark();
    return Result::ok();
}

AacDepacketizer::AacDepacketizer(const AacFormat &format, ByteView config)
    : format_(format), config_(config.begin(), config.end()) {
    for (unsigned *length :
         {&format_.size_length, &format_.index_length, &format_.index_delta_length,
          &format_.cts_delta_length, &format_.dts_delta_length, &format_.stream_state_indication,
          &format_.auxiliary_data_size_length})
        *length = std::min(*length, 32u);
    format_.size_length = std::max(format_.size_length, 1u);
}

Result AacDepacketizer::push(const Packet &packet, std::vector<Frame> &out) {
    if (packet.lost_before) {
        drop_fragments();
        lost_ = true;
    }
    if (packet.payload.empty()) return Result::ok();
    Result result = add(packet, out);
    if (result.is_error()) {
        drop_fragments();
        lost_ = true;
    }
    return result;
}

Result AacDepacketizer::add(const Packet &packet, std::vector<Frame> &out) {
    Reader r(packet.payload);
    const size_t bits = r.u16();
    const ByteView headers = r.take((bits + 7) / 8);
    if (r.failed()) return Result::error("an AAC payload that is cut short");
    if (Result result = read_sizes(headers, bits); !result.is_ok()) return result;
    if (format_.auxiliary_data_size_length > 0) {
        codec::BitReader auxiliary(r.rest());
        auxiliary.skip(auxiliary.u(format_.auxiliary_data_size_length));
        auxiliary.align();
        if (auxiliary.failed()) return Result::error("auxiliary data that are cut short");
        r.skip(auxiliary.position() / 8);
    }
    return add_units(r.rest(), packet.timestamp, out);
}

// 3.2.1: the headers of all access units.
Result AacDepacketizer::read_sizes(ByteView headers, size_t bits) {
    sizes_.clear();
    codec::BitReader r(headers);
    while (r.position() < bits) {
        const bool is_first = sizes_.empty();
        const uint32_t size = r.u(format_.size_length);
        const uint32_t index = r.u(is_first ? format_.index_length : format_.index_delta_length);
        if (format_.cts_delta_length > 0 && r.flag()) r.skip(format_.cts_delta_length);
        if (format_.dts_delta_length > 0 && r.flag()) r.skip(format_.dts_delta_length);
        if (format_.random_access_indication) r.skip(1);
        r.skip(format_.stream_state_indication);
        if (r.failed() || r.position() > bits)
            return Result::error("AAC access unit headers that are cut short");
        if (index != 0) return Result::error("interleaved AAC is not supported");
        if (sizes_.size() == most_units) return Result::error("too many AAC frames in a payload");
        sizes_.push_back(size);
    }
    return sizes_.empty() ? Result::error("an AAC payload without access units") : Result::ok();
}

Result AacDepacketizer::add_units(ByteView data, uint32_t timestamp, std::vector<Frame> &out) {
    const bool continues =
        whole_size_ > 0 && sizes_.size() == 1 && timestamp == fragments_time_ && !data.empty();
    if (whole_size_ > 0 && !continues) drop_fragments();
    if (sizes_.size() == 1 && (continues || sizes_[0] > data.size())) {
        if (data.empty()) return Result::error("a fragment without data");
        if (sizes_[0] > max_frame) return Result::error("a frame that is too long");
        if (continues && sizes_[0] != whole_size_)
            return Result::error("fragments of different AAC frames");
        // The end of a frame whose beginning was lost looks like the beginning of one.
        whole_size_ = sizes_[0];
        fragments_time_ = timestamp;
        const size_t missing = whole_size_ - fragments_.size();
        const ByteView part = data.first(std::min(missing, data.size()));
        fragments_.insert(fragments_.end(), part.begin(), part.end());
        if (fragments_.size() < whole_size_) return Result::ok();
        emit(fragments_, timestamp, out);
        fragments_.clear();
        whole_size_ = 0;
        return Result::ok();
    }
    for (const uint32_t size : sizes_) {
        if (size > data.size()) return Result::error("an AAC frame that is cut short");
        if (size > 0) emit(data.first(size), timestamp, out);
        data = data.subspan(size);
        timestamp += format_.frame_ticks;
    }
    return Result::ok();
}

void AacDepacketizer::emit(ByteView unit, uint32_t timestamp, std::vector<Frame> &out) {
    Frame frame;
    frame.bytes = Bytes::copy_of(unit);
    frame.timestamp = timestamp;
    frame.keyframe = true;
    frame.after_gap = std::exchange(lost_, false);
    out.push_back(std::move(frame));
}

void AacDepacketizer::drop_fragments() {
    lost_ = lost_ || whole_size_ > 0;
    fragments_.clear();
    whole_size_ = 0;
}

} // namespace penstock::rtp::payload

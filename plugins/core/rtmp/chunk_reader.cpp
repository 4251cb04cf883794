// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/rtmp/chunk_reader.h"

#include "core/bytes/reader.h"

#include <algorithm>
#include <string>

namespace penstock::rtmp {
namespace {

constexpr uint32_t extended_mark = 0xFFFFFF;
constexpr size_t first_block = 4096;

uint32_t basic_header_size(uint8_t first) {
    const uint8_t low = first & 0x3F;
    return low == 0 ? 2 : low == 1 ? 3 : 1;
}

std::string name_of(uint32_t chunk_stream) {
    return "chunk stream " + std::to_string(chunk_stream);
}

} // namespace

size_t ChunkReader::memory() const {
    size_t sum = 0;
    for (const Stream &stream : streams_)
        sum += stream.framed.capacity();
    return sum;
}

size_t ChunkReader::find(uint32_t id) const {
    const auto it = std::find_if(streams_.begin(), streams_.end(),
                                 [&](const Stream &stream) { return stream.id == id; });
    return static_cast<size_t>(it - streams_.begin());
}

Result ChunkReader::feed(ByteView input) {
    for (;;) {
        if (in_payload_) {
            const Result result = take_payload(input);
            if (!result.is_ok()) return result.needs_more() ? Result::ok() : result;
            continue;
        }
        const size_t need = header_need();
        if (head_size_ < need) {
            if (input.empty()) return Result::ok();
            const size_t count = std::min(need - head_size_, input.size());
            std::copy_n(input.begin(), count, head_.begin() + head_size_);
            head_size_ += count;
            input = input.subspan(count);
            continue;
        }
        const Result result = begin_chunk();
        if (!result.is_ok()) return result;
    }
}

/// The size of the chunk header in head_, as far as its bytes tell.
size_t ChunkReader::header_need() const {
    if (head_size_ == 0) return 1;
    const size_t basic = basic_header_size(head_[0]);
    if (head_size_ < basic) return basic;
    static constexpr size_t message_header[] = {11, 7, 3, 0};
    const unsigned format = head_[0] >> 6;
    const size_t fixed = basic + message_header[format];
    if (head_size_ < fixed) return fixed;
    bool extended = false;
    if (format == 3) {
        const uint32_t id = basic == 1   ? head_[0] & 0x3F
                            : basic == 2 ? head_[1] + 64
                                         : head_[1] + head_[2] * 256 + 64;
        const size_t index = find(id);
        extended = index < streams_.size() && streams_[index].extended;
    } else {
        extended = Reader(ByteView(head_).subspan(basic)).u24() == extended_mark;
    }
    return fixed + (extended ? 4 : 0);
}

/// Processes the complete chunk header in head_.
Result ChunkReader::begin_chunk() {
    Reader in(ByteView(head_).first(head_size_));
    head_size_ = 0;
    const uint8_t first = in.u8();
    const unsigned format = first >> 6;
    uint32_t id = first & 0x3F;
    if (id == 0) {
        id = in.u8() + 64;
    } else if (id == 1) {
        id = in.u8() + 64;
        id += in.u8() * 256;
    }

    current_ = find(id);
    if (current_ == streams_.size()) {
        // librtmp starts the control stream with format 1, which is tolerated only there.
        if (format != 0 && !(format == 1 && id == chunk_stream::control))
            return Result::error(name_of(id) + " begins with a header of format " +
                                 std::to_string(format) + ", which needs an earlier one");
        if (streams_.size() >= limits_.max_chunk_streams)
            return Result::error("more than " + std::to_string(limits_.max_chunk_streams) +
                                 " chunk streams");
        streams_.emplace_back().id = id;
    }
    Stream &stream = streams_[current_];

    if (format == 3) {
        const ByteView repeated = in.rest();
        const uint32_t field = stream.extended ? in.u32() : stream.field;
        if (stream.receiving) {
            in_payload_ = true;
            chunk_left_ = std::min<size_t>(chunk_size_, stream.length - stream.received);
            if (stream.extended && field != stream.field && field != stream.timestamp) {
                // Old encoders do not repeat the extended timestamp, so these bytes are payload.
                // Four bytes can't contain another extended header, so this call does not recurse
                // further.
                std::array<uint8_t, 4> payload;
                std::copy(repeated.begin(), repeated.end(), payload.begin());
                return feed(payload);
            }
            return Result::ok();
        }
        stream.field = field;
        stream.timestamp += field;
        return begin_message(stream);
    }

    if (stream.receiving) return Result::error(name_of(id) + ": a message begins inside another");
    uint32_t field = in.u24();
    if (format <= 1) {
        stream.length = in.u24();
        stream.type = in.u8();
    }
    if (format == 0) stream.message_stream = in.u32_le();
    stream.extended = field == extended_mark;
    if (stream.extended) field = in.u32();
    stream.field = field;
    stream.timestamp = format == 0 ? field : stream.timestamp + field;
    return begin_message(stream);
}

Result ChunkReader::begin_message(Stream &stream) {
    const bool media = stream.type == message_type::audio || stream.type == message_type::video ||
                       stream.type == message_type::aggregate;
    const bool data =
        stream.type == message_type::data_amf0 || stream.type == message_type::data_amf3;
    const uint32_t limit =
        media && media_allowed_ ? limits_.max_message_size : limits_.max_command_size;
    stream.left_out = data && media_allowed_ && stream.length > limit;
    if (stream.length > limit && !stream.left_out)
        return Result::error("a message of type " + std::to_string(stream.type) + " with " +
                             std::to_string(stream.length) + " bytes (at most " +
                             std::to_string(limit) + ")");
    stream.receiving = true;
    stream.received = 0;
    in_payload_ = true;
    chunk_left_ = std::min(chunk_size_, stream.length);
    return Result::ok();
}

/// Consumes payload from the front of `input`; returns ok when the chunk is complete, else
/// need_more.
Result ChunkReader::take_payload(ByteView &input) {
    Stream &stream = streams_[current_];
    const size_t count = std::min<size_t>(chunk_left_, input.size());
    if (count < chunk_left_ && count == 0) return Result::need_more();
    if (!stream.left_out)
        if (const Result result = keep_payload(stream, input.first(count)); !result.is_ok())
            return result;
    stream.received += static_cast<uint32_t>(count);
    input = input.subspan(count);
    chunk_left_ -= count;
    if (chunk_left_ > 0) return Result::need_more();
    in_payload_ = false;
    return stream.received == stream.length ? finish_message(stream) : Result::ok();
}

Result ChunkReader::keep_payload(Stream &stream, ByteView payload) {
    in_flight_ += payload.size();
    const uint32_t limit = media_allowed_
                               ? limits_.max_in_flight
                               : std::min(limits_.max_in_flight, 2 * limits_.max_command_size);
    if (in_flight_ > limit)
        return Result::error("more than " + std::to_string(limit) +
                             " bytes of unfinished messages");
    std::vector<uint8_t> &framed = stream.framed;
    const size_t whole = flv::header_size + stream.length + flv::trailer_size;
    const size_t wanted = std::max(framed.size(), flv::header_size) + payload.size();
    if (framed.capacity() < wanted || framed.capacity() == 0)
        framed.reserve(std::min(whole, std::max({wanted, 2 * framed.capacity(), first_block})));
    if (framed.empty()) framed.resize(flv::header_size);
    framed.insert(framed.end(), payload.begin(), payload.end());
    return Result::ok();
}

Result ChunkReader::finish_message(Stream &stream) {
    stream.receiving = false;
    if (stream.left_out) {
        if (on_left_out_) on_left_out_(stream.length);
        return Result::ok();
    }
    in_flight_ -= stream.received;
    Message message;
    message.type = stream.type;
    message.timestamp = stream.timestamp;
    message.stream_id = stream.message_stream;
    message.framed = std::exchange(stream.framed, {});
    message.framed.resize(message.framed.size() + flv::trailer_size);
    const Result result = obey(message);
    return result.is_ok() ? on_message_(std::move(message)) : result;
}

/// Applies Set Chunk Size and Abort Message: sections 5.4.1 and 5.4.2.
Result ChunkReader::obey(const Message &message) {
    if (message.type != message_type::set_chunk_size && message.type != message_type::abort)
        return Result::ok();
    Reader in(message.body());
    const uint32_t value = in.u32();
    if (in.failed()) return Result::error("a control message shorter than 4 bytes");
    if (message.type == message_type::set_chunk_size) {
        if (value == 0 || value > limits_.max_chunk_size)
            return Result::error("chunk size " + std::to_string(value) + " (1 to " +
                                 std::to_string(limits_.max_chunk_size) + ")");
        chunk_size_ = value;
        return Result::ok();
    }
    const size_t index = find(value);
    if (index < streams_.size() && streams_[index].receiving) {
        Stream &stream = streams_[index];
        if (!stream.left_out) in_flight_ -= stream.received;
        stream.framed = {};
        stream.receiving = false;
    }
    return Result::ok();
}

} // namespace penstock::rtmp

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/rtmp/session_base.h"

#include "core/amf/markers.h"
#include "core/bytes/reader.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace penstock::rtmp {
namespace {

constexpr size_t max_output = 256 << 10; ///< bytes of answers that the peer has not read yet
constexpr unsigned max_warnings = 10;    ///< per connection, so that a peer can't flood the log

/// Whether a data message has the byte before its values that says their format.
bool has_format_byte(const Message &message) {
    return message.type == message_type::data_amf3 && !message.body().empty() &&
           message.body()[0] == 0;
}

} // namespace

SessionBase::SessionBase(const Limits &l, const char *peer)
    : limits(l), chunks(
                     l, [this](Message &&message) { return on_message(std::move(message)); },
                     [this](uint32_t size) {
                         warn("left out metadata of " + std::to_string(size) + " bytes (at most " +
                              std::to_string(limits.max_command_size) + " are taken)");
                     }),
      peer_(peer) {
}

Result SessionBase::acknowledge() {
    if (received_ - acknowledged_ >= peer_window_) {
        acknowledged_ = received_;
        answers.control(message_type::acknowledgement, static_cast<uint32_t>(received_));
    }
    if (answers.size() > max_output)
        return Result::error(std::string(peer_) + " asks but does not read");
    return Result::ok();
}

void SessionBase::warn(const std::string &text) {
    if (warnings_++ < max_warnings) pass_warning(text);
}

Result SessionBase::on_message(Message &&message) {
    switch (message.type) {
    case message_type::window_ack_size: {
        Reader in(message.body());
        const uint32_t window = in.u32();
        if (in.failed()) return Result::error("a control message shorter than 4 bytes");
        if (window > 0) peer_window_ = window;
        return Result::ok();
    }
    case message_type::set_peer_bandwidth:
        // Some peers omit the limit type.
        if (message.body().size() < 4)
            return Result::error("a control message shorter than 4 bytes");
        answers.control(message_type::window_ack_size, our_window);
        return Result::ok();
    case message_type::user_control:
        return on_user_control(message.body());
    case message_type::audio:
    case message_type::video:
        return on_media(std::move(message));
    case message_type::aggregate:
        return on_aggregate(message);
    case message_type::data_amf0:
    case message_type::data_amf3:
        return on_data(std::move(message));
    case message_type::command_amf0:
        return on_command(message.body(), message.stream_id);
    case message_type::command_amf3:
        return on_amf3_command(message);
    default:
        // Acknowledgements, shared objects, and messages that the chunk reader has applied.
        return Result::ok();
    }
}

/// The first byte names the format of the rest; peers send 0 for AMF0 or omit it. The command's
/// name follows, a string.
Result SessionBase::on_amf3_command(const Message &message) {
    const ByteView body = message.body();
    if (body.empty() ||
        (body[0] != 0 && body[0] != amf::marker::string && body[0] != amf::marker::avmplus))
        return Result::error("an AMF3 command that does not begin in AMF0");
    return on_command(body.subspan(body[0] == 0 ? 1 : 0), message.stream_id);
}

/// Section 7.1.7. Events other than a ping request are informational.
Result SessionBase::on_user_control(ByteView body) {
    Reader in(body);
    const uint16_t event = in.u16();
    const uint32_t value = in.u32();
    if (in.failed()) return Result::ok();
    if (event == user_control::ping_request)
        answers.user_control(user_control::ping_response, value);
    return on_user_event(event, value);
}

/// Section 7.1.6: consecutive FLV tags; the first tag's timestamp corresponds to the message's.
Result SessionBase::on_aggregate(const Message &message) {
    Reader in(message.body());
    std::optional<uint32_t> base;
    while (in.remaining() > 0) {
        Message part;
        part.type = in.u8();
        const uint32_t size = in.u24();
        uint32_t timestamp = in.u24();
        timestamp |= uint32_t(in.u8()) << 24;
        in.skip(3); // stream id without meaning here
        const ByteView body = in.take(size);
        if (in.failed()) return Result::error("an aggregate message that is cut off");
        // Some encoders omit the last back pointer.
        in.skip(std::min<size_t>(flv::trailer_size, in.remaining()));
        if (!base) base = timestamp;
        part.timestamp = message.timestamp + (timestamp - *base);
        part.stream_id = message.stream_id;
        const bool data = part.type == message_type::data_amf0;
        if (!data && part.type != message_type::audio && part.type != message_type::video) continue;
        part.framed.reserve(flv::header_size + body.size() + flv::trailer_size);
        part.framed.resize(flv::header_size);
        part.framed.insert(part.framed.end(), body.begin(), body.end());
        part.framed.resize(part.framed.size() + flv::trailer_size);
        const Result result = data ? on_data(std::move(part)) : on_media(std::move(part));
        if (!result.is_ok()) return result;
    }
    return Result::ok();
}

bool SessionBase::read_data(const Message &message, std::vector<amf::Value> &values) {
    const Result read = amf::read_all(message.body().subspan(has_format_byte(message)), values);
    if (read.is_ok() && !values.empty() && values[0].is(amf::Type::string)) return true;
    warn("ignored malformed metadata: " +
         (read.is_ok() ? std::string("it has no name") : read.reason()));
    return false;
}

std::optional<flv::Tag> SessionBase::data_tag(Message &&message,
                                              const std::vector<amf::Value> &values) {
    size_t skip = has_format_byte(message);
    if (message.type == message_type::data_amf3) {
        // May have AMF3 values, which players can't read.
        Writer body;
        for (const amf::Value &value : values)
            amf::write(body, value);
        // References were spelled out: a few bytes may have become a megabyte.
        if (body.size() > limits.max_command_size) {
            warn("left out metadata that is too large");
            return std::nullopt;
        }
        message.framed.assign(flv::header_size, 0);
        message.framed.insert(message.framed.end(), body.view().begin(), body.view().end());
        message.framed.resize(message.framed.size() + flv::trailer_size);
        skip = 0;
    }
    skip += set_data_frame_size(message.body().subspan(skip));
    if (message.body().size() == skip) return std::nullopt;
    const auto begin = message.framed.begin() + flv::header_size;
    message.framed.erase(begin, begin + static_cast<ptrdiff_t>(skip));
    return flv::frame_tag(flv::TagType::script, message.timestamp, std::move(message.framed));
}

} // namespace penstock::rtmp

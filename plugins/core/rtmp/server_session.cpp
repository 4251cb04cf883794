// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/rtmp/server_session.h"

#include "core/amf/markers.h"
#include "core/bytes/reader.h"
#include "core/rtmp/server_session_impl.h"

#include <algorithm>
#include <vector>

namespace penstock::rtmp {
namespace {

constexpr size_t max_output = 256 << 10; ///< bytes of answers that the peer has not read yet
constexpr unsigned max_warnings = 10;    ///< per connection, so that a peer can't flood the log

std::string_view publish_code(Refusal why) {
    switch (why) {
    case Refusal::bad_name:
        return "NetStream.Publish.BadName";
    case Refusal::unauthorized:
        return "NetStream.Publish.Denied";
    case Refusal::not_found:
    case Refusal::failed:
        break;
    }
    return "NetStream.Publish.Rejected";
}

std::string_view play_code(Refusal why) {
    const bool unknown = why == Refusal::bad_name || why == Refusal::not_found;
    return unknown ? "NetStream.Play.StreamNotFound" : "NetStream.Play.Failed";
}

} // namespace

Result ServerSession::Impl::feed(ByteView input) {
    received += input.size();
    if (!handshake.done()) {
        const Result result = handshake.feed(input, answers.raw());
        if (!result.is_ok()) return result.needs_more() ? Result::ok() : result;
    }
    deliver_early();
    Result result = chunks.feed(input);
    if (!result.is_ok()) return result;
    deliver_early();
    if (received - acknowledged >= peer_window) {
        acknowledged = received;
        answers.control(message_type::acknowledgement, static_cast<uint32_t>(received));
    }
    if (answers.size() > max_output) return Result::error("the peer asks but does not read");
    return Result::ok();
}

Result ServerSession::Impl::on_message(Message &&message) {
    deliver_early();
    switch (message.type) {
    case message_type::window_ack_size: {
        Reader in(message.body());
        const uint32_t window = in.u32();
        if (in.failed()) return Result::error("a control message shorter than 4 bytes");
        if (window > 0) peer_window = window;
        return Result::ok();
    }
    case message_type::set_peer_bandwidth:
        // Some peers omit the limit type.
        if (message.body().size() < 4)
            return Result::error("a control message shorter than 4 bytes");
        answers.control(message_type::window_ack_size, server_window);
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
    case message_type::command_amf3: {
        // The first byte names the format of the rest; clients send 0 for AMF0 or omit it. The
        // command's name follows, a string.
        const ByteView body = message.body();
        if (body.empty() ||
            (body[0] != 0 && body[0] != amf::marker::string && body[0] != amf::marker::avmplus))
            return Result::error("an AMF3 command that does not begin in AMF0");
        return on_command(body.subspan(body[0] == 0 ? 1 : 0), message.stream_id);
    }
    default:
        // Acknowledgements, shared objects, and messages that the chunk reader has applied.
        return Result::ok();
    }
}

/// Section 7.1.7. Events other than a ping request are informational.
Result ServerSession::Impl::on_user_control(ByteView body) {
    Reader in(body);
    const uint16_t event = in.u16();
    const uint32_t value = in.u32();
    if (!in.failed() && event == user_control::ping_request)
        answers.user_control(user_control::ping_response, value);
    return Result::ok();
}

Result ServerSession::Impl::on_media(Message &&message) {
    if (!takes_media() || message.body().empty()) return Result::ok();
    take_tag(flv::frame_tag(static_cast<flv::TagType>(message.type), message.timestamp,
                            std::move(message.framed)));
    return check_early();
}

Result ServerSession::Impl::on_data(Message &&message) {
    if (!takes_media()) return Result::ok();
    size_t skip = 0;
    if (message.type == message_type::data_amf3 && !message.body().empty() &&
        message.body()[0] == 0)
        skip = 1;
    std::vector<amf::Value> values;
    const Result read = amf::read_all(message.body().subspan(skip), values);
    if (!read.is_ok() || values.empty() || !values[0].is(amf::Type::string)) {
        warn("ignored malformed metadata: " +
             (read.is_ok() ? std::string("it has no name") : read.reason()));
        return Result::ok();
    }
    if (values[0].text == "@clearDataFrame") return Result::ok();
    if (message.type == message_type::data_amf3) {
        // May have AMF3 values, which players can't read.
        Writer body;
        for (const amf::Value &value : values)
            amf::write(body, value);
        // References were spelled out: a few bytes may have become a megabyte.
        if (body.size() > limits.max_command_size) {
            warn("left out metadata that is too large");
            return Result::ok();
        }
        message.framed.assign(flv::header_size, 0);
        message.framed.insert(message.framed.end(), body.view().begin(), body.view().end());
        message.framed.resize(message.framed.size() + flv::trailer_size);
        skip = 0;
    }
    skip += set_data_frame_size(message.body().subspan(skip));
    if (message.body().size() == skip) return Result::ok();
    const auto begin = message.framed.begin() + flv::header_size;
    message.framed.erase(begin, begin + static_cast<ptrdiff_t>(skip));
    take_tag(flv::frame_tag(flv::TagType::script, message.timestamp, std::move(message.framed)));
    return check_early();
}

/// Section 7.1.6: consecutive FLV tags; the first tag's timestamp corresponds to the message's.
Result ServerSession::Impl::on_aggregate(const Message &message) {
    if (!takes_media()) return Result::ok();
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

Result ServerSession::Impl::check_early() const {
    if (early_bytes <= limits.max_message_size) return Result::ok();
    return Result::error("sends media without waiting for its publish to be accepted");
}

void ServerSession::Impl::take_tag(flv::Tag &&tag) {
    if (stage == Stage::accepted) {
        handler.on_tag(std::move(tag));
        return;
    }
    early_bytes += tag.bytes.size();
    early.push_back(std::move(tag));
}

/// Passes on what a publisher sent before it was accepted, most importantly the codec
/// configuration.
void ServerSession::Impl::deliver_early() {
    if (stage != Stage::accepted || early.empty()) return;
    std::vector<flv::Tag> tags = std::exchange(early, {});
    early_bytes = 0;
    for (flv::Tag &tag : tags)
        handler.on_tag(std::move(tag));
}

void ServerSession::Impl::warn(const std::string &text) {
    if (warnings++ < max_warnings) handler.on_warning(text);
}

ServerSession::ServerSession(Handler &handler, Limits limits, Hmac hmac)
    : impl_(std::make_unique<Impl>(handler, limits, hmac)) {
}

ServerSession::~ServerSession() = default;

Result ServerSession::feed(ByteView input) {
    if (impl_->failure) return *impl_->failure;
    Result result = impl_->feed(input);
    if (result.is_error()) impl_->failure = result;
    return result;
}

std::vector<uint8_t> ServerSession::take_output() {
    return impl_->answers.take();
}

bool ServerSession::has_output() const {
    return !impl_->answers.empty();
}

void ServerSession::accept() {
    if (impl_->stage != Impl::Stage::pending) return;
    impl_->stage = Impl::Stage::accepted;
    Answers &answers = impl_->answers;
    const uint32_t id = impl_->stream_id;
    answers.user_control(user_control::stream_begin, id);
    if (impl_->publish) {
        if (std::exchange(impl_->wants_fc_publish, false))
            answers.command(0, {amf::string("onFCPublish"), amf::number(0), amf::null(),
                                amf::object({{"code", amf::string("NetStream.Publish.Start")},
                                             {"description", amf::string("")}})});
        answers.status(id, "status", "NetStream.Publish.Start", "Publishing");
        return;
    }
    answers.status(id, "status", "NetStream.Play.Reset", "Playing and resetting");
    answers.status(id, "status", "NetStream.Play.Start", "Playing");
    answers.data(id, {amf::string("|RtmpSampleAccess"), amf::boolean(true), amf::boolean(true)});
}

void ServerSession::refuse(Refusal why, std::string_view description) {
    if (impl_->stage != Impl::Stage::pending) return;
    impl_->stage = Impl::Stage::idle;
    impl_->chunks.allow_media(false);
    impl_->early.clear();
    impl_->early_bytes = 0;
    const std::string_view code = impl_->publish ? publish_code(why) : play_code(why);
    impl_->answers.status(impl_->stream_id, "error", code, description);
}

void ServerSession::notify_unpublished() {
    if (impl_->stage != Impl::Stage::accepted || impl_->publish) return;
    const uint32_t id = impl_->stream_id;
    impl_->answers.status(id, "status", "NetStream.Play.UnpublishNotify", "The stream ended");
    impl_->answers.user_control(user_control::stream_eof, id);
    impl_->answers.status(id, "status", "NetStream.Play.Stop", "The stream ended");
}

void ServerSession::notify_kicked(Refusal why, std::string_view description) {
    if (impl_->stage != Impl::Stage::accepted || !impl_->publish) return;
    impl_->answers.status(impl_->stream_id, "error", publish_code(why), description);
}

void ServerSession::notify_unplayable(std::string_view description) {
    if (impl_->stage != Impl::Stage::accepted || impl_->publish) return;
    impl_->answers.status(impl_->stream_id, "error", "NetStream.Play.Failed", description);
}

const Capabilities &ServerSession::capabilities() const {
    return impl_->capabilities;
}

const std::string &ServerSession::client_name() const {
    return impl_->client;
}

} // namespace penstock::rtmp

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/rtmp/server_session.h"

#include "core/amf/markers.h"
#include "core/bytes/printable.h"
#include "core/bytes/reader.h"
#include "core/rtmp/chunk_reader.h"
#include "core/rtmp/commands.h"
#include "core/rtmp/handshake.h"
#include "core/rtmp/message.h"
#include "core/rtmp/stream_name.h"

#include <algorithm>
#include <map>
#include <optional>
#include <vector>

namespace penstock::rtmp {
namespace {

constexpr uint32_t our_window = 2'500'000; ///< bytes: Window Ack Size and Set Peer Bandwidth
constexpr uint32_t our_stream = 1;         ///< answer to every createStream
constexpr size_t max_output = 256 << 10;   ///< bytes of answers that the peer has not read yet
constexpr unsigned max_warnings = 10;      ///< per connection, so that a peer can't flood the log

} // namespace

struct ServerSession::Impl {
    enum class Stage { idle, pending, accepted };

    Impl(Handler &h, const Limits &l)
        : handler(h), limits(l),
          chunks(
              l, [this](Message &&message) { return on_message(std::move(message)); },
              [this](uint32_t size) {
                  warn("left out metadata of " + std::to_string(size) + " bytes (at most " +
                       std::to_string(limits.max_command_size) + " are taken)");
              }) {
        chunks.allow_media(false);
    }

    Handler &handler;
    const Limits limits;
    Handshake handshake;
    ChunkReader chunks;
    Answers answers;
    std::optional<Result> failure;

    bool connected = false;
    std::string app, tc_url, client;
    Capabilities capabilities; ///< the peer's
    Stage stage = Stage::idle;
    bool publish = false;        ///< whether the pending or accepted request is a publish
    uint32_t stream_id = 0;      ///< the message stream of that request
    std::vector<flv::Tag> early; ///< media received between publish and its acceptance
    size_t early_bytes = 0;
    unsigned warnings = 0;

    uint64_t received = 0, acknowledged = 0; ///< bytes from the peer, including the handshake
    uint32_t peer_window = our_window; ///< bytes after which the peer wants an acknowledgement

    Result feed(ByteView input);
    Result on_message(Message &&message);
    Result on_user_control(ByteView body);
    Result on_media(Message &&message);
    Result on_data(Message &&message);
    Result on_aggregate(const Message &message);
    Result on_command(ByteView body, uint32_t message_stream);
    Result on_connect(const Command &command);
    Result on_fc_publish(const Command &command);
    Result on_create_stream(const Command &command);
    Result on_stream_length(const Command &command);
    Result on_publish(const Command &command);
    Result on_play(const Command &command);
    Result on_play2(const Command &command);
    Result on_pause(const Command &command);
    Result on_seek(const Command &command);
    Result on_fc_subscribe(const Command &command);
    Result on_fc_unpublish(const Command &command);
    Result on_stop_command(const Command &command);
    Result on_plain_call(const Command &command);
    Result no_answer(const Command &) { return Result::ok(); }

    void request(std::string_view name, bool to_publish);
    void stop();
    void take_tag(flv::Tag &&tag);
    void deliver_early();
    void warn(const std::string &text);
    /// A connection has a single publish, so media belongs to it regardless of its message stream.
    bool takes_media() const { return stage != Stage::idle && publish; }
    void result(const Command &command, amf::Value value = amf::null()) {
        if (command.transaction != 0)
            answers.command(0, {amf::string("_result"), amf::number(command.transaction),
                                amf::null(), std::move(value)});
    }
    uint32_t command_stream = 0; ///< the message stream of the command being handled
};

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
    case message_type::command_amf3: {
        // One byte gives the format of what follows; clients send 0 for AMF0 or omit it. Then comes
        // the command's name, a string.
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
    if (early_bytes > limits.max_message_size)
        return Result::error("sends media without waiting for its publish to be accepted");
    return Result::ok();
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
    return Result::ok();
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

Result ServerSession::Impl::on_command(ByteView body, uint32_t message_stream) {
    Command command;
    const Result parsed = parse_command(body, command);
    if (!parsed.is_ok()) return parsed;
    using Action = Result (Impl::*)(const Command &);
    static const std::map<std::string_view, Action> actions = {
        {"connect", &Impl::on_connect},
        {"releaseStream", &Impl::on_plain_call},
        {"_checkbw", &Impl::on_plain_call},
        {"FCPublish", &Impl::on_fc_publish},
        {"createStream", &Impl::on_create_stream},
        {"getStreamLength", &Impl::on_stream_length},
        {"publish", &Impl::on_publish},
        {"play", &Impl::on_play},
        {"play2", &Impl::on_play2},
        {"pause", &Impl::on_pause},
        {"seek", &Impl::on_seek},
        {"FCSubscribe", &Impl::on_fc_subscribe},
        {"FCUnpublish", &Impl::on_fc_unpublish},
        {"deleteStream", &Impl::on_stop_command},
        {"closeStream", &Impl::on_stop_command},
        // Media can't be disabled per player: all viewers share one timeline.
        {"receiveAudio", &Impl::no_answer},
        {"receiveVideo", &Impl::no_answer},
        // Answers from the peer.
        {"_result", &Impl::no_answer},
        {"_error", &Impl::no_answer},
        {"onStatus", &Impl::no_answer},
    };
    command_stream = message_stream;
    const auto action = actions.find(command.name);
    if (!connected && command.name != "connect")
        return Result::error("'" + printable(command.name, 32) + "' before connect");
    if (action != actions.end()) return (this->*action->second)(command);
    if (command.transaction != 0)
        answers.command(0, {amf::string("_error"), amf::number(command.transaction), amf::null(),
                            amf::object({{"level", amf::string("error")},
                                         {"code", amf::string("NetConnection.Call.Failed")},
                                         {"description", amf::string("Unknown command")}})});
    return Result::ok();
}

Result ServerSession::Impl::on_connect(const Command &command) {
    if (connected) return Result::error("a second connect");
    connected = true;
    if (!command.arguments.empty()) {
        const amf::Value &info = command.arguments[0];
        app = info.text_of("app");
        tc_url = info.text_of("tcUrl");
        client = printable(info.text_of("flashVer"), 48);
        capabilities = read_capabilities(info);
        if (const auto type = info.text_of("type"); !type.empty() && type != "nonprivate")
            client += (client.empty() ? "" : " ") + printable(type, 15);
    }
    answers.control(message_type::window_ack_size, our_window);
    answers.set_peer_bandwidth(our_window);
    answers.set_chunk_size(out_chunk_size);
    answers.connected(command.transaction);
    return Result::ok();
}

Result ServerSession::Impl::on_plain_call(const Command &command) {
    result(command);
    return Result::ok();
}

Result ServerSession::Impl::on_fc_publish(const Command &command) {
    result(command);
    answers.command(0, {amf::string("onFCPublish"), amf::number(0), amf::null(),
                        amf::object({{"code", amf::string("NetStream.Publish.Start")},
                                     {"description", amf::string("")}})});
    return Result::ok();
}

Result ServerSession::Impl::on_fc_subscribe(const Command &command) {
    result(command);
    answers.command(0, {amf::string("onFCSubscribe"), amf::number(0), amf::null(),
                        amf::object({{"code", amf::string("NetStream.Play.Start")},
                                     {"description", amf::string("")}})});
    return Result::ok();
}

Result ServerSession::Impl::on_create_stream(const Command &command) {
    result(command, amf::number(our_stream));
    return Result::ok();
}

Result ServerSession::Impl::on_stream_length(const Command &command) {
    result(command, amf::number(0));
    return Result::ok();
}

Result ServerSession::Impl::on_publish(const Command &command) {
    if (stage != Stage::idle) {
        answers.status(command_stream, "error", "NetStream.Publish.Failed",
                       "This connection already has a stream");
        return Result::ok();
    }
    request(command.text(1), true);
    return Result::ok();
}

Result ServerSession::Impl::on_play(const Command &command) {
    if (stage != Stage::idle && publish) {
        answers.status(command_stream, "error", "NetStream.Play.Failed",
                       "This connection publishes");
        return Result::ok();
    }
    stop(); // a second play replaces the first
    request(command.text(1), false);
    return Result::ok();
}

Result ServerSession::Impl::on_play2(const Command &command) {
    Command play;
    play.arguments.resize(1);
    if (command.arguments.size() > 1)
        play.arguments.push_back(amf::string(command.arguments[1].text_of("streamName")));
    return on_play(play);
}

Result ServerSession::Impl::on_pause(const Command &command) {
    // The live stream continues; a paused player just stops reading.
    if (command.boolean(1))
        answers.status(command_stream, "status", "NetStream.Pause.Notify", "Paused");
    else
        answers.status(command_stream, "status", "NetStream.Unpause.Notify", "Unpaused");
    return Result::ok();
}

Result ServerSession::Impl::on_seek(const Command &) {
    // An error would end ffmpeg's connection, so the seek is acknowledged without effect.
    answers.status(command_stream, "status", "NetStream.Seek.Notify", "Live: nothing to seek in");
    return Result::ok();
}

Result ServerSession::Impl::on_fc_unpublish(const Command &command) {
    result(command);
    if (publish) stop();
    return Result::ok();
}

Result ServerSession::Impl::on_stop_command(const Command &command) {
    stop();
    return Result::ok();
}

void ServerSession::Impl::request(std::string_view name, bool to_publish) {
    StreamName found = stream_name(app, tc_url, name);
    stage = Stage::pending;
    publish = to_publish;
    chunks.allow_media(publish);
    stream_id = command_stream;
    handler.on_request({std::move(found.path), std::move(found.query), to_publish});
}

void ServerSession::Impl::stop() {
    if (stage == Stage::idle) return;
    const bool was_accepted = stage == Stage::accepted;
    stage = Stage::idle;
    chunks.allow_media(false);
    early.clear();
    early_bytes = 0;
    if (was_accepted && publish)
        answers.status(stream_id, "status", "NetStream.Unpublish.Success", "Unpublished");
    else if (was_accepted)
        answers.status(stream_id, "status", "NetStream.Play.Stop", "Stopped");
    handler.on_stop();
}

ServerSession::ServerSession(Handler &handler, Limits limits)
    : impl_(std::make_unique<Impl>(handler, limits)) {
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
    std::string_view code = impl_->publish ? "NetStream.Publish.Failed" : "NetStream.Play.Failed";
    if (why == Refusal::bad_name)
        code = impl_->publish ? "NetStream.Publish.BadName" : "NetStream.Play.StreamNotFound";
    else if (why == Refusal::not_found && !impl_->publish)
        code = "NetStream.Play.StreamNotFound";
    else if (why == Refusal::unauthorized && impl_->publish)
        code = "NetStream.Publish.Denied";
    impl_->answers.status(impl_->stream_id, "error", code, description);
}

void ServerSession::notify_unpublished() {
    if (impl_->stage != Impl::Stage::accepted || impl_->publish) return;
    const uint32_t id = impl_->stream_id;
    impl_->answers.status(id, "status", "NetStream.Play.UnpublishNotify", "The stream ended");
    impl_->answers.user_control(user_control::stream_eof, id);
    impl_->answers.status(id, "status", "NetStream.Play.Stop", "The stream ended");
}

void ServerSession::notify_kicked(std::string_view description) {
    if (impl_->stage != Impl::Stage::accepted || !impl_->publish) return;
    impl_->answers.status(impl_->stream_id, "error", "NetStream.Publish.Failed", description);
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

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/rtmp/client_session.h"

#include "core/amf/markers.h"
#include "core/bytes/printable.h"
#include "core/bytes/reader.h"
#include "core/rtmp/chunk_reader.h"
#include "core/rtmp/client_handshake.h"
#include "core/rtmp/commands.h"
#include "core/rtmp/message.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace penstock::rtmp {
namespace {

constexpr uint32_t our_window = 2'500'000; ///< bytes: Window Ack Size
constexpr uint32_t buffer_length = 3000;   ///< ms; of a player, as librtmp announces
constexpr size_t max_output = 256 << 10;   ///< bytes of answers that the server has not read yet
constexpr unsigned max_warnings = 10;      ///< per connection
constexpr uint16_t set_buffer_length = 3;  ///< user control event, section 7.1.7
constexpr size_t max_words = 200;          ///< characters of a server's description
constexpr size_t max_code = 64;            ///< and of its status code
constexpr double connect_id = 1, create_stream_id = 4, publish_id = 5;

/// Capabilities in connect, Enhanced RTMP v2. A player takes every codec and passes it on.
constexpr double can_forward = 4;
constexpr double caps_multitrack = 2, caps_mod_ex = 4, caps_reconnect = 1;

amf::Value every_codec() {
    amf::Value list;
    list.type = amf::Type::strict_array;
    list.items.push_back(amf::string("*"));
    return list;
}

bool ends_with_any(std::string_view code, std::initializer_list<std::string_view> ends) {
    return std::any_of(ends.begin(), ends.end(),
                       [code](std::string_view end) { return code.ends_with(end); });
}

} // namespace

struct ClientSession::Impl {
    enum class Stage { handshake, connecting, creating, asking, started };

    Impl(Handler &h, ClientRequest &&r, const Limits &l)
        : handler(h), request(std::move(r)), limits(l),
          chunks(
              l, [this](Message &&message) { return on_message(std::move(message)); },
              [this](uint32_t size) {
                  warn("left out metadata of " + std::to_string(size) + " bytes (at most " +
                       std::to_string(limits.max_command_size) + " are taken)");
              }) {
        chunks.allow_media(!request.publish);
        handshake.begin(answers.raw());
    }

    Handler &handler;
    const ClientRequest request;
    const Limits limits;
    ClientHandshake handshake;
    ChunkReader chunks;
    Answers answers;
    std::optional<Result> failure;
    ClientEnd end = ClientEnd::none;
    Stage stage = Stage::handshake;
    uint32_t stream_id = 1;
    unsigned warnings = 0;
    uint64_t received = 0, acknowledged = 0; ///< bytes from the server, including the handshake
    uint32_t peer_window = our_window; ///< bytes after which the server wants an acknowledgement

    Result feed(ByteView input);
    Result on_message(Message &&message);
    Result on_user_control(ByteView body);
    Result on_media(Message &&message);
    Result on_data(Message &&message);
    Result on_aggregate(const Message &message);
    Result on_command(ByteView body);
    Result on_result(const Command &command);
    Result on_error(const Command &command);
    Result on_status(const Command &command);
    void connect();
    void create_stream();
    void ask(const Command &created);
    void start();
    void warn(const std::string &text);
    std::string without_key(std::string_view from) const;
    std::string words(std::string_view code, std::string_view description) const;
    Result ended(ClientEnd why, const std::string &reason) {
        end = why;
        return Result::error(reason);
    }
    Result judge(const amf::Value &info);
};

// --- reading ------------------------------------------------------------------------------

Result ClientSession::Impl::feed(ByteView input) {
    received += input.size();
    if (!handshake.done()) {
        const Result result = handshake.feed(input, answers.raw());
        if (!result.is_ok()) return result.needs_more() ? Result::ok() : result;
        connect();
    }
    const Result result = chunks.feed(input);
    if (!result.is_ok()) return result;
    if (received - acknowledged >= peer_window) {
        acknowledged = received;
        answers.control(message_type::acknowledgement, static_cast<uint32_t>(received));
    }
    if (answers.size() > max_output) return Result::error("the server asks but does not read");
    return Result::ok();
}

Result ClientSession::Impl::on_message(Message &&message) {
    switch (message.type) {
    case message_type::window_ack_size: {
        Reader in(message.body());
        const uint32_t window = in.u32();
        if (in.failed()) return Result::error("a control message shorter than 4 bytes");
        if (window > 0) peer_window = window;
        return Result::ok();
    }
    case message_type::set_peer_bandwidth:
        // Some servers omit the limit type.
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
        return on_command(message.body());
    case message_type::command_amf3: {
        const ByteView body = message.body();
        if (body.empty() || (body[0] != 0 && body[0] != amf::marker::string))
            return Result::error("an AMF3 command that does not begin in AMF0");
        return on_command(body.subspan(body[0] == 0 ? 1 : 0));
    }
    default:
        return Result::ok();
    }
}

Result ClientSession::Impl::on_user_control(ByteView body) {
    Reader in(body);
    const uint16_t event = in.u16();
    const uint32_t value = in.u32();
    if (in.failed()) return Result::ok();
    if (event == user_control::ping_request)
        answers.user_control(user_control::ping_response, value);
    if (event == user_control::stream_eof && !request.publish && stage == Stage::started)
        return ended(ClientEnd::stopped, "the server has ended the stream (StreamEOF)");
    return Result::ok();
}

/// Servers may send media without Play.Start.
Result ClientSession::Impl::on_media(Message &&message) {
    if (request.publish || stage < Stage::asking || message.body().empty()) return Result::ok();
    start();
    handler.on_tag(flv::frame_tag(static_cast<flv::TagType>(message.type), message.timestamp,
                                  std::move(message.framed)));
    return Result::ok();
}

Result ClientSession::Impl::on_data(Message &&message) {
    if (request.publish || stage < Stage::asking) return Result::ok();
    size_t skip = message.type == message_type::data_amf3 && !message.body().empty() &&
                  message.body()[0] == 0;
    std::vector<amf::Value> values;
    const Result read = amf::read_all(message.body().subspan(skip), values);
    if (!read.is_ok() || values.empty() || !values[0].is(amf::Type::string)) {
        warn("ignored malformed metadata: " +
             (read.is_ok() ? std::string("it has no name") : read.reason()));
        return Result::ok();
    }
    if (values[0].text == "|RtmpSampleAccess" || values[0].text == "@clearDataFrame")
        return Result::ok();
    if (values[0].text == "onStatus" && values.size() > 1) return judge(values[1]);
    skip += set_data_frame_size(message.body().subspan(skip));
    if (message.body().size() == skip) return Result::ok();
    const auto begin = message.framed.begin() + flv::header_size;
    message.framed.erase(begin, begin + static_cast<ptrdiff_t>(skip));
    handler.on_tag(
        flv::frame_tag(flv::TagType::script, message.timestamp, std::move(message.framed)));
    return Result::ok();
}

/// Section 7.1.6: consecutive FLV tags; the first tag's timestamp corresponds to the message's.
Result ClientSession::Impl::on_aggregate(const Message &message) {
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
        in.skip(std::min<size_t>(flv::trailer_size, in.remaining()));
        if (!base) base = timestamp;
        part.timestamp = message.timestamp + (timestamp - *base);
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

// --- commands -----------------------------------------------------------------------------

Result ClientSession::Impl::on_command(ByteView body) {
    Command command;
    const Result parsed = parse_command(body, command);
    if (!parsed.is_ok()) return parsed;
    if (command.name == "_result") return on_result(command);
    if (command.name == "_error") return on_error(command);
    if (command.name == "onStatus") return on_status(command);
    // onBWDone, onFCPublish, onFCSubscribe and others need no answer.
    if (command.name == "close")
        return ended(stage == Stage::started ? ClientEnd::stopped : ClientEnd::refused,
                     "the server has closed the connection");
    return Result::ok();
}

Result ClientSession::Impl::on_result(const Command &command) {
    if (stage == Stage::connecting && command.transaction == connect_id) {
        create_stream();
    } else if (stage == Stage::creating && command.transaction == create_stream_id) {
        ask(command);
    }
    return Result::ok();
}

/// Errors to releaseStream and FCPublish are ignored: many servers do not know these commands.
Result ClientSession::Impl::on_error(const Command &command) {
    const bool to_connect = stage == Stage::connecting && command.transaction == connect_id;
    const bool to_create = stage == Stage::creating && command.transaction == create_stream_id;
    if (!to_connect && !to_create) return Result::ok();
    const amf::Value none;
    const amf::Value &info = command.arguments.size() > 1 ? command.arguments[1] : none;
    return ended(ClientEnd::refused, std::string("the server refuses the ") +
                                         (to_connect ? "connection" : "stream") +
                                         words(info.text_of("code"), info.text_of("description")));
}

Result ClientSession::Impl::on_status(const Command &command) {
    const amf::Value none;
    return judge(command.arguments.size() > 1 ? command.arguments[1] : none);
}

Result ClientSession::Impl::judge(const amf::Value &info) {
    const std::string_view code = info.text_of("code"), level = info.text_of("level");
    const std::string said = words(code, info.text_of("description"));
    if (code == "NetConnection.Connect.ReconnectRequest")
        return ended(ClientEnd::reconnect, "the server asks to connect again" + said);
    if (stage < Stage::asking) return Result::ok();
    if (code == "NetStream.Publish.Start" || code == "NetStream.Play.Start" ||
        code == "NetStream.Play.Reset") {
        if (request.publish == (code == "NetStream.Publish.Start")) start();
        return Result::ok();
    }
    if (stage == Stage::started) {
        if (ends_with_any(code, {"Unpublish.Success", "Play.Stop", "Play.UnpublishNotify",
                                 "Play.Complete"}) ||
            level == "error")
            return ended(ClientEnd::stopped, "the server has ended the stream" + said);
        return Result::ok();
    }
    if (level != "error" && !ends_with_any(code, {".Failed", ".BadName", ".Denied", ".Rejected",
                                                  ".StreamNotFound", ".Unauthorized"}))
        return Result::ok();
    if (code == "NetStream.Play.StreamNotFound")
        return ended(ClientEnd::missing, "the server has no such stream" + said);
    if (code == "NetStream.Publish.BadName")
        return ended(ClientEnd::in_use, "the server refuses the key or name: it is wrong, or "
                                        "somebody publishes under it already" +
                                            said);
    return ended(ClientEnd::refused, std::string("the server refuses ") +
                                         (request.publish ? "the key or name" : "to play") + said);
}

/// The server's text without the key.
std::string ClientSession::Impl::without_key(std::string_view from) const {
    std::string text(from);
    const std::string_view name = request.name;
    for (const std::string_view secret : {name, name.substr(0, name.find('?'))}) {
        if (secret.empty()) continue;
        for (size_t at = text.find(secret); at != text.npos; at = text.find(secret, at + 3))
            text.replace(at, secret.size(), "***");
    }
    return text;
}

/// The server's words, as part of an error message.
std::string ClientSession::Impl::words(std::string_view code, std::string_view description) const {
    std::string out = code.empty() ? "" : " (" + printable(without_key(code), max_code) + ")";
    if (!description.empty()) out += ": " + printable(without_key(description), max_words);
    return out;
}

// --- asking -------------------------------------------------------------------------------

void ClientSession::Impl::connect() {
    stage = Stage::connecting;
    amf::Value info =
        amf::object({{"app", amf::string(request.app)},
                     {"type", amf::string("nonprivate")},
                     {"flashVer", amf::string(request.publish ? "FMLE/3.0 (compatible; Penstock)"
                                                              : "LNX 9,0,124,2")},
                     {"tcUrl", amf::string(request.tc_url)}});
    const auto add = [&info](const char *name, amf::Value value) {
        info.properties.push_back({name, std::move(value)});
    };
    if (!request.publish) {
        add("fpad", amf::boolean(false));
        add("capabilities", amf::number(15));
        add("audioCodecs", amf::number(4071));
        add("videoCodecs", amf::number(252));
        add("videoFunction", amf::number(1));
        add("fourCcList", every_codec());
        add("videoFourCcInfoMap", amf::object({{"*", amf::number(can_forward)}}));
        add("audioFourCcInfoMap", amf::object({{"*", amf::number(can_forward)}}));
        add("capsEx", amf::number(caps_reconnect + caps_multitrack + caps_mod_ex));
    }
    answers.command(0, {amf::string("connect"), amf::number(connect_id), std::move(info)});
}

void ClientSession::Impl::create_stream() {
    stage = Stage::creating;
    if (request.publish) {
        answers.set_chunk_size(out_chunk_size);
        const amf::Value name = amf::string(request.name);
        answers.command(0, {amf::string("releaseStream"), amf::number(2), amf::null(), name});
        answers.command(0, {amf::string("FCPublish"), amf::number(3), amf::null(), name});
    } else {
        answers.control(message_type::window_ack_size, our_window);
    }
    answers.command(0, {amf::string("createStream"), amf::number(create_stream_id), amf::null()});
}

void ClientSession::Impl::ask(const Command &created) {
    stage = Stage::asking;
    const auto &values = created.arguments;
    const double id = values.size() > 1 && values[1].is(amf::Type::number) ? values[1].number : 1;
    stream_id = id >= 0 && id <= 0xFFFFFFFF ? static_cast<uint32_t>(id) : 1;
    const amf::Value name = amf::string(request.name);
    if (request.publish) {
        answers.command(stream_id, {amf::string("publish"), amf::number(publish_id), amf::null(),
                                    name, amf::string("live")});
        return;
    }
    answers.command(stream_id, {amf::string("play"), amf::number(publish_id), amf::null(), name,
                                amf::number(-2000)}); // live, or recorded
    Writer body;
    body.u16(set_buffer_length).u32(stream_id).u32(buffer_length);
    answers.user_control_body(body.view());
}

void ClientSession::Impl::start() {
    if (stage == Stage::started) return;
    stage = Stage::started;
    handler.on_started();
}

void ClientSession::Impl::warn(const std::string &text) {
    if (warnings++ < max_warnings) handler.on_warning(text);
}

// --- the session --------------------------------------------------------------------------

ClientSession::ClientSession(Handler &handler, ClientRequest request, Limits limits)
    : impl_(std::make_unique<Impl>(handler, std::move(request), limits)) {
}

ClientSession::~ClientSession() = default;

Result ClientSession::feed(ByteView input) {
    if (impl_->failure) return *impl_->failure;
    Result result = impl_->feed(input);
    if (result.is_error()) {
        if (impl_->end == ClientEnd::none) impl_->end = ClientEnd::broken;
        impl_->failure = result;
    }
    return result;
}

ClientEnd ClientSession::end() const {
    return impl_->end;
}

std::vector<uint8_t> ClientSession::take_output() {
    return impl_->answers.take();
}

bool ClientSession::has_output() const {
    return !impl_->answers.empty();
}

bool ClientSession::has_started() const {
    return impl_->stage == Impl::Stage::started && impl_->end == ClientEnd::none;
}

bool ClientSession::is_asking() const {
    return impl_->stage == Impl::Stage::asking;
}

std::string_view ClientSession::waits_for() const {
    switch (impl_->stage) {
    case Impl::Stage::handshake:
        return "the RTMP handshake";
    case Impl::Stage::connecting:
        return "the answer to connect";
    case Impl::Stage::creating:
        return "the answer to createStream";
    case Impl::Stage::asking:
        return impl_->request.publish ? "the answer to publish" : "the answer to play";
    case Impl::Stage::started:
        break;
    }
    return "nothing";
}

uint32_t ClientSession::stream_id() const {
    return impl_->stream_id;
}

void ClientSession::finish() {
    if (impl_->end != ClientEnd::none || impl_->stage < Impl::Stage::asking) return;
    Answers &answers = impl_->answers;
    if (impl_->request.publish)
        answers.command(0, {amf::string("FCUnpublish"), amf::number(6), amf::null(),
                            amf::string(impl_->request.name)});
    answers.command(0, {amf::string("deleteStream"), amf::number(7), amf::null(),
                        amf::number(impl_->stream_id)});
}

} // namespace penstock::rtmp

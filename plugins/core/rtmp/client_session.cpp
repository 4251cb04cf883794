// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/rtmp/client_session.h"

#include "core/bytes/printable.h"
#include "core/rtmp/client_handshake.h"
#include "core/rtmp/session_base.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace penstock::rtmp {
namespace {

constexpr uint32_t buffer_length = 3000;  ///< ms; of a player, as librtmp announces
constexpr uint16_t set_buffer_length = 3; ///< user control event, section 7.1.7
constexpr size_t max_words = 200;         ///< characters of a server's description
constexpr size_t max_code = 64;           ///< and of its status code
constexpr double connect_id = 1, create_stream_id = 4, publish_id = 5;

/// Of an info map in connect, Enhanced RTMP v2. A player takes every codec and passes it on.
constexpr double can_forward = 4;

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

struct ClientSession::Impl final : SessionBase {
    enum class Stage { handshake, connecting, creating, asking, started };

    Impl(Handler &h, ClientRequest &&r, const Limits &l)
        : SessionBase(l, "the server"), handler(h), request(std::move(r)) {
        chunks.allow_media(!request.publish);
        handshake.begin(answers.raw());
    }

    Handler &handler;
    const ClientRequest request;
    ClientHandshake handshake;
    std::optional<Result> failure;
    ClientEnd end = ClientEnd::none;
    Stage stage = Stage::handshake;
    uint32_t stream_id = 1;

    Result feed(ByteView input);
    Result on_user_event(uint16_t event, uint32_t value) override;
    Result on_media(Message &&message) override;
    Result on_data(Message &&message) override;
    Result on_command(ByteView body, uint32_t message_stream) override;
    void pass_warning(const std::string &text) override { handler.on_warning(text); }
    Result on_result(const Command &command);
    Result on_error(const Command &command);
    Result on_status(const Command &command);
    void connect();
    void create_stream();
    void ask(const Command &created);
    void start();
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
    count(input);
    if (!handshake.done()) {
        const Result result = handshake.feed(input, answers.raw());
        if (!result.is_ok()) return result.needs_more() ? Result::ok() : result;
        connect();
    }
    const Result result = chunks.feed(input);
    return result.is_ok() ? acknowledge() : result;
}

Result ClientSession::Impl::on_user_event(uint16_t event, uint32_t) {
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
    std::vector<amf::Value> values;
    if (!read_data(message, values)) return Result::ok();
    const std::string_view name = values[0].text;
    if (name == "|RtmpSampleAccess" || name == "@clearDataFrame") return Result::ok();
    if (name == "onStatus" && values.size() > 1) return judge(values[1]);
    if (auto tag = data_tag(std::move(message), values)) handler.on_tag(std::move(*tag));
    return Result::ok();
}

// --- commands -----------------------------------------------------------------------------

Result ClientSession::Impl::on_command(ByteView body, uint32_t) {
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
    if (code == "NetConnection.Connect.ReconnectRequest") {
        handler.on_reconnect({std::string(info.text_of("tcUrl")),
                              printable(without_key(info.text_of("description")), max_words)});
        return Result::ok();
    }
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
    if (request.publish) {
        add("capsEx", amf::number(caps_ex::reconnect));
    } else {
        add("fpad", amf::boolean(false));
        add("capabilities", amf::number(15));
        add("audioCodecs", amf::number(4071));
        add("videoCodecs", amf::number(252));
        add("videoFunction", amf::number(1));
        add("fourCcList", every_codec());
        add("videoFourCcInfoMap", amf::object({{"*", amf::number(can_forward)}}));
        add("audioFourCcInfoMap", amf::object({{"*", amf::number(can_forward)}}));
        add("capsEx", amf::number(caps_ex::reconnect | caps_ex::multitrack | caps_ex::mod_ex));
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

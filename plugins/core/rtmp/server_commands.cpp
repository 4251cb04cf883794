// SPDX-License-Identifier: LGPL-2.1-or-later
// The AMF commands of a server session (RTMP 1.0, section 7.2).
#include "core/bytes/printable.h"
#include "core/rtmp/server_session_impl.h"
#include "core/rtmp/stream_name.h"

#include <map>

namespace penstock::rtmp {
namespace {

constexpr uint32_t our_stream = 1; ///< answer to every createStream

} // namespace

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
    wants_fc_publish = true; // its answer has the code of an accepted publish
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
        answers.status(command_stream, "error", "NetStream.Publish.BadName",
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
    forget_early();
    if (was_accepted && publish)
        answers.status(stream_id, "status", "NetStream.Unpublish.Success", "Unpublished");
    else if (was_accepted)
        answers.status(stream_id, "status", "NetStream.Play.Stop", "Stopped");
    handler.on_stop();
}

} // namespace penstock::rtmp

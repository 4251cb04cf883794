// SPDX-License-Identifier: LGPL-2.1-or-later
// The state of a server session, shared by server_session.cpp (bytes, messages, media) and
// server_commands.cpp (AMF commands).
#pragma once

#include "core/rtmp/handshake.h"
#include "core/rtmp/server_session.h"
#include "core/rtmp/session_base.h"

#include <optional>
#include <string>
#include <vector>

namespace penstock::rtmp {

struct ServerSession::Impl final : SessionBase {
    enum class Stage { idle, pending, accepted };

    Impl(Handler &h, const Limits &l, Hmac hmac)
        : SessionBase(l, "the peer"), handler(h), handshake(hmac) {
        chunks.allow_media(false);
    }

    Handler &handler;
    Handshake handshake;
    std::optional<Result> failure;

    bool connected = false;
    std::string app, tc_url, client;
    Capabilities capabilities; ///< the peer's
    Stage stage = Stage::idle;
    bool wants_fc_publish = false; ///< onFCPublish is sent when the publish is accepted
    bool publish = false;          ///< whether the pending or accepted request is a publish
    uint32_t stream_id = 0;        ///< the message stream of that request
    std::vector<flv::Tag> early;   ///< media received between publish and its acceptance
    size_t early_bytes = 0;

    Result feed(ByteView input);
    Result on_message(Message &&message) override;
    Result on_media(Message &&message) override;
    Result on_data(Message &&message) override;
    Result on_command(ByteView body, uint32_t message_stream) override;
    void pass_warning(const std::string &text) override { handler.on_warning(text); }
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
    Result check_early() const;
    void deliver_early();
    void forget_early();
    void allow_media(bool allowed) { chunks.allow_media(allowed); }
    /// A connection has a single publish, so media belongs to it regardless of its message stream.
    bool takes_media() const { return stage != Stage::idle && publish; }
    void result(const Command &command, amf::Value value = amf::null()) {
        if (command.transaction != 0)
            answers.command(0, {amf::string("_result"), amf::number(command.transaction),
                                amf::null(), std::move(value)});
    }
    uint32_t command_stream = 0; ///< the message stream of the command being handled
};

} // namespace penstock::rtmp

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/rtmp/server_session.h"

#include "core/rtmp/server_session_impl.h"

#include <utility>
#include <vector>

namespace penstock::rtmp {
namespace {

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
    count(input);
    if (!handshake.done()) {
        const Result result = handshake.feed(input, answers.raw());
        if (!result.is_ok()) return result.needs_more() ? Result::ok() : result;
    }
    deliver_early();
    const Result result = chunks.feed(input);
    if (!result.is_ok()) return result;
    deliver_early();
    return acknowledge();
}

Result ServerSession::Impl::on_message(Message &&message) {
    deliver_early();
    // As other media of a peer that may not send any.
    if (message.type == message_type::aggregate && !takes_media()) return Result::ok();
    return SessionBase::on_message(std::move(message));
}

Result ServerSession::Impl::on_media(Message &&message) {
    if (!takes_media() || message.body().empty()) return Result::ok();
    take_tag(flv::frame_tag(static_cast<flv::TagType>(message.type), message.timestamp,
                            std::move(message.framed)));
    return check_early();
}

Result ServerSession::Impl::on_data(Message &&message) {
    if (!takes_media()) return Result::ok();
    std::vector<amf::Value> values;
    if (!read_data(message, values) || values[0].text == "@clearDataFrame") return Result::ok();
    auto tag = data_tag(std::move(message), values);
    if (!tag) return Result::ok();
    take_tag(std::move(*tag));
    return check_early();
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

void ServerSession::Impl::forget_early() {
    early.clear();
    early_bytes = 0;
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
    impl_->allow_media(false);
    impl_->forget_early();
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

bool ServerSession::request_reconnect(std::string_view tc_url, std::string_view description) {
    if (!impl_->connected || !impl_->capabilities.has(caps_ex::reconnect)) return false;
    amf::Value info =
        amf::object({{"level", amf::string("status")},
                     {"code", amf::string("NetConnection.Connect.ReconnectRequest")}});
    if (!tc_url.empty()) info.properties.push_back({"tcUrl", amf::string(tc_url)});
    if (!description.empty()) info.properties.push_back({"description", amf::string(description)});
    impl_->answers.command(0,
                           {amf::string("onStatus"), amf::number(0), amf::null(), std::move(info)});
    return true;
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

// SPDX-License-Identifier: LGPL-2.1-or-later
// A client session whose events are recorded, and its conversation with a server session.
#pragma once

#include "core/rtmp/client_session.h"
#include "unit/rtmp_client.hpp"

namespace rtmp_test {

/// Records a client session's events as lines of text.
struct ClientRecorder : rtmp::ClientSession::Handler {
    explicit ClientRecorder(bool publish, rtmp::Limits limits = {})
        : session(*this, request(publish), limits) {
        take();
    }
    static rtmp::ClientRequest request(bool publish) {
        return {publish, "live2?backup=1", "rtmp://127.0.0.1/live2?backup=1", "secret-key?a=b"};
    }

    rtmp::ClientSession session;
    std::vector<std::string> events;
    std::vector<flv::Tag> tags;
    std::vector<uint8_t> output;
    std::string error;
    size_t said = 0, heard = 0; ///< bytes that converse() has passed on

    void on_started() override { events.push_back("started"); }
    void on_tag(flv::Tag &&tag) override {
        size_t sum = 0;
        for (const uint8_t byte : tag.bytes.view())
            sum = sum * 31 + byte;
        events.push_back("tag " + std::to_string(int(tag.type)) + " at " +
                         std::to_string(tag.timestamp) + " sum " + std::to_string(sum));
        tags.push_back(std::move(tag));
    }
    void on_reconnect(const rtmp::ReconnectRequest &request) override {
        events.push_back("reconnect " + request.tc_url + ": " + request.said);
    }
    void on_warning(const std::string &text) override { events.push_back("warning " + text); }

    void take() {
        const auto more = session.take_output();
        output.insert(output.end(), more.begin(), more.end());
    }
    bool feed(ByteView input) {
        const Result result = session.feed(input);
        if (result.is_error()) error = result.reason();
        take();
        return result.is_ok();
    }
    bool sent(std::string_view text) const {
        return std::string_view(reinterpret_cast<const char *>(output.data()), output.size())
                   .find(text) != std::string_view::npos;
    }
};

/// A server's bytes, which do not depend on the client's.
struct ServerBytes : Client {
    ServerBytes() { handshake(); }
    ServerBytes &result(double transaction, amf::Value value = amf::null()) {
        command(0,
                {amf::string("_result"), amf::number(transaction), amf::null(), std::move(value)});
        return *this;
    }
    ServerBytes &failure(double transaction, std::string_view code, std::string_view text) {
        command(0, {amf::string("_error"), amf::number(transaction), amf::null(),
                    info("error", code, text)});
        return *this;
    }
    ServerBytes &status(std::string_view level, std::string_view code,
                        std::string_view text = "as asked") {
        command(1, {amf::string("onStatus"), amf::number(0), amf::null(), info(level, code, text)});
        return *this;
    }
    /// Goes on until the client publishes or plays.
    ServerBytes &created() {
        control(type::window_ack_size, 2500000);
        result(1, info("status", "NetConnection.Connect.Success", "ok"));
        return result(4, amf::number(1));
    }
    static amf::Value info(std::string_view level, std::string_view code, std::string_view text) {
        return amf::object({{"level", amf::string(level)},
                            {"code", amf::string(code)},
                            {"description", amf::string(text)}});
    }
};

} // namespace rtmp_test

// SPDX-License-Identifier: LGPL-2.1-or-later
// Shared by the RTMP tests: a client's bytes, and a record of the resulting events.
#pragma once

#include "core/amf/value.h"
#include "core/rtmp/chunk_reader.h"
#include "core/rtmp/chunk_writer.h"
#include "core/rtmp/message.h"
#include "core/rtmp/server_session.h"

#include <functional>
#include <initializer_list>
#include <string>
#include <vector>

namespace rtmp_test {

using namespace penstock;
namespace type = rtmp::message_type;

inline ByteView view(std::string_view text) {
    return ByteView(reinterpret_cast<const uint8_t *>(text.data()), text.size());
}

/// Builds a client's byte stream. Every message has a header of format 0.
struct Client {
    Writer out;
    uint32_t chunk_size = 128;

    Client &handshake() {
        out.u8(3);
        for (size_t i = 0; i < 2 * 1536; ++i)
            out.u8(i * 7);
        return *this;
    }
    Client &message(uint8_t message_type, uint32_t timestamp, uint32_t stream, ByteView body,
                    uint8_t chunk_stream = 3) {
        rtmp::write_message(out, chunk_stream, message_type, timestamp, stream, body, chunk_size);
        return *this;
    }
    Client &control(uint8_t message_type, uint32_t value) {
        Writer body;
        body.u32(value);
        return message(message_type, 0, 0, body.view(), 2);
    }
    Client &set_chunk_size(uint32_t size) {
        control(type::set_chunk_size, size);
        chunk_size = size;
        return *this;
    }
    Client &command(uint32_t stream, std::initializer_list<amf::Value> values) {
        Writer body;
        amf::write_all(body, values);
        return message(type::command_amf0, 0, stream, body.view());
    }
    Client &call(uint32_t stream, std::string_view name, double transaction,
                 std::string_view argument = {}) {
        return command(stream, {amf::string(name), amf::number(transaction), amf::null(),
                                amf::string(argument)});
    }
    Client &connect(std::string_view app, std::string_view tc_url = "rtmp://127.0.0.1/live") {
        return command(0, {amf::string("connect"), amf::number(1),
                           amf::object({{"app", amf::string(app)},
                                        {"tcUrl", amf::string(tc_url)},
                                        {"flashVer", amf::string("FMLE/3.0\n(test)")}})});
    }
    Client &publish(std::string_view name) {
        return call(0, "createStream", 4).call(1, "publish", 5, name);
    }
    Client &play(std::string_view name) {
        return call(0, "createStream", 4).call(1, "play", 0, name);
    }
};

/// A session whose events are recorded as lines of text.
struct Recorder : rtmp::ServerSession::Handler {
    enum class Answer { accept, refuse, wait };

    explicit Recorder(Answer how = Answer::accept, rtmp::Limits limits = {})
        : answer(how), session(*this, limits) {}

    Answer answer;
    rtmp::ServerSession session;
    std::vector<std::string> events;
    std::vector<flv::Tag> tags;
    std::string error;
    std::vector<uint8_t> output;

    void on_request(const rtmp::StreamRequest &request) override {
        events.push_back((request.publish ? "publish " : "play ") + request.path + "?" +
                         request.query);
        if (answer == Answer::accept) session.accept();
        if (answer == Answer::refuse) session.refuse(rtmp::Refusal::bad_name, "in use");
    }
    void on_tag(flv::Tag &&tag) override {
        const ByteView bytes = tag.bytes.view();
        size_t sum = 0;
        for (const uint8_t byte : bytes)
            sum = sum * 31 + byte;
        events.push_back("tag " + std::to_string(int(tag.type)) + " at " +
                         std::to_string(tag.timestamp) + ": " + std::to_string(bytes.size()) +
                         " bytes " + std::to_string(sum));
        tags.push_back(std::move(tag));
    }
    void on_stop() override { events.push_back("stop"); }
    void on_warning(const std::string &text) override { events.push_back("warning " + text); }

    bool feed(ByteView input) {
        const Result result = session.feed(input);
        if (result.is_error()) error = result.reason();
        const std::vector<uint8_t> more = session.take_output();
        output.insert(output.end(), more.begin(), more.end());
        return result.is_ok();
    }
    bool has(std::string_view event) const {
        for (const std::string &e : events)
            if (e.find(event) != std::string::npos) return true;
        return false;
    }
    /// Whether the server's output contains this text, ignoring chunk headers.
    bool sent(std::string_view text) const {
        return std::string_view(reinterpret_cast<const char *>(output.data()), output.size())
                   .find(text) != std::string_view::npos;
    }
    /// The server's messages after the handshake.
    std::vector<rtmp::Message> answers() const {
        std::vector<rtmp::Message> messages;
        if (output.size() < 3073) return messages;
        rtmp::ChunkReader reader({}, [&](rtmp::Message &&message) {
            messages.push_back(std::move(message));
            return Result::ok();
        });
        const Result result = reader.feed(ByteView(output).subspan(3073));
        if (!result.is_ok()) messages.clear();
        return messages;
    }
};

} // namespace rtmp_test

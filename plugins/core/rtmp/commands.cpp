// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/rtmp/commands.h"

#include "core/rtmp/capabilities.h"
#include "core/rtmp/chunk_writer.h"
#include "core/rtmp/message.h"

#include <iterator>

namespace penstock::rtmp {

std::string_view Command::text(size_t index) const {
    if (index >= arguments.size() || !arguments[index].is(amf::Type::string)) return {};
    return arguments[index].text;
}

bool Command::boolean(size_t index) const {
    return index < arguments.size() && arguments[index].is(amf::Type::boolean) &&
           arguments[index].boolean;
}

Result parse_command(ByteView body, Command &out) {
    std::vector<amf::Value> values;
    const Result result = amf::read_all(body, values);
    if (!result.is_ok()) return Result::error("malformed command: " + result.reason());
    if (values.empty() || !values[0].is(amf::Type::string))
        return Result::error("malformed command: it has no name");
    out.name = std::move(values[0].text);
    out.transaction = values.size() > 1 && values[1].is(amf::Type::number) ? values[1].number : 0;
    out.arguments.clear();
    if (values.size() > 2)
        out.arguments.assign(std::make_move_iterator(values.begin() + 2),
                             std::make_move_iterator(values.end()));
    return Result::ok();
}

void Answers::message(uint8_t chunk_stream, uint8_t type, uint32_t stream_id, ByteView body) {
    write_message(out_, chunk_stream, type, 0, stream_id, body, chunk_size);
}

void Answers::control(uint8_t type, uint32_t value) {
    Writer body;
    body.u32(value);
    message(chunk_stream::control, type, 0, body.view());
}

void Answers::set_peer_bandwidth(uint32_t window) {
    Writer body;
    body.u32(window).u8(2); // limit type 2: dynamic
    message(chunk_stream::control, message_type::set_peer_bandwidth, 0, body.view());
}

void Answers::set_chunk_size(uint32_t size) {
    control(message_type::set_chunk_size, size);
    chunk_size = size;
}

void Answers::user_control(uint16_t event, uint32_t value) {
    Writer body;
    body.u16(event).u32(value);
    user_control_body(body.view());
}

void Answers::user_control_body(ByteView body) {
    message(chunk_stream::control, message_type::user_control, 0, body);
}

void Answers::command(uint32_t stream_id, std::initializer_list<amf::Value> values) {
    Writer body;
    amf::write_all(body, values);
    message(chunk_stream::command, message_type::command_amf0, stream_id, body.view());
}

void Answers::data(uint32_t stream_id, std::initializer_list<amf::Value> values) {
    Writer body;
    amf::write_all(body, values);
    message(chunk_stream::data, message_type::data_amf0, stream_id, body.view());
}

void Answers::connected(double transaction) {
    amf::Value properties =
        amf::object({{"fmsVer", amf::string("FMS/3,0,1,123")}, {"capabilities", amf::number(31)}});
    amf::Value information = amf::object({{"level", amf::string("status")},
                                          {"code", amf::string("NetConnection.Connect.Success")},
                                          {"description", amf::string("Connection succeeded.")},
                                          {"objectEncoding", amf::number(0)}});
    // The specification does not say in which of them a client looks.
    add_capabilities(properties);
    add_capabilities(information);
    command(0, {amf::string("_result"), amf::number(transaction), std::move(properties),
                std::move(information)});
}

void Answers::status(uint32_t stream_id, std::string_view level, std::string_view code,
                     std::string_view description) {
    command(stream_id, {amf::string("onStatus"), amf::number(0), amf::null(),
                        amf::object({{"level", amf::string(level)},
                                     {"code", amf::string(code)},
                                     {"description", amf::string(description)}})});
}

} // namespace penstock::rtmp

// SPDX-License-Identifier: LGPL-2.1-or-later
// AMF0: parses values, bounded in depth, number and text size.
#include "core/amf/amf3.h"
#include "core/amf/markers.h"
#include "core/amf/value.h"

namespace penstock::amf {
namespace {

class Parser {
public:
    Parser(ByteView body, const Limits &limits) : in_(body), limits_(limits), budget_{limits} {}

    bool done() const { return in_.remaining() == 0; }

    Result value(Value &out, unsigned depth) {
        Result result = budget_.take_value(depth);
        if (!result.is_ok()) return result;
        const uint8_t type = in_.u8();
        switch (type) {
        case marker::number:
            out.type = Type::number;
            out.number = in_.f64();
            break;
        case marker::boolean:
            out.type = Type::boolean;
            out.boolean = in_.u8() != 0;
            break;
        case marker::string:
            out.type = Type::string;
            result = text(out.text, in_.u16(), limits_.max_string);
            break;
        case marker::long_string:
        case marker::xml:
            out.type = Type::string;
            result = text(out.text, in_.u32(), limits_.max_string);
            break;
        case marker::object:
            out.type = Type::object;
            result = properties(out, depth, false, 0);
            break;
        case marker::typed_object: {
            std::string class_name;
            out.type = Type::object;
            result = text(class_name, in_.u16(), limits_.max_name);
            if (result.is_ok()) result = properties(out, depth, false, 0);
            break;
        }
        case marker::ecma_array: {
            out.type = Type::ecma_array;
            const uint32_t count = in_.u32();
            result = properties(out, depth, true, count);
            break;
        }
        case marker::strict_array:
            out.type = Type::strict_array;
            result = items(out, depth);
            break;
        case marker::date:
            out.type = Type::date;
            out.number = in_.f64();
            in_.skip(2); // the time zone, reserved
            break;
        case marker::null:
            out.type = Type::null;
            break;
        case marker::undefined:
        case marker::unsupported:
            out.type = Type::undefined;
            break;
        case marker::avmplus:
            result = read_amf3(in_, out, budget_, depth);
            break;
        default:
            return in_.failed()
                       ? truncated()
                       : Result::error("AMF type " + std::to_string(type) + " is not supported");
        }
        if (!result.is_ok()) return result;
        return in_.failed() ? truncated() : Result::ok();
    }

private:
    static Result truncated() { return Result::error("AMF message ends inside a value"); }

    Result text(std::string &out, size_t length, size_t limit) {
        if (in_.failed()) return truncated();
        const Result counted = budget_.take_text(length, limit);
        if (!counted.is_ok()) return counted;
        const ByteView bytes = in_.take(length);
        if (in_.failed()) return truncated();
        out.assign(reinterpret_cast<const char *>(bytes.data()), bytes.size());
        return Result::ok();
    }

    Result properties(Value &out, unsigned depth, bool array, uint32_t count) {
        for (;;) {
            // The count of an ECMA array is only a hint, but some encoders rely on it and omit the
            // end marker of the metadata's last value.
            if (array && in_.remaining() == 0 && !in_.failed() && out.properties.size() >= count)
                return Result::ok();
            Property property;
            Result result = text(property.name, in_.u16(), limits_.max_name);
            if (!result.is_ok()) return result;
            if (property.name.empty()) {
                const ByteView rest = in_.rest();
                if (rest.empty()) return truncated();
                if (rest[0] == marker::object_end) {
                    in_.skip(1);
                    return Result::ok();
                }
            }
            result = value(property.value, depth + 1);
            if (!result.is_ok()) return result;
            out.properties.push_back(std::move(property));
        }
    }

    Result items(Value &out, unsigned depth) {
        const uint32_t count = in_.u32();
        for (uint32_t i = 0; i < count; ++i) {
            Value item;
            Result result = value(item, depth + 1);
            if (!result.is_ok()) return result;
            out.items.push_back(std::move(item));
        }
        return Result::ok();
    }

    Reader in_;
    const Limits &limits_;
    Budget budget_;
};

} // namespace

Result read_all(ByteView body, std::vector<Value> &out, const Limits &limits) {
    Parser parser(body, limits);
    while (!parser.done()) {
        Value value;
        Result result = parser.value(value, 0);
        if (!result.is_ok()) return result;
        out.push_back(std::move(value));
    }
    return Result::ok();
}

} // namespace penstock::amf

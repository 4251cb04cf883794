// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/amf/amf3.h"

namespace penstock::amf {
namespace {

/// Section 3.1.
namespace marker3 {
constexpr uint8_t undefined = 0, null = 1, false_value = 2, true_value = 3, integer = 4, number = 5,
                  string = 6, xml_document = 7, date = 8, array = 9, object = 10, xml = 11,
                  byte_array = 12;
} // namespace marker3

class Amf3Parser {
public:
    Amf3Parser(Reader &in, Budget &budget) : in_(in), budget_(budget) {}

    Result value(Value &out, unsigned depth) {
        Result result = budget_.take_value(depth);
        if (!result.is_ok()) return result;
        const uint8_t type = in_.u8();
        if (in_.failed()) return truncated();
        switch (type) {
        case marker3::undefined:
            out.type = Type::undefined;
            break;
        case marker3::null:
            out.type = Type::null;
            break;
        case marker3::false_value:
        case marker3::true_value:
            out.type = Type::boolean;
            out.boolean = type == marker3::true_value;
            break;
        case marker3::integer:
            out.type = Type::number;
            // A signed number of 29 bits.
            out.number = static_cast<int32_t>(u29() << 3) >> 3;
            break;
        case marker3::number:
            out.type = Type::number;
            out.number = in_.f64();
            break;
        case marker3::string:
            out.type = Type::string;
            result = string(out.text, budget_.limits.max_string);
            break;
        case marker3::xml_document:
        case marker3::xml:
        case marker3::byte_array:
            result = bytes(out);
            break;
        case marker3::date:
            if (is_new(out, u29())) {
                out.type = Type::date;
                out.number = in_.f64();
            }
            break;
        case marker3::array:
            result = array(out, depth);
            break;
        case marker3::object:
            result = object(out, depth);
            break;
        default:
            return Result::error("AMF3 type " + std::to_string(type) + " is not supported");
        }
        if (!result.is_ok()) return result;
        return in_.failed() ? truncated() : Result::ok();
    }

private:
    struct Traits {
        bool dynamic = false;
        std::vector<std::string> names;
    };

    static Result truncated() { return Result::error("AMF message ends inside a value"); }

    /// Section 1.3.1: one to four bytes, the fourth with eight bits.
    uint32_t u29() {
        uint32_t number = 0;
        for (int i = 0; i < 3; ++i) {
            const uint8_t byte = in_.u8();
            number = number << 7 | (byte & 0x7F);
            if (!(byte & 0x80)) return number;
        }
        return number << 8 | in_.u8();
    }

    /// The lowest bit tells a value from a reference to an earlier one.
    static bool is_new(Value &out, uint32_t head) {
        if (head & 1) return true;
        out.type = Type::undefined;
        return false;
    }

    Result take(std::string &out, size_t size, size_t limit) {
        if (in_.failed()) return truncated();
        Result result = budget_.take_text(size, limit);
        if (!result.is_ok()) return result;
        const ByteView view = in_.take(size);
        if (in_.failed()) return truncated();
        out.assign(reinterpret_cast<const char *>(view.data()), view.size());
        return Result::ok();
    }

    Result string(std::string &out, size_t limit) {
        const uint32_t head = u29();
        if (in_.failed()) return truncated();
        if (!(head & 1)) {
            if (head >> 1 >= strings_.size())
                return Result::error("AMF3 reference to a string that does not exist");
            const std::string &known = strings_[head >> 1];
            Result result = budget_.take_text(known.size(), limit);
            if (result.is_ok()) out = known;
            return result;
        }
        Result result = take(out, head >> 1, limit);
        // The empty string is never referred to.
        if (result.is_ok() && !out.empty()) strings_.push_back(out);
        return result;
    }

    Result bytes(Value &out) {
        const uint32_t head = u29();
        if (!is_new(out, head)) return Result::ok();
        out.type = Type::string;
        return take(out.text, head >> 1, budget_.limits.max_string);
    }

    /// Name and value pairs up to an empty name.
    Result properties(Value &out, unsigned depth) {
        for (;;) {
            Property property;
            Result result = string(property.name, budget_.limits.max_name);
            if (!result.is_ok()) return result;
            if (property.name.empty()) return Result::ok();
            result = value(property.value, depth + 1);
            if (!result.is_ok()) return result;
            out.properties.push_back(std::move(property));
        }
    }

    Result array(Value &out, unsigned depth) {
        const uint32_t head = u29();
        if (!is_new(out, head)) return Result::ok();
        Result result = properties(out, depth);
        if (!result.is_ok()) return result;
        out.type = out.properties.empty() ? Type::strict_array : Type::ecma_array;
        for (uint32_t i = 0; i < head >> 1; ++i) {
            Value item;
            result = value(item, depth + 1);
            if (!result.is_ok()) return result;
            if (out.type == Type::strict_array)
                out.items.push_back(std::move(item));
            else
                out.properties.push_back({std::to_string(i), std::move(item)});
        }
        return Result::ok();
    }

    /// Section 3.12.
    Result traits(uint32_t head, Traits &out) {
        if (!(head & 2)) {
            if (head >> 2 >= traits_.size())
                return Result::error("AMF3 reference to traits that do not exist");
            out = traits_[head >> 2];
            return Result::ok();
        }
        if (head & 4) return Result::error("AMF3 externalizable objects are not supported");
        out.dynamic = (head & 8) != 0;
        std::string class_name;
        Result result = string(class_name, budget_.limits.max_name);
        for (uint32_t i = 0; result.is_ok() && i < head >> 4; ++i) {
            // Counts the names as values, which bounds them.
            result = budget_.take_value(0);
            if (!result.is_ok()) break;
            std::string name;
            result = string(name, budget_.limits.max_name);
            out.names.push_back(std::move(name));
        }
        if (result.is_ok()) traits_.push_back(out);
        return result;
    }

    Result object(Value &out, unsigned depth) {
        const uint32_t head = u29();
        if (!is_new(out, head)) return Result::ok();
        out.type = Type::object;
        Traits shape;
        Result result = traits(head, shape);
        if (!result.is_ok()) return result;
        for (std::string &name : shape.names) {
            Property property;
            result = budget_.take_text(name.size(), budget_.limits.max_name);
            if (result.is_ok()) result = value(property.value, depth + 1);
            if (!result.is_ok()) return result;
            property.name = std::move(name);
            out.properties.push_back(std::move(property));
        }
        return shape.dynamic ? properties(out, depth) : Result::ok();
    }

    Reader &in_;
    Budget &budget_;
    std::vector<std::string> strings_;
    std::vector<Traits> traits_;
};

} // namespace

Result Budget::take_value(unsigned depth) {
    if (++values > limits.max_values)
        return Result::error("AMF message holds more than " + std::to_string(limits.max_values) +
                             " values");
    if (depth > limits.max_depth)
        return Result::error("AMF objects are nested deeper than " +
                             std::to_string(limits.max_depth));
    return Result::ok();
}

Result Budget::take_text(size_t size, size_t limit) {
    if (size > limit)
        return Result::error("AMF string of " + std::to_string(size) + " bytes (at most " +
                             std::to_string(limit) + ")");
    text += size;
    if (text > limits.max_text_total)
        return Result::error("AMF message holds more than " +
                             std::to_string(limits.max_text_total) + " bytes of text");
    return Result::ok();
}

Result read_amf3(Reader &in, Value &out, Budget &budget, unsigned depth) {
    return Amf3Parser(in, budget).value(out, depth);
}

} // namespace penstock::amf

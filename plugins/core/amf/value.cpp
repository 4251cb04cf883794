// SPDX-License-Identifier: LGPL-2.1-or-later
// AMF0: constructs, finds and writes values.
#include "core/amf/value.h"

#include "core/amf/markers.h"

#include <algorithm>

namespace penstock::amf {
namespace {

constexpr size_t short_max = 0xFFFF;

void write_name(Writer &out, std::string_view name) {
    name = name.substr(0, short_max);
    out.u16(name.size()).text(name);
}

void write_properties(Writer &out, const std::vector<Property> &properties) {
    for (const Property &property : properties) {
        // An empty name would be read as the end of the object.
        if (property.name.empty()) continue;
        write_name(out, property.name);
        write(out, property.value);
    }
    out.u16(0).u8(marker::object_end);
}

} // namespace

const Value *Value::find(std::string_view name) const {
    const auto it = std::find_if(properties.begin(), properties.end(),
                                 [&](const Property &p) { return p.name == name; });
    return it == properties.end() ? nullptr : &it->value;
}

std::string_view Value::text_of(std::string_view name) const {
    const Value *value = find(name);
    return value && value->is(Type::string) ? std::string_view(value->text) : std::string_view();
}

Value number(double value) {
    Value v;
    v.type = Type::number;
    v.number = value;
    return v;
}

Value boolean(bool value) {
    Value v;
    v.type = Type::boolean;
    v.boolean = value;
    return v;
}

Value string(std::string_view text) {
    Value v;
    v.type = Type::string;
    v.text = text;
    return v;
}

Value null() {
    return {};
}

Value object(std::initializer_list<Property> properties) {
    Value v;
    v.type = Type::object;
    v.properties = properties;
    return v;
}

void write(Writer &out, const Value &value) {
    switch (value.type) {
    case Type::number:
        out.u8(marker::number).f64(value.number);
        break;
    case Type::boolean:
        out.u8(marker::boolean).u8(value.boolean ? 1 : 0);
        break;
    case Type::string:
        if (value.text.size() > short_max)
            out.u8(marker::long_string).u32(value.text.size()).text(value.text);
        else
            out.u8(marker::string).u16(value.text.size()).text(value.text);
        break;
    case Type::object:
        out.u8(marker::object);
        write_properties(out, value.properties);
        break;
    case Type::null:
        out.u8(marker::null);
        break;
    case Type::undefined:
        out.u8(marker::undefined);
        break;
    case Type::ecma_array:
        out.u8(marker::ecma_array)
            .u32(std::ranges::count_if(value.properties,
                                       [](const Property &p) { return !p.name.empty(); }));
        write_properties(out, value.properties);
        break;
    case Type::strict_array:
        out.u8(marker::strict_array).u32(value.items.size());
        for (const Value &item : value.items)
            write(out, item);
        break;
    case Type::date:
        out.u8(marker::date).f64(value.number).u16(0);
        break;
    }
}

void write_all(Writer &out, std::initializer_list<Value> values) {
    for (const Value &value : values)
        write(out, value);
}

} // namespace penstock::amf

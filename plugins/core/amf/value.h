// SPDX-License-Identifier: LGPL-2.1-or-later
// AMF0 values and their serialization. Adobe Action Message Format AMF 0, section 2.
#pragma once

#include "core/bytes/result.h"
#include "core/bytes/writer.h"

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::amf {

enum class Type {
    number,
    boolean,
    string,
    object,
    null,
    undefined,
    ecma_array,
    strict_array,
    date
};

struct Property;

/// A value and its descendants. `type` determines which members are used.
struct Value {
    Type type = Type::null;
    double number = 0;                ///< number; date: milliseconds since 1970
    bool boolean = false;             ///< boolean
    std::string text;                 ///< string (also long strings and XML); raw bytes
    std::vector<Property> properties; ///< object (also typed), ecma_array; in wire order
    std::vector<Value> items;         ///< strict_array

    bool is(Type t) const { return type == t; }
    /// The first property with this name, or nullptr.
    const Value *find(std::string_view name) const;
    /// The text of a string property; empty if it is absent.
    std::string_view text_of(std::string_view name) const;
};

struct Property {
    std::string name;
    Value value;
};

Value number(double value);
Value boolean(bool value);
Value string(std::string_view text);
Value null();
Value object(std::initializer_list<Property> properties);

/// Limits on the content of a message; exceeding one is an error.
struct Limits {
    unsigned max_depth = 16;         ///< nesting depth of containers
    unsigned max_values = 4096;      ///< values of a message, at all depths
    size_t max_string = 64 << 10;    ///< bytes of a string
    size_t max_name = 1024;          ///< bytes of a property name
    size_t max_text_total = 1 << 20; ///< bytes of all strings and names of a message
};

/// Parses all values of a message body and appends them to `out`. On an error, `out` contains the
/// top-level values before it. AMF3 values behind the avmplus marker are read, too
/// (core/amf/amf3.h). References and Flash's reserved types are errors; no supported command or
/// metadata uses them.
Result read_all(ByteView body, std::vector<Value> &out, const Limits &limits = {});

/// Appends a value. Strings over 65535 bytes become long strings; names are truncated at 65535
/// bytes.
void write(Writer &out, const Value &value);
void write_all(Writer &out, std::initializer_list<Value> values);

} // namespace penstock::amf

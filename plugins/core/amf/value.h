// SPDX-License-Identifier: LGPL-2.1-or-later
// AMF0 values, read from and written to the wire. Adobe Action Message Format AMF 0, section 2.
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

/// One value and everything below it. Which members count depends on `type`.
struct Value {
    Type type = Type::null;
    double number = 0;                ///< number; date: milliseconds since 1970
    bool boolean = false;             ///< boolean
    std::string text;                 ///< string (long strings and XML too); raw bytes
    std::vector<Property> properties; ///< object (typed ones too), ecma_array; in wire order
    std::vector<Value> items;         ///< strict_array

    bool is(Type t) const { return type == t; }
    /// The first property of that name, or nullptr.
    const Value *find(std::string_view name) const;
    /// The text of a string property, or an empty view.
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

/// Bounds on the content of a message; reading more is an error.
struct Limits {
    unsigned max_depth = 16;         ///< containers inside containers
    unsigned max_values = 4096;      ///< values of one message, at all depths
    size_t max_string = 64 << 10;    ///< bytes of one string
    size_t max_name = 1024;          ///< bytes of one property name
    size_t max_text_total = 1 << 20; ///< bytes of all strings and names of one message
};

/// Reads all values of a message body and appends them to `out`. An error says what is wrong and
/// leaves in `out` the top-level values that were read before it. References, AMF3 values and
/// Flash's reserved types are errors: no command or metadata that we serve has them.
Result read_all(ByteView body, std::vector<Value> &out, const Limits &limits = {});

/// Appends a value. Strings over 65535 bytes become long strings; names are cut at 65535 bytes.
void write(Writer &out, const Value &value);
void write_all(Writer &out, std::initializer_list<Value> values);

} // namespace penstock::amf

// SPDX-License-Identifier: LGPL-2.1-or-later
// Big-endian numbers and AMF0 as needed by the load generator. Shares no code with the measured
// servers, so that their mistakes are not hidden.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace load {

/// Data for sockets is collected in strings.
using Buffer = std::string;

inline void put(Buffer &out, uint64_t value, int bytes) {
    while (bytes-- > 0)
        out.push_back(char(value >> (8 * bytes)));
}

inline uint32_t get(const uint8_t *at, int bytes) {
    uint32_t value = 0;
    while (bytes-- > 0)
        value = value << 8 | *at++;
    return value;
}

namespace amf {

inline void key(Buffer &out, std::string_view text) {
    put(out, text.size(), 2);
    out += text;
}
inline void string(Buffer &out, std::string_view text) {
    out.push_back(2);
    key(out, text);
}
inline void number(Buffer &out, double value) {
    uint64_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    out.push_back(0);
    put(out, bits, 8);
}
inline void boolean(Buffer &out, bool value) {
    out.push_back(1);
    out.push_back(char(value));
}
inline void null(Buffer &out) {
    out.push_back(5);
}
inline void begin_object(Buffer &out) {
    out.push_back(3);
}
inline void end_object(Buffer &out) {
    put(out, 9, 3);
}

} // namespace amf
} // namespace load

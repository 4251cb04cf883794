// SPDX-License-Identifier: LGPL-2.1-or-later
// Characters and attribute lists of HLS playlists: draft-pantos-hls-rfc8216bis-22, 4.1 and 4.2.
#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <string_view>

namespace conformance {

inline std::map<std::string, std::string> attributes(std::string_view text) {
    std::map<std::string, std::string> list;
    while (!text.empty()) {
        const size_t equals = text.find('=');
        if (equals == text.npos) break;
        const std::string name(text.substr(0, equals));
        text.remove_prefix(equals + 1);
        size_t end = 0;
        if (text.starts_with('"')) {
            end = text.find('"', 1);
            if (end == text.npos) break;
            list[name] = text.substr(1, end - 1);
            ++end;
        } else {
            end = std::min(text.find(','), text.size());
            list[name] = text.substr(0, end);
        }
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return list;
}

/// 4.1: UTF-8 without a byte order mark and without control characters.
inline bool is_plain(const std::string &text) {
    for (size_t i = 0; i < text.size();) {
        const auto byte = static_cast<unsigned char>(text[i]);
        const size_t more = byte < 0x80   ? 0
                            : byte < 0xC2 ? 9
                            : byte < 0xE0 ? 1
                            : byte < 0xF0 ? 2
                                          : 3;
        if (byte > 0xF4 || i + more >= text.size()) return false;
        for (size_t k = 1; k <= more; ++k)
            if ((static_cast<unsigned char>(text[i + k]) & 0xC0) != 0x80) return false;
        const bool control = (byte < 0x20 && byte != '\n' && byte != '\r') || byte == 0x7F ||
                             (byte == 0xC2 && static_cast<unsigned char>(text[i + 1]) < 0xA0);
        if (control) return false;
        i += more + 1;
    }
    return !text.starts_with("\xEF\xBB\xBF");
}

/// 4.2: names of capital letters, digits and "-", each once.
inline bool are_attributes(std::string_view text) {
    std::map<std::string, int> seen;
    while (!text.empty()) {
        const size_t equals = text.find('=');
        if (equals == text.npos || equals == 0) return false;
        const std::string name(text.substr(0, equals));
        if (name.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") != name.npos ||
            ++seen[name] > 1)
            return false;
        text.remove_prefix(equals + 1);
        const size_t quote = text.starts_with('"') ? text.find('"', 1) : 0;
        if (quote == text.npos) return false;
        const size_t end = std::min(text.find(',', quote), text.size());
        if (end == 0 || end + 1 == text.size()) return false;
        if (text[0] == '"' && quote + 1 != end) return false;
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return true;
}

} // namespace conformance

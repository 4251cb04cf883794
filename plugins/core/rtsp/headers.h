// SPDX-License-Identifier: LGPL-2.1-or-later
// The header fields of a message of RTSP, in their order. Names compare without case.
#pragma once

#include "core/sdp/text.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace penstock::rtsp {

class Headers : public std::vector<std::pair<std::string, std::string>> {
public:
    using vector::vector;

    /// The value of the first field of this name; nullptr if there is none.
    const std::string *find(std::string_view name) const {
        for (const auto &[key, value] : *this)
            if (sdp::same_word(key, name)) return &value;
        return nullptr;
    }
    /// The same; empty if there is none.
    std::string_view get(std::string_view name) const {
        const std::string *const value = find(name);
        return value ? std::string_view(*value) : std::string_view();
    }
    /// The values of all fields of this name.
    std::vector<std::string_view> all(std::string_view name) const {
        std::vector<std::string_view> out;
        for (const auto &[key, value] : *this)
            if (sdp::same_word(key, name)) out.push_back(value);
        return out;
    }
    void add(std::string_view name, std::string value) {
        emplace_back(std::string(name), std::move(value));
    }
    /// Replaces the first field of this name, or adds one.
    void set(std::string_view name, std::string value) {
        for (auto &[key, old] : *this)
            if (sdp::same_word(key, name)) {
                old = std::move(value);
                return;
            }
        add(name, std::move(value));
    }
};

} // namespace penstock::rtsp

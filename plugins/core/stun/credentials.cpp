// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/stun/credentials.h"

#include <algorithm>
#include <array>

namespace penstock::stun {
namespace {

constexpr std::string_view ice_chars =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr size_t ufrag_size = 8, password_size = 24;
constexpr size_t min_ufrag = 4, min_password = 22, max_size = 256;

bool is_text(std::string_view text, size_t least) {
    return text.size() >= least && text.size() <= max_size &&
           text.find_first_not_of(ice_chars) == text.npos;
}

} // namespace

Credentials make_credentials(Random random) {
    std::array<uint8_t, ufrag_size + password_size> bytes;
    random(bytes);
    std::string text;
    for (const uint8_t byte : bytes)
        text += ice_chars[byte % ice_chars.size()]; // 64 characters: each as likely
    return {text.substr(0, ufrag_size), text.substr(ufrag_size)};
}

bool are_valid(const Credentials &credentials) {
    return is_text(credentials.ufrag, min_ufrag) && is_text(credentials.password, min_password);
}

std::string_view receiver_ufrag(std::string_view username) {
    const size_t colon = username.find(':');
    return colon == username.npos ? std::string_view() : username.substr(0, colon);
}

} // namespace penstock::stun

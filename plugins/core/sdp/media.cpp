// SPDX-License-Identifier: LGPL-2.1-or-later
// The methods of offer.h's parts of a media section.
#include "core/sdp/offer.h"

#include "core/sdp/text.h"

namespace penstock::sdp {

std::string_view to_string(Direction direction) {
    static constexpr std::string_view names[] = {"sendrecv", "sendonly", "recvonly", "inactive"};
    return names[static_cast<size_t>(direction)];
}

Direction reversed(Direction direction) {
    if (direction == Direction::sendonly) return Direction::recvonly;
    return direction == Direction::recvonly ? Direction::sendonly : direction;
}

const std::string *Parameters::find(std::string_view name) const {
    for (const auto &[key, value] : *this)
        if (same_word(key, name)) return &value;
    return nullptr;
}

void Parameters::set(std::string_view name, std::string value) {
    for (auto &[key, old] : *this)
        if (same_word(key, name)) {
            old = std::move(value);
            return;
        }
    emplace_back(name, std::move(value));
}

std::string Parameters::to_string() const {
    std::string out;
    for (const auto &[key, value] : *this) {
        if (!out.empty()) out += ';';
        out += value.empty() ? key : key + "=" + value;
    }
    return out;
}

bool Codec::is(std::string_view other) const {
    return same_word(name, other);
}

std::optional<uint8_t> Codec::apt() const {
    const std::string *text = is("rtx") ? parameters.find("apt") : nullptr;
    const auto value = text ? number(*text, 127u) : std::nullopt;
    if (!value) return std::nullopt;
    return static_cast<uint8_t>(*value);
}

const Codec *MediaSection::codec(unsigned payload_type) const {
    for (const Codec &one : codecs)
        if (one.payload_type == payload_type) return &one;
    return nullptr;
}

const Codec *MediaSection::rtx_of(unsigned payload_type) const {
    for (const Codec &one : codecs)
        if (one.apt() == payload_type) return &one;
    return nullptr;
}

const Codec *MediaSection::red_of(const Codec &codec) const {
    const std::string type = std::to_string(codec.payload_type);
    for (const Codec &one : codecs)
        if (one.is("red") && one.clock == codec.clock && one.channels == codec.channels &&
            one.parameters.size() == 1 && one.parameters[0].first == type + "/" + type)
            return &one;
    return nullptr;
}

const Extension *MediaSection::extension(std::string_view uri) const {
    for (const Extension &one : extensions)
        if (one.uri == uri) return &one;
    return nullptr;
}

bool MediaSection::is_rtp() const {
    for (const std::string_view known :
         {"UDP/TLS/RTP/SAVPF", "UDP/TLS/RTP/SAVP", "TCP/TLS/RTP/SAVPF", "TCP/DTLS/RTP/SAVPF",
          "RTP/SAVPF", "RTP/SAVP"})
        if (same_word(protocol, known)) return true;
    return false;
}

} // namespace penstock::sdp

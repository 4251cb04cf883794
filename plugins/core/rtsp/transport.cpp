// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/rtsp/transport.h"

#include "core/sdp/text.h"

#include <algorithm>

namespace penstock::rtsp {
namespace {

constexpr size_t max_text = 256; ///< of an address or a mode

std::string_view unquoted(std::string_view text) {
    if (text.size() >= 2 && text.front() == '"' && text.back() == '"')
        return text.substr(1, text.size() - 2);
    return text;
}

/// "5000-5001", or "5000" for it and the next one.
std::optional<PortPair> parse_pair(std::string_view text, uint16_t most) {
    const std::string_view first = sdp::take_until(text, '-');
    const auto rtp = sdp::number<uint16_t>(first, most);
    if (!rtp) return std::nullopt;
    if (text.empty()) {
        if (*rtp == most) return std::nullopt;
        return PortPair{*rtp, static_cast<uint16_t>(*rtp + 1)};
    }
    const auto rtcp = sdp::number<uint16_t>(sdp::trimmed(text), most);
    if (!rtcp) return std::nullopt;
    return PortPair{*rtp, *rtcp};
}

/// Eight digits of hexadecimal by the standard. Fewer are common.
std::optional<uint32_t> parse_ssrc(std::string_view text) {
    uint32_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
}

std::string plain(std::string_view text) {
    if (text.size() > max_text) return {};
    const bool is_plain = std::all_of(text.begin(), text.end(), [](char c) {
        return c > ' ' && c <= '~' && c != ',' && c != ';' && c != '"';
    });
    return is_plain ? std::string(text) : std::string();
}

void take_parameter(std::string_view text, Transport &out) {
    std::string_view value = text;
    const std::string name = sdp::lower(sdp::take_until(value, '='));
    value = unquoted(sdp::trimmed(value));
    if (name == "multicast")
        out.is_multicast = true;
    else if (name == "interleaved")
        out.interleaved = parse_pair(value, 255);
    else if (name == "client_port")
        out.client_port = parse_pair(value, 65535);
    else if (name == "server_port")
        out.server_port = parse_pair(value, 65535);
    else if (name == "port")
        out.port = parse_pair(value, 65535);
    else if (name == "ttl")
        out.ttl = sdp::number<uint8_t>(value, 255);
    else if (name == "destination")
        out.destination = plain(value);
    else if (name == "source")
        out.source = plain(value);
    else if (name == "ssrc")
        out.ssrc = parse_ssrc(value);
    else if (name == "mode")
        out.mode = sdp::lower(plain(value));
}

/// "RTP/AVP", "RTP/AVP/TCP".
bool take_protocol(std::string_view text, Transport &out) {
    std::transform(text.begin(), text.end(), std::back_inserter(out.profile),
                   [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
    if (out.profile.ends_with("/TCP")) {
        out.is_tcp = true;
        out.profile.resize(out.profile.size() - 4);
    } else if (out.profile.ends_with("/UDP")) {
        out.profile.resize(out.profile.size() - 4);
    }
    return out.profile.starts_with("RTP/") && !plain(out.profile).empty();
}

void append_pair(std::string &out, const char *name, const std::optional<PortPair> &pair) {
    if (pair)
        out += ";" + std::string(name) + "=" + std::to_string(pair->rtp) + "-" +
               std::to_string(pair->rtcp);
}

std::string hex_of(uint32_t value) {
    static constexpr char digits[] = "0123456789ABCDEF";
    std::string out;
    for (int shift = 28; shift >= 0; shift -= 4)
        out += digits[value >> shift & 15];
    return out;
}

} // namespace

std::vector<Transport> parse_transports(std::string_view value) {
    std::vector<Transport> out;
    while (!value.empty() && out.size() < max_transports) {
        std::string_view one = sdp::take_until(value, ',');
        Transport transport;
        transport.profile.clear();
        if (!take_protocol(sdp::take_until(one, ';'), transport)) continue;
        while (!one.empty())
            take_parameter(sdp::take_until(one, ';'), transport);
        out.push_back(std::move(transport));
    }
    return out;
}

std::string write(const Transport &transport) {
    std::string out = transport.profile;
    if (transport.is_tcp) out += "/TCP";
    out += transport.is_multicast ? ";multicast" : ";unicast";
    if (!transport.destination.empty()) out += ";destination=" + transport.destination;
    if (!transport.source.empty()) out += ";source=" + transport.source;
    append_pair(out, "interleaved", transport.interleaved);
    append_pair(out, "port", transport.port);
    if (transport.ttl) out += ";ttl=" + std::to_string(*transport.ttl);
    append_pair(out, "client_port", transport.client_port);
    append_pair(out, "server_port", transport.server_port);
    if (transport.ssrc) out += ";ssrc=" + hex_of(*transport.ssrc);
    if (!transport.mode.empty()) out += ";mode=" + transport.mode;
    return out;
}

} // namespace penstock::rtsp
